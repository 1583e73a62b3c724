"""The journal of uploads: what was acknowledged is never forgotten while its session lives."""

from __future__ import annotations

import pytest

from tlsync.clock import SystemClock
from tlsync.models import AssetId, ContentId, MediaInfo, UploadId
from tlsync.store.sessions import Session, Sessions
from tlsync.store.store import Store

MEDIA = MediaInfo(kind="audio", duration_s=5.0, container="wav")


@pytest.fixture
def content_id(store: Store) -> ContentId:
    return store.contents.add(25, "fp", MEDIA).id


def open_session(store: Store, content_id: ContentId, upload_id: str = "u1") -> Session:
    return store.sessions.open(
        content_id,
        upload_id,  # type: ignore[arg-type]
        "a-" + upload_id,  # type: ignore[arg-type]
        size_bytes=25,
        chunk_bytes=10,
        headers={"Content-Type": "application/octet-stream"},
        expires_at=None,
    )


def test_a_session_comes_back_as_it_was_opened(store: Store, content_id: ContentId) -> None:
    session = open_session(store, content_id)
    assert store.sessions.active(content_id) == session


@pytest.mark.parametrize("name", ["Authorization", "X-Amz-Security-Token", "cookie", "x-goog-encryption-key"])
def test_headers_that_look_like_credentials_are_never_stored(store: Store, content_id: ContentId, name: str) -> None:
    """They live in memory; a later process knows that some are lacking."""
    headers = {"Content-Type": "video/mp4", name: "s3cret-value"}
    opened = store.sessions.open(
        content_id, UploadId("u"), AssetId("a"), size_bytes=25, chunk_bytes=10, headers=headers, expires_at=None
    )
    assert (opened.headers, opened.lacks_headers) == (headers, False)
    (row,) = store._db.rows("SELECT headers FROM sessions")
    assert "s3cret" not in row["headers"]
    later = Sessions(store._db, SystemClock()).active(content_id)
    assert later is not None
    assert (later.headers, later.lacks_headers) == ({"Content-Type": "video/mp4"}, True)


def test_recorded_chunks_come_back_with_their_proof(store: Store, content_id: ContentId) -> None:
    session = open_session(store, content_id)
    store.sessions.record(session, 2, 10, "etag2")
    store.sessions.record(session, 3, 5, "etag3")
    store.sessions.reported(session, [3])
    chunks = store.sessions.chunks(session)
    assert [(c.number, c.size_bytes, c.etag, c.is_reported) for _, c in sorted(chunks.items())] == [
        (2, 10, "etag2", False),
        (3, 5, "etag3", True),
    ]


def test_a_new_session_takes_the_place_of_the_old_one(store: Store, content_id: ContentId) -> None:
    old = open_session(store, content_id, "u1")
    store.sessions.record(old, 1, 10, "etag")
    new = open_session(store, content_id, "u2")
    assert store.sessions.active(content_id) == new
    assert store.sessions.chunks(old) == store.sessions.chunks(new) == {}


def test_a_discarded_chunk_has_to_be_sent_again(store: Store, content_id: ContentId) -> None:
    session = open_session(store, content_id)
    store.sessions.record(session, 1, 10, "etag")
    store.sessions.discard(session, 1)
    assert store.sessions.chunks(session) == {}


@pytest.mark.parametrize("end", ["complete", "abandon"])
def test_an_ended_session_is_not_active(store: Store, content_id: ContentId, end: str) -> None:
    session = open_session(store, content_id)
    if end == "complete":
        store.sessions.complete(session)
    else:
        store.sessions.abandon(content_id)
    assert store.sessions.active(content_id) is None
