"""`tlsync analyze`: ask a question about one clip, and read the answer as it comes."""

from __future__ import annotations

import json
import re
import sys
import threading
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import click

from tlsync.cli.main import GlobalOptions
from tlsync.cli.output import json_text, note, print_json, shown
from tlsync.cli.paid import beyond_caps_option, paid
from tlsync.cli.show import known_file
from tlsync.cli.wiring import absolute, platform_client, settings_of
from tlsync.errors import BadAnswer, ConfigError, FileVanished, NotYet, RemoteFailed, TlsyncError
from tlsync.states import FileState
from tlsync.store.reader import CatalogReader, FileView
from tlsync.terminal_text import printable

EXTRA_KEY = "x-analyses"
"""Where a sidecar holds the answers that `--save` keeps."""

_WORDS = re.compile(r"[^\n\t]+")
_CUT_HINT = "ask for less, or allow more with --max-tokens"


@click.command("analyze")
@click.argument("path", type=click.Path(path_type=Path))
@click.argument("prompt")
@click.option("--schema", "schema_file", type=click.Path(path_type=Path), help="JSON Schema that the answer follows.")
@click.option("--save", "save_as", metavar="NAME", help="Keep the answer in the sidecar under this name.")
@click.option("--temperature", type=click.FloatRange(0, 1), help="How free the answer may be, 0 to 1.")
@click.option("--max-tokens", type=click.IntRange(1), help="Most tokens of the answer.")
@beyond_caps_option
@click.option("--json", "is_json", is_flag=True, help="Print it as JSON, when it is whole.")
@click.pass_obj
def command(
    options: GlobalOptions,
    path: Path,
    prompt: str,
    schema_file: Path | None,
    save_as: str | None,
    temperature: float | None,
    max_tokens: int | None,
    is_beyond_caps: bool,
    is_json: bool,
) -> int:
    """Ask about a clip that is searchable, for example: tlsync analyze clip.mp4 "Who speaks, and where?"."""
    from tlsync.clock import SystemClock, to_text
    from tlsync.daemon import stop_on_signals
    from tlsync.engine.prices import text_micros, to_ms, tokens_of
    from tlsync.engine.prompting import Prompter, Question, video_of
    from tlsync.store.sidecars import Sidecars

    if not prompt.strip():
        raise click.UsageError("what to ask? Give a PROMPT")
    if save_as is not None and not save_as.strip():
        raise click.UsageError("--save needs a name")
    question = Question(prompt, _read_schema(schema_file), temperature, max_tokens)
    settings = settings_of(options)
    sidecars = Sidecars(settings.sidecar.location, settings.state_dir)
    clock, stop = SystemClock(), threading.Event()
    with CatalogReader(settings.state_dir) as reader:
        view = known_file(reader, absolute((path,))[0])
        video = video_of(view)
        sidecar = None
        if save_as is not None:
            sidecar = _sidecar_of(view)
            sidecars.check_extra(sidecar, view.path, EXTRA_KEY)  # before the answer is paid for
        is_streamed = not is_json and question.schema is None
        duration_ms = to_ms(view.duration_s)
        most_micros = text_micros(settings.prices, duration_ms, max_tokens)
        with (
            stop_on_signals(stop),
            platform_client(settings, stop) as client,
            paid(settings, "analyze", most_micros, is_beyond_caps=is_beyond_caps) as receipt,
            _Paper(is_used=is_streamed) as paper,
        ):
            answer = Prompter(client, reader, clock, stop).ask(video, question, paper.write)
            receipt.money_micros = text_micros(settings.prices, duration_ms, tokens_of(answer.text))
        model = _model(reader, view)
    if is_streamed and answer.is_cut:
        note(f"the answer was cut at the token limit; {_CUT_HINT}")
    value = answer.text if question.schema is None else _parsed(answer.text, is_cut=answer.is_cut)
    kept = {"prompt": prompt, "answer": value} | ({"model": model} if model else {})
    kept |= {"fetched_at": to_text(clock.now()), "sha256": view.sha256}
    problem = None
    if save_as is not None and sidecar is not None:
        try:
            sidecars.add_extra(sidecar, view.path, EXTRA_KEY, save_as, kept)
        except TlsyncError as error:
            problem, sidecar = error, None  # raised when the answer is out: it was paid for
    if is_json:
        document = {"v": 1, "path": str(view.path), "indexed_asset_id": view.indexed_asset_id, "model": model, **kept}
        print_json(document | {"is_cut": answer.is_cut, "sidecar": json_text(sidecar)})
    elif question.schema is not None:
        print_json(value)
    if problem is not None:
        raise problem
    return 0


def _read_schema(path: Path | None) -> dict[str, Any] | None:
    if path is None:
        return None
    try:
        schema = json.loads(path.read_text("utf-8"))
    except OSError as error:
        raise ConfigError(f"{shown(path)}: can't be read: {error.strerror}", hint="check --schema") from error
    except (ValueError, RecursionError) as error:
        raise ConfigError(f"{shown(path)}: not JSON: {error}", hint="--schema takes a JSON Schema file") from error
    if not isinstance(schema, dict):
        raise ConfigError(f"{shown(path)}: not a JSON Schema: an object is needed", hint="see json-schema.org")
    return schema


def _sidecar_of(view: FileView) -> Path:
    if view.sidecar is not None:
        return view.sidecar
    if view.state == FileState.READY:
        raise NotYet(f"{shown(view.path)}: has no sidecar yet to keep the answer in", hint="run tlsync sync first")
    raise FileVanished(
        str(view.path), f"{shown(view.path)}: has no sidecar to keep the answer in", hint="tlsync why PATH says why"
    )


def _model(reader: CatalogReader, view: FileView) -> str | None:
    """The model of the index that answers; platforms without one in the index do not say."""
    models = next((models for (root, _), models in reader.models().items() if root == str(view.root)), ())
    return next((model for model in models if model.startswith("pegasus")), None)


def _parsed(text: str, *, is_cut: bool) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        if is_cut:
            raise RemoteFailed("the answer is not whole", "cut at the token limit", hint=_CUT_HINT) from error
        raise BadAnswer(f"the answer is not JSON: {error}", hint="ask again; a simpler schema may help") from error


class _Paper:
    """Where an answer is written as it comes. Its line is ended, also when the answer breaks off."""

    def __init__(self, *, is_used: bool) -> None:
        self._is_used = is_used
        self._is_written = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._is_written:
            click.echo()

    def write(self, text: str) -> None:
        if self._is_used:
            self._is_written = True
            # What a model wrote may hold anything: a terminal is shown it, not steered by it. Files get it as it is.
            safe = _WORDS.sub(lambda words: printable(words[0]), text) if sys.stdout.isatty() else text
            click.echo(safe, nl=False, color=True)
