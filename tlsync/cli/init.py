"""`tlsync init`: from nothing to a settings file and a key, by a few questions or by options."""

from __future__ import annotations

import os
import shlex
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from tlsync.api_key import FoundKey
from tlsync.cli import init_questions as questions
from tlsync.cli.asking import KEY_HELP, account_of, can_ask, key_from_stdin, verified_key_from_terminal
from tlsync.cli.auth import keep_key
from tlsync.cli.main import GlobalOptions
from tlsync.cli.output import note, shown, size
from tlsync.cli.wiring import absolute, key_of, settings_of
from tlsync.config import AnalysisSettings, PlatformSettings, config_path, parse_settings
from tlsync.errors import ConfigError, NotYet, Unauthorized, Unreachable
from tlsync.secret import Secret

if TYPE_CHECKING:
    from tlsync.checkup.account import Account
    from tlsync.checkup.survey import Estimate, Survey
    from tlsync.config import Settings


@click.command("init")
@click.option(
    "--folder", "folders", multiple=True, type=click.Path(path_type=Path), help="A folder to watch; again for more."
)
@click.option("--index", help="The index that clips go to, by name; made at first use.")
@click.option("--models", callback=questions.parse_models, help="Models of a new index: marengo3.0,pegasus1.2")
@click.option("--kinds", callback=questions.parse_kinds, help="What to fetch: summary,chapters,… or all, or none.")
@click.option("--config", type=click.Path(path_type=Path, dir_okay=False), help="The file to write.")
@click.option("--key-stdin", "is_key_piped", is_flag=True, help="Read the API key from standard input.")
@click.option("--yes", "is_agreed", is_flag=True, help="Ask nothing: take the options, and what is usual.")
@click.pass_obj
def command(
    options: GlobalOptions,
    folders: tuple[Path, ...],
    index: str | None,
    models: tuple[str, ...] | None,
    kinds: tuple[str, ...] | None,
    config: Path | None,
    is_key_piped: bool,
    is_agreed: bool,
) -> int:
    """Set tlsync up: key, folders, index, and what to fetch. Writes a settings file, and never over another one.

    Nothing is kept or written before the last question; Ctrl-C leaves all as it was.
    """
    if config is not None:
        options = options._replace(config=config)
    file = config_path(options.config, profile=options.profile, env=os.environ)
    is_asking = can_ask() and not is_key_piped and not is_agreed
    if not is_asking and not is_agreed:
        raise click.UsageError("there is no terminal to ask on: give --folder and --yes")
    if file.exists() or file.is_symlink():
        return _use_what_is_there(options, file, absolute(folders), is_key_piped=is_key_piped, is_asking=is_asking)
    if not is_asking and not folders:
        raise click.UsageError("name at least one folder with --folder")

    from tlsync.config_writing import Answers, settings_text, write_new

    platform = settings_of(options, is_to_be_made=True).platform
    is_usual = platform.base_url == PlatformSettings().base_url
    if not is_usual:
        note(f"The platform is {shown(platform.base_url)}, from TWELVELABS_BASE_URL.")
    key, account = _key(platform, is_key_piped=is_key_piped, is_asking=is_asking)
    surveys = [_surveyed(folder) for folder in absolute(folders)] or questions.ask_folders(_surveyed)
    if is_asking and index is None:
        index, models = questions.ask_index(account, models)
    if is_asking and kinds is None:
        kinds = questions.ask_kinds()
    answers = Answers(
        folders=tuple(survey.path for survey in surveys),
        index=index or questions.USUAL_INDEX,
        kinds=AnalysisSettings().kinds if kinds is None else kinds,
        models=models,
        base_url=None if is_usual else platform.base_url,
    )
    text = settings_text(answers)
    settings = parse_settings(text, str(file))
    _tell_estimate(settings, surveys)
    if is_asking and not click.confirm(f"Write these settings to {shown(file)}?", default=True, err=True):
        note("nothing was written")
        return 1
    if key is not None:
        click.echo(keep_key(platform, key))
    write_new(file, text)
    click.echo(f"The settings are in {shown(file)}.")
    _tell_next(options, file, has_key=key is not None or _has_key(platform))
    return 0


