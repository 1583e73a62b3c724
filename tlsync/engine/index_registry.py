"""The platform's indexes by the names that the settings give them; made at first use, once."""

from __future__ import annotations

import logging
import threading

from tlsync.api import TwelveLabs
from tlsync.api.types import Index, IndexModel
from tlsync.clock import Clock
from tlsync.config import IndexSettings
from tlsync.engine.effective_limits import searching_models
from tlsync.errors import Rejected
from tlsync.models import IndexId
from tlsync.store.roots import RootRow, Roots

log = logging.getLogger(__name__)

_ABSENCE_BELIEVED_S = 30.0


class IndexRegistry:
    """Index names to ids, remembered in the catalog."""

    def __init__(self, client: TwelveLabs, roots: Roots, settings: IndexSettings, clock: Clock) -> None:
        self._client = client
        self._roots = roots
        self._settings = settings
        self._clock = clock
        self._lock = threading.Lock()
        self._absent_since_s: dict[str, float] = {}

    def find(self, root: RootRow, *, is_doubted: bool = False) -> IndexId | None:
        """The id of a root's index, None while the platform has no index of that name.

        Args:
            is_doubted: Ask, even if there was none a moment ago: another machine may be making it.
        """
        if root.index_id is not None:
            return root.index_id
        with self._lock:
            absent_since_s = self._absent_since_s.get(root.index_name)
            is_fresh = absent_since_s is not None and self._clock.monotonic_s() - absent_since_s < _ABSENCE_BELIEVED_S
            known = self._roots.get(root.id).index_id
            if known is None and is_fresh and not is_doubted:
                return None
            return known or self._look_up(root.index_name)

    def ensure(self, root: RootRow) -> IndexId:
        """The id of a root's index, which is made if need be."""
        if root.index_id is not None:
            return root.index_id
        with self._lock:
            known = self._roots.get(root.id).index_id or self._look_up(root.index_name)
            return known or self._create(root.index_name)

    def _look_up(self, name: str) -> IndexId | None:
        for index in self._client.indexes.list(index_name=name, page_limit=50):
            if index.index_name == name and index.id:
                return self._note(index)
        self._absent_since_s[name] = self._clock.monotonic_s()
        return None

    def _create(self, name: str) -> IndexId:
        try:
            created = self._ask_for_any(name)
        except Rejected as refusal:
            # Another machine was quicker, or an answer was lost: it can be found now.
            found = self._look_up(name) if refusal.remote_code == "index_name_already_exists" else None
            if found is None:
                raise
            return found
        log.info("index created name=%s id=%s", name, created)
        return self._note(self._client.indexes.retrieve(created))

    def _ask_for_any(self, name: str) -> IndexId:
        """With the models of the settings, or with those of them that the platform takes."""
        try:
            return self._ask_for(name, self._settings.models)
        except Rejected as refusal:
            # Later platforms take only models that search here; texts are then asked of the asset.
            searching = searching_models(self._settings.models)
            if searching == self._settings.models or refusal.remote_code == "index_name_already_exists":
                raise
            log.warning("the platform refuses these models, an index is made without texts reason=%s", refusal.message)
        return self._ask_for(name, searching)

    def _ask_for(self, name: str, models: tuple[str, ...]) -> IndexId:
        created = self._client.indexes.create(
            index_name=name,
            models=[IndexModel(model_name=model, model_options=self._settings.model_options) for model in models],
            addons=list(self._settings.addons) or None,
        )
        return IndexId(str(created.id))

    def _note(self, index: Index) -> IndexId:
        index_id = IndexId(str(index.id))
        models = tuple(model.model_name or "" for model in index.models or ())
        self._roots.set_index(str(index.index_name), index_id, models)
        self._absent_since_s.pop(str(index.index_name), None)
        return index_id
