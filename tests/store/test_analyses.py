"""Orders for analyses in the background, and the step that gave the catalog a place for them."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from tlsync.clock import SystemClock
from tlsync.models import ContentId, MediaInfo
from tlsync.store.migrations import catalog_schema
from tlsync.store.store import Store

MEDIA = MediaInfo(kind="video", duration_s=4000.0, container="mp4", width=640, height=360, fps="25/1")


def make_content(store: Store) -> ContentId:
    return store.contents.add(10, "fp", MEDIA).id


def test_an_order_goes_from_intent_to_task_to_nothing(store: Store) -> None:
    content_id = make_content(store)
    assert store.analyses.find(content_id, "q") is None
    order = store.analyses.intend(content_id, "q")
    assert (order.attempt, order.task_id) == (1, None)
    assert store.analyses.intend(content_id, "q") == order
    store.analyses.set_task(order, "t1")
    placed = store.analyses.find(content_id, "q")
    assert placed is not None
    assert placed.task_id == "t1"
    assert store.analyses.intend(content_id, "q") == placed
    assert store.analyses.find(content_id, "another question") is None
    store.analyses.drop(placed)
    assert store.analyses.find(content_id, "q") is None


def test_an_order_that_came_to_nothing_is_another_attempt(store: Store) -> None:
    order = store.analyses.intend(make_content(store), "q")
    store.analyses.set_task(order, "t1")
    store.analyses.give_up(order)
    again = store.analyses.intend(order.content_id, "q")
    assert (again.attempt, again.task_id) == (2, None)


def test_a_catalog_of_the_first_schema_is_brought_up_to_date(state_dir: Path, store: Store) -> None:
    content_id = make_content(store)
    store.close()
    connection = sqlite3.connect(state_dir / "catalog.db")
    connection.execute("DROP TABLE analyses")
    connection.execute("DELETE FROM _sqlite_migrations WHERE name = 'second_schema'")
    connection.commit()
    connection.close()
    with Store(state_dir, SystemClock()) as again:
        assert again.contents.get(content_id).media == MEDIA
        assert again.analyses.intend(content_id, "q").attempt == 1


def test_steps_keep_their_names() -> None:
    """A step that was released is never renamed: it would run again."""
    assert [step.name for step in catalog_schema._migrations][:2] == ["first_schema", "second_schema"]
