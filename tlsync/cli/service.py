"""`tlsync service`: have the system run tlsync in the background."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import click

from tlsync.cli.main import GlobalOptions
from tlsync.cli.output import note, print_json, shown
from tlsync.cli.run_log import log_file_of
from tlsync.cli.wiring import key_store_of, settings_of
from tlsync.config import Settings, config_path
from tlsync.errors import NotYet, ServiceError, Unauthorized
from tlsync.log_files import follow, last_lines
from tlsync.service import kept_file
from tlsync.service.plan import Manager, service_for
from tlsync.store.process_lock import Holder, holder


@click.group("service")
def command() -> None:
    """Have the system run tlsync in the background, from logon on: systemd, launchd, or a task of Windows.

    The service runs with the settings that are in force now (--config, --profile). Its file is never overwritten once
    somebody has edited it.
    """


@command.command("install", epilog="Example:\n\n\b\n  tlsync --profile archive service install")
@click.option("--no-start", "is_only_written", is_flag=True, help="Only write the file.")
@click.option("--json", "is_json", is_flag=True, help="Print the outcome as JSON.")
@click.pass_obj
def install(options: GlobalOptions, is_only_written: bool, is_json: bool) -> int:
    """Write the service's file, start it, and have it started at each logon. May be repeated."""
    settings = settings_of(options)
    settings_id, manager = _manager(options)
    running = _holder_of(settings)
    outcome = kept_file.put(manager.path, manager.text(), settings_id, manager.encoding)
    trouble: ServiceError | None = None
    if not is_only_written:
        try:
            manager.enable(is_changed=outcome == "updated")
        except ServiceError as error:
            trouble = error
    is_started = not is_only_written and trouble is None
    if is_json:
        document = {
            "v": 1,
            "path": str(manager.path),
            "file": outcome,
            "started": is_started,
            "trouble": trouble.message if trouble else None,
            "by_hand": [] if is_started else manager.commands.by_hand,
            "undo": manager.commands.undo,
        }
        print_json(document)
        return 0
    click.echo(f"{outcome}: {shown(manager.path)}")
    if is_started:
        click.echo(f"tlsync is a service now ({manager.kind}); see tlsync service status")
    else:
        click.echo("not started" + (f" ({shown(trouble.message)})" if trouble else "") + "; to start it:")
        _print_commands(manager.commands.by_hand)
    click.echo("to undo it: tlsync service uninstall, which does")
    _print_commands(manager.commands.undo)
    if running is not None and is_started and outcome == "written":
        note(f"another tlsync is at work (process {running.pid}); the service takes over when that has ended")
    if manager.kind == "systemd":
        note("it ends when you log out; to keep it: loginctl enable-linger")
    _warn_of_key(settings)
    return 0


@command.command("uninstall")
@click.pass_obj
def uninstall(options: GlobalOptions) -> int:
    """Stop the service, and remove its file if nobody has edited it. The catalog, settings and sidecars stay."""
    settings_id, manager = _manager(options)
    if kept_file.condition(manager.path, settings_id, manager.encoding) != "other_settings":
        try:
            manager.disable()
        except ServiceError as error:
            note(f"could not be stopped: {shown(error.message)}")
    was_there = kept_file.remove(manager.path, settings_id, manager.encoding)
    if was_there:
        try:
            manager.forget()
        except ServiceError:
            pass  # where nobody runs services, nobody remembers one
    click.echo(f"removed: {shown(manager.path)}" if was_there else "there was no service")
    return 0


@command.command("start")
@click.pass_obj
def start(options: GlobalOptions) -> int:
    """Start the service."""
    manager = _installed(options)
    manager.start()
    return _say(manager)


@command.command("stop")
@click.pass_obj
def stop(options: GlobalOptions) -> int:
    """Stop the service until the next logon. To hold it back instead: tlsync pause."""
    manager = _installed(options)
    manager.stop()
    click.echo("stopped")
    return 0


@command.command("restart")
@click.pass_obj
def restart(options: GlobalOptions) -> int:
    """Stop and start the service, for example after a change of the settings."""
    manager = _installed(options)
    manager.restart()
    return _say(manager)


