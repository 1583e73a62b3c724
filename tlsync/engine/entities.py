"""People and things by name: kept as entities in one collection, so that a search can ask for them.

Kept here: what a call makes is taken away again when the call does not come to its end, or named when that fails.
A create call whose answer is lost is looked for before anything is said of it: names tell what is ours.

Source: contract, 2.4, 2.6 and 2.13.
"""

from __future__ import annotations

import difflib
import logging
import secrets
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tlsync.api import TwelveLabs
from tlsync.api.types import Asset, Entity
from tlsync.clock import Clock
from tlsync.engine.context import shown
from tlsync.errors import (
    ApiError,
    Interrupted,
    NotEligible,
    NotFound,
    NotYet,
    QuotaExceeded,
    Rejected,
    RemoteFailed,
    TlsyncError,
    UnknownPath,
)
from tlsync.models import AssetId

log = logging.getLogger(__name__)

COLLECTION = "tlsync"

_MARK = "tlsync-entity-"
"""How the names of images begin that tlsync uploaded for an entity: these go when the entity goes."""
_LONGEST_NAME = 255
_FIRST_POLL_S = 0.25
_LONGEST_POLL_S = 10.0
_PATIENCE_S = 600.0


@dataclass(frozen=True, slots=True)
class Added:
    """An entity after images were added. `is_new`: it was made for them."""

    entity: Entity
    is_new: bool


