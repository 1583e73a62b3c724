"""`tlsync entity`: people and things with a name, to be searched for with `tlsync search --entity NAME`."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from tlsync.cli.main import GlobalOptions
from tlsync.cli.output import is_terminal, note, print_json, print_table, shown
from tlsync.cli.wiring import absolute, platform_client, settings_of
from tlsync.errors import FileVanished, UnknownPath

if TYPE_CHECKING:
    from tlsync.api.types import Entity
    from tlsync.engine.entities import Entities

_collection_option = click.option(
    "--collection", default="tlsync", show_default=True, metavar="NAME", help="The collection that holds the entities."
)
_json_option = click.option("--json", "is_json", is_flag=True, help="Print it as JSON.")


@click.group("entity")
def command() -> None:
    """Teach the platform people and things by pictures, so that searches can name them."""


@command.command("add")
@click.argument("name")
@click.argument("images", nargs=-1, required=True, metavar="IMAGE…", type=click.Path(path_type=Path))
@_collection_option
@_json_option
@click.pass_obj
def add(options: GlobalOptions, name: str, images: tuple[Path, ...], collection: str, is_json: bool) -> int:
    """Make an entity of one or more pictures (JPEG, PNG), or add pictures to the one of that name."""
    from tlsync.engine.entity_images import check_images
    from tlsync.media.probe import Prober

    if not name.strip():
        raise click.UsageError("an entity needs a NAME")
    pictures = list(dict.fromkeys(absolute(images)))
    try:
        with Prober() as prober:
            check_images(pictures, prober)
    except FileVanished as error:
        raise UnknownPath(error.message, hint="nothing was sent; check the paths") from error
    with _entities(options, collection) as entities:
        added = entities.add(name, pictures, _tell if is_terminal() else lambda text: None)
    if is_json:
        document = {"v": 1, "collection": collection, "created": added.is_new, "added_images": len(pictures)}
        print_json(document | {"entity": _document(added.entity)})
        return 0
    images_text = f"{len(added.entity.asset_ids)} image(s)"
    click.echo(f"{shown(name)} is {'known now' if added.is_new else 'known better now'}, by {images_text}.")
    if added.entity.status == "processing":
        note("the platform still processes it: searches can name it when tlsync entity list says ready")
    return 0


@command.command("list")
@_collection_option
@_json_option
@click.pass_obj
def list_(options: GlobalOptions, collection: str, is_json: bool) -> int:
    """List the entities with their state."""
    with _entities(options, collection) as entities:
        found = entities.all()
    if is_json:
        print_json({"v": 1, "collection": collection, "entities": [_document(entity) for entity in found]})
    elif found:
        rows = [
            (entity.name or "", entity.status or "", str(len(entity.asset_ids)), entity.id, entity.created_at or "")
            for entity in found
        ]
        print_table(rows, ("NAME", "STATE", "IMAGES", "ID", "CREATED"))
    else:
        note("no entities yet: tlsync entity add NAME IMAGE… makes one")
    return 0


@command.command("remove")
@click.argument("name")
@_collection_option
@click.option("--yes", "is_sure", is_flag=True, help="Do not ask.")
@_json_option
@click.pass_obj
def remove(options: GlobalOptions, name: str, collection: str, is_sure: bool, is_json: bool) -> int:
    """Delete an entity on the platform, with the pictures that were uploaded for it. Your files stay."""
    with _entities(options, collection) as entities:
        doomed = entities.named(name)
        plan = ", ".join(
            f"{shown(entity.name or '')} ({entity.id}, {len(entity.asset_ids)} images)" for entity in doomed
        )
        if not is_sure:
            if not sys.stdin.isatty():
                raise click.UsageError(f"this would delete {plan}; say --yes to do it")
            if not click.confirm(f"Delete {plan} on the platform?", err=True):
                note("nothing was deleted")
                return 1
        removed = entities.remove(name)
    if is_json:
        print_json({"v": 1, "collection": collection, "removed": [_document(entity) for entity in removed]})
    else:
        click.echo(f"deleted {plan}")
    return 0


@contextmanager
def _entities(options: GlobalOptions, collection: str) -> Iterator[Entities]:
    """The entities of the settings' platform. Ctrl-C ends the waits; the client stays usable, to clear up."""
    from tlsync.clock import SystemClock
    from tlsync.daemon import stop_on_signals
    from tlsync.engine.entities import Entities

    settings = settings_of(options)
    stop = threading.Event()
    with stop_on_signals(stop), platform_client(settings) as client:
        yield Entities(client, SystemClock(), stop, collection)


def _tell(step: str) -> None:
    note(shown(step))


def _document(entity: Entity) -> dict[str, Any]:
    return {
        "id": entity.id,
        "name": entity.name,
        "status": entity.status,
        "images": len(entity.asset_ids),
        "created_at": entity.created_at,
    }
