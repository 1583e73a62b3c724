"""Puts the parts of the sandbox together: state and rules, and no framework."""

from __future__ import annotations

import random
from pathlib import Path

from tlsync.clock import Clock
from tlsync.sandbox.analysis_tasks import AnalysisTasks
from tlsync.sandbox.assets import Assets
from tlsync.sandbox.core import Core
from tlsync.sandbox.embed_v1 import EmbedV1
from tlsync.sandbox.embed_v2 import EmbedV2
from tlsync.sandbox.embedding_tasks import EmbeddingTasks
from tlsync.sandbox.entities import Entities
from tlsync.sandbox.entity_collections import EntityCollections
from tlsync.sandbox.facts import MediaReader
from tlsync.sandbox.generation import Generation
from tlsync.sandbox.indexed_assets import IndexedAssets
from tlsync.sandbox.indexes import Indexes
from tlsync.sandbox.ledger import Ledger
from tlsync.sandbox.links import Links
from tlsync.sandbox.previews import Previews
from tlsync.sandbox.quotas import Quotas
from tlsync.sandbox.searching import Searching
from tlsync.sandbox.settings import SandboxSettings
from tlsync.sandbox.sources import Sources
from tlsync.sandbox.storage import Storage
from tlsync.sandbox.tasks import Tasks
from tlsync.sandbox.transfers import Transfers
from tlsync.sandbox.uploads import Uploads
from tlsync.sandbox.videos import Videos

BASE_PATH = "/v1.3"


class World:
    """One platform with one account, living in one folder."""

    def __init__(
        self,
        folder: Path,
        *,
        clock: Clock,
        media: MediaReader,
        settings: SandboxSettings | None = None,
        source: random.Random | None = None,
    ) -> None:
        self.core = Core(folder, settings=settings or SandboxSettings(), clock=clock, media=media, source=source)
        self.settings = self.core.settings
        self.clock = clock
        self.faults = self.core.faults
        self.ledger = Ledger(self.core.db, self.core.now_ms)
        self.quotas = Quotas(self.settings.rate_limits)
        links = Links(self.core)
        self.storage = Storage(self.core)
        self.assets = Assets(self.core, links)
        self.uploads = Uploads(self.core, self.assets, self.storage)
        self.indexes = Indexes(self.core)
        self.indexed = IndexedAssets(self.core, self.assets, self.indexes)
        self.previews = Previews(self.core, self.assets, self.indexed)
        self.videos = Videos(self.core, self.indexes, self.indexed, self.previews)
        self.sources = Sources(self.core, self.assets)
        self.collections = EntityCollections(self.core)
        self.entities = Entities(self.core, self.assets, self.collections)
        self.searching = Searching(self.core, self.sources, self.entities, self.indexes, self.indexed, self.previews)
        self.generation = Generation(self.core, self.sources, self.indexed)
        self.analysis_tasks = AnalysisTasks(self.core, self.generation)
        embedding_tasks = EmbeddingTasks(self.core)
        self.embed_v1 = EmbedV1(self.core, self.sources, embedding_tasks)
        self.embed_v2 = EmbedV2(self.core, self.sources, embedding_tasks, BASE_PATH)
        self.tasks = Tasks(self.core, self.assets, self.indexes, self.indexed, self.videos, self.sources)
        self.transfers = Transfers(self.core, self.indexes)
        self.uploads.discard_expired()

    def expire_urls(self) -> None:
        """All chunk URLs handed out so far are over."""
        self.storage.expire_urls()

    def expire_sessions(self) -> None:
        """All unfinished upload sessions are over."""
        self.uploads.expire_sessions()

    def close(self) -> None:
        """End all waits and close the database. The folder stays."""
        self.core.close()