@command.command("status")
@click.option("--json", "is_json", is_flag=True, help="Print it as JSON.")
@click.pass_obj
def status(options: GlobalOptions, is_json: bool) -> int:
    """Say what the system says of the service; exit code 11 if it does not run. See also: tlsync status."""
    return _say(_installed(options), is_json=is_json)


@command.command("logs")
@click.option("-n", "--lines", default=100, type=click.IntRange(1), help="So many of the last lines (100).")
@click.option("-f", "--follow", "is_following", is_flag=True, help="Go on as lines come.")
@click.pass_obj
def logs(options: GlobalOptions, lines: int, is_following: bool) -> int:
    """Show the log of the service: the journal of the system, or the file of [log] where there is none."""
    settings = settings_of(options)
    words = _installed(options).logs(lines, is_following=is_following)
    tool = shutil.which(words[0]) if words else None
    if tool is not None:
        return _call(tool, *words[1:])
    file = log_file_of(settings)
    if not file.exists() and not is_following:
        what = f"{words[0]} is not on this machine" if words else f"{shown(file)}: nothing was logged yet"
        raise ServiceError(what, hint='with [log] file = "auto" there is a file; or tlsync run to see what it says')
    for line in last_lines(file, lines):
        click.echo(shown(line))
    if is_following:
        try:
            for line in follow(file):
                click.echo(shown(line))
        except KeyboardInterrupt:
            pass  # how following ends
    return 0


def _call(tool: str, *arguments: str) -> int:
    """Run a tool in the foreground. Ctrl-C is for it; that it ends so is no failure."""
    process = subprocess.Popen([tool, *arguments])
    while True:
        try:
            return max(0, process.wait())
        except KeyboardInterrupt:
            continue


def _say(manager: Manager, *, is_json: bool = False) -> int:
    found = manager.look()
    if is_json:
        document = {
            "v": 1,
            "path": str(manager.path),
            "manager": manager.kind,
            "enabled": found.is_enabled,
            "active": found.is_active,
            "detail": found.detail,
            "pid": found.pid,
            "text": found.text,
        }
        print_json(document)
    else:
        process = f", process {found.pid}" if found.pid else ""
        text = f": {shown(found.text)}" if found.text else ""
        click.echo(f"{manager.path.stem}: {found.detail}{process}{text}")
        click.echo("started at each logon" if found.is_enabled else "not started at logon")
    return 0 if found.is_active else 11


def _manager(options: GlobalOptions) -> tuple[str, Manager]:
    """The manager of this system, for the service of these settings."""
    config = config_path(options.config, profile=options.profile, env=os.environ)
    service = service_for(config, options.profile, os.environ)
    if sys.platform == "darwin":
        from tlsync.service.launchd import Launchd

        return service.settings_id, Launchd(service, Path.home())
    if sys.platform == "win32":
        import platformdirs

        from tlsync.service.task_scheduler import TaskScheduler

        return service.settings_id, TaskScheduler(service, Path(platformdirs.user_data_dir("tlsync", appauthor=False)))
    from tlsync.service.systemd import Systemd, units_folder

    return service.settings_id, Systemd(service, units_folder())


def _installed(options: GlobalOptions) -> Manager:
    settings_of(options)
    _, manager = _manager(options)
    if not manager.path.exists():
        raise ServiceError(f"{manager.path}: there is no such service", hint="tlsync service install")
    return manager


def _holder_of(settings: Settings) -> Holder | None:
    try:
        return holder(settings.state_dir)
    except OSError:
        return None


def _warn_of_key(settings: Settings) -> None:
    """A service does not see what stands in the environment of this shell."""
    from tlsync.api_key import load_api_key

    try:
        load_api_key(settings.platform.api_key_file, {}, key_store_of(settings.platform))
    except Unauthorized:
        note("a service finds no API key: the environment of this shell is not its own; keep it with tlsync auth login")
    except NotYet:
        pass  # a keyring that is locked; the service waits for it


def _print_commands(lines: list[str]) -> None:
    for line in lines:
        click.echo(f"  {line}")
