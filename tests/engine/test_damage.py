"""An engine whose catalog turns out damaged ends at once, so that somebody can set it aside."""

from __future__ import annotations

import threading

import pytest

from tests.workshop import QUICK_RETRIES, Workshop
from tlsync.api import TwelveLabs
from tlsync.cli.wiring import with_sound_catalog
from tlsync.clock import SystemClock
from tlsync.engine.engine import Engine
from tlsync.engine.progress import Silent
from tlsync.errors import CatalogDamaged
from tlsync.store.store import Store


def test_damage_that_any_thread_sees_ends_the_daemon(workshop: Workshop) -> None:
    settings = workshop.settings
    with (
        Store(settings.state_dir, SystemClock()) as store,
        TwelveLabs(
            api_key=workshop.server.api_key, base_url=settings.platform.base_url, retries=QUICK_RETRIES
        ) as client,
    ):
        engine = Engine(
            settings, store, client, workshop.prober,
            clock=SystemClock(), stop=threading.Event(), progress=Silent(), is_single_pass=False,
        )  # fmt: skip
        store._db.damage = CatalogDamaged("a page is broken")
        with pytest.raises(CatalogDamaged, match="a page is broken"):
            engine.run_forever()


def test_work_goes_on_once_with_a_fresh_catalog(workshop: Workshop) -> None:
    """Damage that comes back at once is told, and not fought."""
    tries: list[bool] = []

    def work() -> None:
        with Store(workshop.state_dir, SystemClock()) as store:
            tries.append(store.is_rebuilding)
        raise CatalogDamaged("broken again")

    with pytest.raises(CatalogDamaged):
        with_sound_catalog(workshop.settings, work)
    assert tries == [False, True]
    assert len(list(workshop.state_dir.glob("catalog.damaged-*"))) == 1
