"""Who may go on with a content, and what is kept of it."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from tlsync.clock import SystemClock
from tlsync.models import Chapter, ContentId, Gist, MediaInfo, StatSignature
from tlsync.states import FileState
from tlsync.store.catalog import FileRow
from tlsync.store.store import Store

MEDIA = MediaInfo(kind="video", duration_s=5.0, container="mp4", width=640, height=360, fps="30000/1001")
INDEX = "65f0b0000000000000000a01"


def settling(store: Store, name: str) -> FileRow:
    root = store.roots.ensure(Path("/footage"), "clips")
    file = store.catalog.add(root.id, name.encode(), StatSignature(10, 1, 2, 3))
    return store.catalog.move(file, FileState.SETTLING)


def identified(store: Store, name: str) -> FileRow:
    file = settling(store, name)
    claim = store.contents.claim(file.id, 10, "fp", MEDIA)
    return store.catalog.move(file, FileState.IDENTIFIED, content_id=claim.content.id)


def claim_of(store: Store, file: FileRow) -> str:
    return store.contents.claim(file.id, 10, "fp", MEDIA).kind


def test_media_facts_come_back_as_they_were_kept(store: Store) -> None:
    content = store.contents.add(10, "fp", MEDIA)
    assert store.contents.get(content.id).media == MEDIA


def test_the_first_of_two_equal_files_goes_and_the_second_waits(store: Store) -> None:
    first, second = identified(store, "a.mp4"), identified(store, "b.mp4")
    assert (claim_of(store, first), claim_of(store, second)) == ("mine", "busy")


def test_of_three_equal_files_none_waits_for_ever(store: Store) -> None:
    """When the first goes away, exactly one of those that waited goes on."""
    first, second, third = (identified(store, name) for name in ("a.mp4", "b.mp4", "c.mp4"))
    store.catalog.move(first, FileState.MISSING)
    assert (claim_of(store, second), claim_of(store, third)) == ("mine", "busy")


def test_a_file_that_is_uploading_holds_its_content_against_earlier_ones(store: Store) -> None:
    first, second = identified(store, "a.mp4"), identified(store, "b.mp4")
    store.catalog.move(second, FileState.UPLOADING)
    assert claim_of(store, first) == "busy"


def test_a_failed_file_holds_its_content_only_while_it_will_be_retried(store: Store) -> None:
    first, second = identified(store, "a.mp4"), identified(store, "b.mp4")
    uploading = store.catalog.move(first, FileState.UPLOADING)
    failed = store.catalog.move(uploading, FileState.FAILED, retry_at=SystemClock().now())
    assert claim_of(store, second) == "busy"
    store.catalog.note(failed, "for good", retry_at=None)
    assert claim_of(store, second) == "mine"


def test_proven_content_is_known_and_others_are_not(store: Store) -> None:
    file = identified(store, "a.mp4")
    assert file.content_id is not None
    store.contents.prove(file.content_id, "0" * 64)
    assert claim_of(store, settling(store, "b.mp4")) == "known"
    assert store.contents.claim(file.id, 11, "fp", MEDIA).kind == "mine"


def test_an_intent_to_index_is_kept_until_the_id_comes(store: Store) -> None:
    content = store.contents.add(10, "fp", MEDIA)
    intent = store.contents.intend_indexing(content.id, INDEX)  # type: ignore[arg-type]
    assert intent.indexed_asset_id is None
    assert store.contents.intend_indexing(content.id, INDEX) == intent  # type: ignore[arg-type]
    store.contents.set_indexed(content.id, INDEX, "65f0b0000000000000000b02", "pending")  # type: ignore[arg-type]
    row = store.contents.indexed(content.id, INDEX)  # type: ignore[arg-type]
    assert row is not None
    assert (row.indexed_asset_id, row.intended_at) == ("65f0b0000000000000000b02", intent.intended_at)


@pytest.mark.parametrize(
    ("kind", "value", "kept"),
    [
        ("summary", "Boats.", "Boats."),
        ("gist", Gist("Boats", ("sea",), ()), {"title": "Boats", "topics": ["sea"], "hashtags": []}),
        (
            "chapters",
            (Chapter(0, 0.0, 1.5, "A", "B"),),
            [{"number": 0, "start_s": 0.0, "end_s": 1.5, "title": "A", "summary": "B"}],
        ),
        ("highlights", (), []),
        ("transcription", None, None),
    ],
)
def test_enrichments_come_back_as_they_were_kept(store: Store, kind: str, value: object, kept: object) -> None:
    content = store.contents.add(10, "fp", MEDIA)
    store.contents.set_enrichment(
        content.id, INDEX, kind, value, source="summarize", model=None, reason=None if value is not None else "silent"
    )  # type: ignore[arg-type]
    row = store.contents.enrichments(content.id, INDEX)[kind]  # type: ignore[arg-type]
    assert row.value == kept
    assert (row.reason is None) == (value is not None)


def test_what_was_learned_is_forgotten_after_its_time(store: Store) -> None:
    store.contents.learn("texts", "analyze")
    assert store.contents.learned("texts", valid_for=timedelta(days=7)) == "analyze"
    assert store.contents.learned("texts", valid_for=timedelta(seconds=-1)) is None
    assert store.contents.learned("other", valid_for=timedelta(days=7)) is None


def test_unknown_content_has_no_asset(store: Store) -> None:
    assert store.contents.asset(ContentId(1)) is None
