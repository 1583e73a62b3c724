"""The journal of sessions that were asked for, and reading sidecars that anybody may have written."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest

from tests.store.test_sidecars import DOCUMENT
from tlsync.models import AssetId, ContentId, MediaInfo, UploadId
from tlsync.store.sidecar_format import NotASidecar, decode, encode, is_ours
from tlsync.store.store import Store

AT = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture
def content_id(store: Store) -> ContentId:
    return store.contents.add(10, "fp", MediaInfo("video", 5.0, "mp4")).id


def test_an_unanswered_intent_stays_in_doubt(store: Store, content_id: ContentId) -> None:
    store.sessions.intend(content_id, AT)
    store.sessions.intend(content_id, AT.replace(year=2027))
    doubt = store.sessions.doubt(content_id)
    assert doubt is not None
    assert (doubt.since, doubt.count) == (AT, 2)


def test_an_answer_ends_one_doubt_and_the_whole_file_ends_all(store: Store, content_id: ContentId) -> None:
    store.sessions.intend(content_id, AT)
    store.sessions.intend(content_id, AT)
    session = store.sessions.open(
        content_id, UploadId("u"), AssetId("a"), size_bytes=10, chunk_bytes=5, headers={}, expires_at=None
    )
    doubt = store.sessions.doubt(content_id)
    assert doubt is not None
    assert doubt.count == 1
    assert store.sessions.is_known(UploadId("u"))
    assert store.sessions.is_known_asset(AssetId("a"))
    assert not store.sessions.has_sent(content_id)
    store.sessions.complete(session)
    assert store.sessions.doubt(content_id) is None
    assert store.sessions.has_sent(content_id)


def test_a_refusal_leaves_no_doubt(store: Store, content_id: ContentId) -> None:
    store.sessions.intend(content_id, AT)
    store.sessions.answered(content_id)
    assert store.sessions.doubt(content_id) is None


def test_a_sidecar_is_read_as_it_was_written() -> None:
    assert decode(encode(DOCUMENT, extras={"x-a": 1}, old=None)) == DOCUMENT


@pytest.mark.parametrize(
    "garbage",
    [b"", b"null", b"[]", b"{", b"\xff", b"[" * 200_000, b'{"v": true, "generator": "tlsync 1"}', b'{"v": 1e999}'],
)
def test_garbage_is_no_sidecar(garbage: bytes) -> None:
    assert not is_ours(garbage)
    with pytest.raises(NotASidecar):
        decode(garbage)


@pytest.mark.parametrize(
    ("part", "key", "value"),
    [
        ("media", "sha256", "not hex"),
        ("media", "size_bytes", "10"),
        ("media", "duration_s", None),
        ("platform", "index_id", "../x"),
        ("platform", "indexed_asset_id", ""),
        ("platform", "indexed_at", "yesterday"),
        ("provenance", "summary", {"source": "x", "model": None, "prompt_sha256": None, "fetched_at": "never"}),
    ],
)
def test_a_field_of_another_form_makes_it_none(part: str, key: str, value: object) -> None:
    document = msgspec.json.decode(encode(DOCUMENT, extras={}, old=None))
    document[part][key] = value
    with pytest.raises(NotASidecar):
        decode(msgspec.json.encode(document))


def test_instants_alone_are_no_reason_to_write() -> None:
    old = encode(DOCUMENT, extras={}, old=None)
    document = msgspec.structs.replace(
        DOCUMENT,
        provenance={
            "summary": msgspec.structs.replace(DOCUMENT.provenance["summary"], fetched_at="2027-01-01T00:00:00Z")
        },
    )
    assert encode(document, extras={}, old=old) is old
    changed = msgspec.structs.replace(document, summary="Other.")
    assert encode(changed, extras={}, old=old) != old


def test_an_orphan_is_a_sidecar_whose_media_is_gone(tmp_path: Path) -> None:
    from tlsync.store.sidecars import Sidecars

    places = Sidecars("beside", tmp_path / "state")
    media = tmp_path / "clip.mp4"
    media.write_bytes(b"media")
    path = places.write(media, DOCUMENT)
    assert [found for found, _ in places.near(media)] == [path]
    assert not list(places.orphans(tmp_path))
    media.unlink()
    assert [found for found, _ in places.orphans(tmp_path)] == [path]
