"""Our client, and the command made of it, call every method on a sandbox that listens on a socket."""

from __future__ import annotations

import json
import logging
import typing
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import msgspec
import pytest

from tests.contract.cases import CASES
from tests.contract.preparations import Media, Place, make_media
from tlsync.api import AnalysisStream, Pages, SearchPages, UploadStatusPages
from tlsync.api.reference import Method, methods
from tlsync.api.types import Page, SearchResults, StreamEvent, UploadStatus, from_wire
from tlsync.cli.main import main
from tlsync.media.probe import Prober

every = pytest.mark.parametrize("name", sorted(CASES))
Call = Callable[[dict[str, Any]], Any]


@pytest.fixture(autouse=True)
def logging_as_it_was() -> Iterator[None]:
    """The command sets up logging for its process, which here is that of all tests."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)


@pytest.fixture(scope="module")
def media(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Media]:
    with Prober() as prober:
        yield make_media(tmp_path_factory.mktemp("media"), prober)


@pytest.fixture(scope="module")
def reference(media: Media) -> Iterator[Place]:
    place = Place(media, "2025-11")
    yield place
    place.close()


@pytest.fixture(scope="module")
def later(media: Media) -> Iterator[Place]:
    place = Place(media, "2026-07")
    yield place
    place.close()


@pytest.fixture
def place(name: str, request: pytest.FixtureRequest) -> Place:
    """The platform that has the method."""
    found: Place = request.getfixturevalue("reference" if methods()[name].in_reference else "later")
    return found


def run_case(name: str, place: Place, call: Call) -> None:
    """Drive a case: each of its calls must reach the method's own endpoint, and succeed there."""
    wire_name = "analyze" if name == "analyze_stream" else name
    steps = CASES[name](place)
    arguments = next(steps)
    while True:
        before = place.server.ledger.count(wire_name)
        answer = call(arguments)
        assert place.server.ledger.count(wire_name) > before
        try:
            arguments = steps.send(answer)
        except StopIteration:
            return


def test_every_method_has_a_case() -> None:
    assert set(CASES) == set(methods())


@every
def test_client_calls(name: str, place: Place) -> None:
    """The typed answer is what the call should have brought about."""
    method = methods()[name]

    def call(arguments: dict[str, Any]) -> Any:
        answer = method.bind(place.client)(**arguments)
        if isinstance(answer, AnalysisStream):
            with answer as events:
                return list(events)
        return list(answer) if isinstance(answer, Pages | UploadStatusPages | SearchPages) else answer

    run_case(name, place, call)


@every
def test_command_calls(
    name: str, place: Place, monkeypatch: pytest.MonkeyPatch, capsysbinary: pytest.CaptureFixture[bytes]
) -> None:
    """`tlsync api` takes the same arguments as options, and prints JSON that means the same."""
    method = methods()[name]
    monkeypatch.setenv("TWELVE_LABS_API_KEY", place.server.api_key)
    monkeypatch.setenv("TWELVELABS_BASE_URL", place.server.base_url)

    def call(arguments: dict[str, Any]) -> Any:
        with pytest.raises(SystemExit) as ending:
            main(["api", name, *_options(arguments), "--yes", *(["--all"] if _is_list(method) else [])])
        out, err = capsysbinary.readouterr()
        assert (ending.value.code, err) == (0, b"")
        return _typed(method, out)

    run_case(name, place, call)


def _options(arguments: dict[str, Any]) -> list[str]:
    """Arguments as a person would type them."""
    words: list[str] = []
    for name, value in arguments.items():
        option = f"--{name.replace('_', '-')}"
        if isinstance(value, bool):
            words.append(option if value else f"--no-{option[2:]}")
        elif isinstance(value, list | tuple):
            words += [word for item in value for word in (option, _text(item))]
        else:
            words += [option, _text(value)]
    return words


def _text(value: Any) -> str:
    if isinstance(value, Mapping | msgspec.Struct):
        return msgspec.json.encode(value).decode()
    return str(value)


def _is_list(method: Method) -> bool:
    kind = method.signature.return_annotation
    return (typing.get_origin(kind) or kind) in (Pages, UploadStatusPages, SearchPages)


def _typed(method: Method, out: bytes) -> Any:
    """What was printed, as the client would have returned it."""
    kind = method.signature.return_annotation
    if kind is None:
        assert out == b""
        return None
    if kind is AnalysisStream:
        return [from_wire(json.loads(line), StreamEvent) for line in out.splitlines()]
    document = json.loads(out)
    if not _is_list(method):
        return from_wire(document, kind)
    assert "page_info" not in document
    if kind is UploadStatusPages:
        return list(from_wire(document, UploadStatus).items)
    if kind is SearchPages:
        return list(from_wire(document, SearchResults).items)
    return list(from_wire(document, Page[typing.get_args(kind)[0]]).items)  # type: ignore[misc]


def test_removed_methods_say_what_to_use(
    later: Place, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """On a server without them, the command fails with the name of the replacement."""
    monkeypatch.setenv("TWELVE_LABS_API_KEY", later.server.api_key)
    monkeypatch.setenv("TWELVELABS_BASE_URL", later.server.base_url)
    removed = [method for method in methods().values() if method.lifetime == "removed"]
    assert len(removed) == 7
    for method in removed:
        needed = {name: one for name, one in method.signature.parameters.items() if one.default is one.empty}
        values = {"type": "summary", "types": "title"}
        words = _options({name: values.get(name, "65f0b00000000000000011b8") for name in needed})
        with pytest.raises(SystemExit) as ending:
            main(["api", method.name, *words, "--yes"])
        out, err = capsys.readouterr()
        assert (ending.value.code, out) == (1, "")
        assert method.instead in err