class Entities:
    """The entities of one collection of the account."""

    def __init__(self, client: TwelveLabs, clock: Clock, stop: threading.Event, collection: str = COLLECTION) -> None:
        """
        Args:
            client: Must not end its calls when `stop` is set: what was begun has to be taken away then.
            stop: Ends every wait.
        """
        self._client = client
        self._clock = clock
        self._stop = stop
        self._name = collection

    # Looking

    def collection_id(self) -> str | None:
        """The id of the collection, None while there is none of this name."""
        found = [item.id for item in self._client.entity_collections.list(name=self._name) if item.name == self._name]
        return found[-1] if found else None  # the oldest, should somebody have made a second one

    def all(self) -> list[Entity]:
        """All entities, by name."""
        collection_id = self.collection_id()
        if collection_id is None:
            return []
        found = self._client.entity_collections.entities.list(collection_id)
        return sorted(found, key=lambda entity: (entity.name or "", entity.created_at or ""))

    def named(self, name: str) -> list[Entity]:
        """The entities of a name, oldest first: the platform allows several.

        Raises:
            UnknownPath: There is none; the hint has the nearest names.
        """
        entities = self.all()
        found = [entity for entity in entities if entity.name == name]
        if not found:
            raise UnknownPath(f"no entity {name!r} in the collection {self._name!r}", hint=_nearest(name, entities))
        return found

    def marks(self, names: Sequence[str]) -> str:
        """Entities as a query names them: `<@ID> <@ID>`.

        Raises:
            UnknownPath: As `named`.
            NotYet: The platform still works on one.
        """
        marks = []
        for name in names:
            entity = self.named(name)[0]
            if entity.status == "processing":
                raise NotYet(f"the platform still processes the entity {name!r}", hint="try again in a minute")
            marks.append(f"<@{entity.id}>")
        return " ".join(marks)

    # Making

    def add(self, name: str, images: Sequence[Path], on_step: Callable[[str], None] = lambda text: None) -> Added:
        """Make an entity of images, or add them to the one of that name, and wait until it can be searched for.

        Args:
            images: JPEG or PNG files that were looked at.
            on_step: Is told what happens.

        Raises:
            FileError: The platform can't use an image.
            Interrupted: Asked to stop.
            TlsyncError: In all cases nothing is left of this call, or the log says what.
        """
        with self._undone_on_failure() as undo:
            collection_id = self.collection_id() or self._make_collection(undo)
            entities = self._client.entity_collections.entities
            asset_ids = [self._upload(image, undo, on_step) for image in images]
            on_step(f"the platform learns {name}")
            known = [entity for entity in entities.list(collection_id, name=name) if entity.name == name]
            if known:
                entity_id = known[-1].id
                undo.append((f"images of {name!r}", lambda: self._detach(collection_id, entity_id, asset_ids)))
                entities.create_assets(collection_id, entity_id, asset_ids=asset_ids)
            else:
                entity_id = self._make_entity(collection_id, name, asset_ids)
                undo.append((f"the entity {entity_id}", lambda: entities.delete(collection_id, entity_id)))
            return Added(self._until_ready(collection_id, entity_id, name), is_new=not known)

    def remove(self, name: str) -> list[Entity]:
        """Delete the entities of a name, and the images that tlsync uploaded for them alone.

        Raises:
            UnknownPath: As `named`.
        """
        removed = self.named(name)
        collection_id = self.collection_id()
        assert collection_id is not None, "an entity was found in it"
        for entity in removed:
            self._client.entity_collections.entities.delete(collection_id, entity.id)
        in_use = {asset_id for entity in self.all() for asset_id in entity.asset_ids}
        for asset_id in {asset_id for entity in removed for asset_id in entity.asset_ids} - in_use:
            self._delete_own_image(asset_id)
        return removed

    # Steps

    def _make_collection(self, undo: _Undo) -> str:
        try:
            collection_id = self._client.entity_collections.create(
                name=self._name, description="People and things known to tlsync"
            ).id
        except ApiError as error:
            found = self.collection_id() if error.maybe_applied else None
            if found is None:
                if isinstance(error, QuotaExceeded | Rejected):
                    others = ", ".join(repr(item.name) for item in self._client.entity_collections.list())
                    error.hint = f"plans limit collections; use one that is there: --collection {others}"
                raise
            collection_id = found
        undo.append((f"the collection {self._name!r}", lambda: self._drop_if_empty(collection_id)))
        return collection_id

    def _drop_if_empty(self, collection_id: str) -> None:
        """Another command may have put something in meanwhile."""
        if not self._client.entity_collections.entities.list(collection_id).first.items:
            self._client.entity_collections.delete(collection_id)

    def _upload(self, image: Path, undo: _Undo, on_step: Callable[[str], None]) -> AssetId:
        on_step(f"sending {shown(image)}")
        # The mark is unique, so that an upload whose answer is lost can be found.
        mark = f"{_MARK}{secrets.token_hex(6)}-"
        filename = mark + shown(Path(image.name))[-(_LONGEST_NAME - len(mark)) :]
        try:
            asset = self._client.assets.create(method="direct", file=image, filename=filename)
        except ApiError as error:
            found = self._uploaded(filename) if error.maybe_applied else None
            if found is None:
                raise
            asset = found
        undo.append((f"the image {asset.id} ({filename})", lambda: self._client.assets.delete(asset.id)))
        for _ in self._polls():
            if asset.status == "ready":
                return asset.id
            if asset.status == "failed":
                reason = asset.error.message if asset.error and asset.error.message else "no reason given"
                raise NotEligible(str(image), f"{shown(image)}: the platform can't use this image: {reason}")
            asset = self._client.assets.retrieve(asset.id)
        raise NotYet(f"{shown(image)}: the platform did not get the image ready in time", hint="try again later")

    def _uploaded(self, filename: str) -> Asset | None:
        images = self._client.assets.list(asset_types=["image"])  # newest first
        return next((asset for asset in images.first.items if asset.filename == filename), None)

    def _make_entity(self, collection_id: str, name: str, asset_ids: list[AssetId]) -> str:
        entities = self._client.entity_collections.entities
        try:
            return entities.create(collection_id, name=name, asset_ids=asset_ids).id
        except ApiError as error:
            if error.maybe_applied:
                for entity in entities.list(collection_id, name=name):
                    if set(entity.asset_ids) == set(asset_ids):
                        return entity.id
            raise

    def _until_ready(self, collection_id: str, entity_id: str, name: str) -> Entity:
        """The entity when it is ready, or as it is when that takes too long: it becomes ready by itself."""
        entities = self._client.entity_collections.entities
        entity = entities.retrieve(collection_id, entity_id)
        for _ in self._polls():
            if entity.status == "failed":
                raise RemoteFailed(f"the platform can't make an entity {name!r} of these images", "it does not say why")
            if entity.status != "processing":
                break
            entity = entities.retrieve(collection_id, entity_id)
        return entity

    def _detach(self, collection_id: str, entity_id: str, asset_ids: list[AssetId]) -> None:
        try:
            self._client.entity_collections.entities.delete_assets(collection_id, entity_id, asset_ids=asset_ids)
        except Rejected:
            pass  # they had not been added yet

    def _delete_own_image(self, asset_id: AssetId) -> None:
        try:
            asset = self._client.assets.retrieve(asset_id)
            if (asset.filename or "").startswith(_MARK):
                self._client.assets.delete(asset_id)
        except (NotFound, Rejected):
            pass  # gone already, or used by somebody else: not ours to delete

    def _polls(self) -> Iterator[None]:
        """Moments to look at something, further and further apart; ends when patience does.

        Raises:
            Interrupted: `stop` was set.
        """
        waited_s, wait_s = 0.0, _FIRST_POLL_S
        while not self._stop.is_set():
            yield
            if waited_s >= _PATIENCE_S:
                return
            self._clock.wait(self._stop, wait_s)
            waited_s += wait_s
            wait_s = min(wait_s * 1.5, _LONGEST_POLL_S)
        raise Interrupted("interrupted; nothing of it is kept")

    @contextmanager
    def _undone_on_failure(self) -> Iterator[_Undo]:
        """Take away, in reverse order, what was made inside, if the inside fails."""
        undo: _Undo = []
        try:
            yield undo
        except BaseException:
            left = []
            for what, take_away in reversed(undo):
                try:
                    take_away()
                except NotFound:
                    pass
                except TlsyncError as error:
                    left.append(f"{what} ({error.message})")
            if left:
                log.warning("left on the platform: %s", ", ".join(left))
            raise


_Undo = list[tuple[str, Callable[[], object]]]


def _nearest(name: str, entities: Sequence[Entity]) -> str:
    names = {entity.name.casefold(): entity.name for entity in entities if entity.name}
    near = difflib.get_close_matches(name.casefold(), names, n=3, cutoff=0.5)
    if near:
        return f"did you mean {' or '.join(repr(names[match]) for match in near)}?"
    known = ", ".join(sorted(names.values())[:10])
    return f"known are: {known}" if known else "there are none yet: tlsync entity add NAME IMAGE… makes one"