def _key(platform: PlatformSettings, *, is_key_piped: bool, is_asking: bool) -> tuple[Secret | None, Account | None]:
    """A key that is to be kept, if a new one was given, and what the platform says.

    Raises:
        Unauthorized: The key is refused.
        Unreachable: It can't be checked, and the person wants to wait.
    """
    new: Secret | None = None
    if is_key_piped:
        new = key_from_stdin()
        return new, account_of(new, platform.base_url)
    try:
        found, account = _known_key(platform, may_replace=is_asking)
    except NotYet as locked:
        note(f"The key was not checked: {shown(locked.message)}")
        return None, None
    if found is not None:
        if account is not None:
            note(f"The platform takes the key from {shown(found.where)}.")
    elif is_asking:
        note(f"Where to find your API key: {KEY_HELP}.")
        note("What you type is not shown; Enter alone leaves it for later.")
        new, account = verified_key_from_terminal("API key", platform.base_url, may_be_empty=True)
        if new is None:
            return None, None
    else:
        note("There is no key yet.")
        return None, None
    if account is None and is_asking and not click.confirm("Go on without checking the key?", default=True, err=True):
        raise Unreachable("nothing was written: the platform can't be reached", hint="tlsync init again, later")
    return new, account


def _known_key(platform: PlatformSettings, *, may_replace: bool) -> tuple[FoundKey | None, Account | None]:
    """The key that is there and what the platform says; no key if there is none, or one that can be replaced here.

    Raises:
        Unauthorized: It is refused, and a new one would not be taken before it.
        NotYet: It is in a keyring that can't be read now.
    """
    try:
        found = key_of(platform)
    except Unauthorized:
        return None, None
    try:
        return found, account_of(found.secret, platform.base_url)
    except Unauthorized:
        if not may_replace or found.source not in ("login_file", "keyring"):
            raise
        note(f"The platform refuses the key from {shown(found.where)}; it may have expired.")
        return None, None


def _surveyed(folder: Path) -> Survey:
    """Look at a folder, and say what is in it."""
    from tlsync.checkup.survey import survey

    found = survey(folder)
    if found.files is None or found.size_bytes is None:
        note(f"{shown(folder)}: more files than can be counted in a moment, {found.kind}")
    else:
        note(f"{shown(folder)}: {found.files} media files, {size(found.size_bytes)}, {found.kind}")
    return found


def _tell_estimate(settings: Settings, surveys: list[Survey]) -> None:
    from tlsync.checkup.survey import estimate

    note("Looking at the clips …")
    found = estimate(settings, surveys)
    about = "" if found.is_whole else "about "
    rejected = f"; {about}{found.rejected} can't be taken (tlsync plan says why)" if found.rejected else ""
    sent = f"{about}{found.files} clips, {size(found.size_bytes)}, {found.minutes:.1f} minutes to index"
    click.echo(f"The first sync sends {sent}{rejected}; {_cost(settings, found)}.")


def _cost(settings: Settings, found: Estimate) -> str:
    """What the first sync costs, from its means: the plan reckons clip by clip."""
    from tlsync.cli.plan_text import cost_text
    from tlsync.engine.estimate import Estimator, Item
    from tlsync.store.reader import CatalogReader

    clips = max(1, found.files)
    items = [Item(found.size_bytes // clips, 60 * found.minutes / clips)] * found.files
    with CatalogReader(settings.state_dir) as reader:
        return cost_text(asdict(Estimator(settings, reader, datetime.now(UTC)).estimate(items).cost))


def _use_what_is_there(
    options: GlobalOptions, file: Path, folders: list[Path], *, is_key_piped: bool, is_asking: bool
) -> int:
    """A second `tlsync init`: the file stays as it is; a key that is lacking is asked for.

    Raises:
        ConfigError: The file is not usable, or something else was wanted than what is in it.
    """
    from tlsync.config_writing import exists_already, toml_text

    settings = settings_of(options)
    lacking = [folder for folder in folders if folder not in [root.path for root in settings.roots]]
    if lacking:
        refusal = exists_already(file)
        sections = ", ".join(f"[[root]] path = {toml_text(str(folder))}" for folder in lacking)
        raise ConfigError(refusal.message, hint=f"add to it: {sections}; or {refusal.hint}")
    click.echo(f"{shown(file)} is there already and stays as it is: {len(settings.roots)} folder(s) are watched.")
    key, _ = _key(settings.platform, is_key_piped=is_key_piped, is_asking=is_asking)
    if key is not None:
        click.echo(keep_key(settings.platform, key))
    _tell_next(options, file, has_key=key is not None or _has_key(settings.platform))
    return 0


def _has_key(platform: PlatformSettings) -> bool:
    try:
        key_of(platform)
    except Unauthorized:
        return False
    except NotYet:
        return True
    return True


def _tell_next(options: GlobalOptions, file: Path, *, has_key: bool) -> None:
    tlsync = "tlsync"
    if options.config is not None:
        tlsync += f" --config {shlex.quote(shown(absolute((file,))[0]))}"
    if options.profile is not None:
        tlsync += f" --profile {options.profile}"
    if not has_key:
        click.echo(f"Next, the key:  {tlsync} auth login")
    click.echo(
        f"Next:  {tlsync} sync    (one pass; {tlsync} run watches until Ctrl-C; {tlsync} doctor checks everything)"
    )
