"""What is on the platform is listed with the files here; what is deleted there stays deleted."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.cli.conftest import Tlsync
from tests.workshop import Workshop
from tlsync.api import TwelveLabs

MakeClip = Callable[..., Path]


def listed(tlsync: Tlsync, *options: str) -> list[dict[str, Any]]:
    outcome = tlsync("remote", "list", "--json", *options)
    assert outcome.code == 0, outcome.err
    items: list[dict[str, Any]] = outcome.json["items"]
    return items


def second_entry(tlsync: Tlsync, client: TwelveLabs) -> str:
    """Index the clip once more, with the same stamp: what two machines may do at the same moment."""
    entry = next(item for item in listed(tlsync) if item["kind"] == "indexed_asset")
    entries = client.indexes.indexed_assets
    detail = entries.retrieve(entry["index_id"], entry["id"])
    again = entries.create(entry["index_id"], asset_id=entry["asset_id"])
    entries.update(entry["index_id"], again.id, user_metadata=dict(detail.user_metadata))
    return str(again.id)


def test_everything_is_listed_with_its_local_file(tlsync: Tlsync, clip: Path) -> None:
    items = listed(tlsync)
    assert {item["kind"] for item in items} == {"asset", "indexed_asset"}
    assert all(item["paths"] == [str(clip)] and item["relation"] == "known" for item in items)
    assert "harbour.mp4" in tlsync("remote", "list").out
    assert [item["kind"] for item in listed(tlsync, "--index", "clips")] == ["indexed_asset"]
    assert tlsync("remote", "list", "--index", "none").code == 4


def test_what_nothing_ties_to_tlsync_is_unknown(tlsync: Tlsync, clip: Path, client: TwelveLabs) -> None:
    other = client.assets.create(method="direct", file=clip, filename="other.mp4")
    assert [item["id"] for item in listed(tlsync, "--unknown")] == [str(other.id)]
    assert tlsync("remote", "delete", "--unknown", "--yes", "--json").json["deleted"] == [str(other.id)]
    assert len(listed(tlsync)) == 2


def test_an_entry_of_a_file_that_is_not_here_is_ours(tlsync: Tlsync, workshop: Workshop, clip: Path) -> None:
    shutil.rmtree(workshop.state_dir)
    clip.unlink()
    entries = [item for item in listed(tlsync, "--ours") if item["kind"] == "indexed_asset"]
    assert [(item["relation"], item["paths"]) for item in entries] == [("ours", [])]


def test_a_second_entry_is_spare_and_can_be_deleted_alone(
    tlsync: Tlsync, workshop: Workshop, clip: Path, client: TwelveLabs
) -> None:
    spare = second_entry(tlsync, client)
    assert [item["id"] for item in listed(tlsync, "--spare")] == [spare]
    outcome = tlsync("remote", "delete", "--spare", "--yes", "--json")
    assert (outcome.code, outcome.json) == (0, {"v": 1, "deleted": [spare], "failed": []})
    assert workshop.states() == {"harbour.mp4": "enriched"}
    assert not listed(tlsync, "--spare")
    assert tlsync("remote", "delete", "--spare", "--json").json == {"v": 1, "deleted": [], "failed": []}


def test_deletion_shows_its_plan_and_asks(tlsync: Tlsync, workshop: Workshop, clip: Path) -> None:
    entry = next(item for item in listed(tlsync) if item["kind"] == "indexed_asset")
    outcome = tlsync("remote", "delete", entry["id"])
    assert outcome.code == 2
    assert "0.1 minutes" in outcome.err
    assert "1 local file(s) refer" in outcome.err
    assert len(listed(tlsync)) == 2
    assert tlsync("remote", "delete").code == 2
    assert tlsync("remote", "delete", "65f0b0000000000000000fff", "--yes").code == 4


def test_what_was_deleted_stays_away_until_it_is_retried_by_name(
    tlsync: Tlsync, workshop: Workshop, clip: Path
) -> None:
    """Neither a sync, nor a touch, a rename or a copy undoes the decision; naming the file does."""
    asset = next(item for item in listed(tlsync) if item["kind"] == "asset")
    outcome = tlsync("remote", "delete", asset["id"], "--yes", "--json")
    assert (outcome.code, len(outcome.json["deleted"])) == (0, 2)
    assert clip.exists()
    puts = workshop.server.ledger.put_bytes()
    assert tlsync("sync").code == 0
    assert "on purpose" in tlsync("why", str(clip)).out
    os.utime(clip, (1, 1))
    renamed = clip.rename(clip.with_name("renamed.mp4"))
    shutil.copy(renamed, clip.with_name("copy.mp4"))
    tlsync("sync")
    tlsync("retry")
    tlsync("sync")
    states = workshop.states()
    assert (states["renamed.mp4"], states["copy.mp4"]) == ("ineligible", "ineligible")
    assert workshop.server.ledger.put_bytes() == puts
    assert tlsync("retry", str(renamed)).code == 0
    assert tlsync("sync", "--json").json["uploaded"] == 1
    assert workshop.states()["renamed.mp4"] == "enriched"


def test_an_entry_alone_can_go_and_come_back_without_an_upload(tlsync: Tlsync, workshop: Workshop, clip: Path) -> None:
    entry = next(item for item in listed(tlsync) if item["kind"] == "indexed_asset")
    assert tlsync("remote", "delete", entry["id"], "--yes").code == 0
    tlsync("sync")
    assert workshop.states() == {"harbour.mp4": "ineligible"}
    tlsync("retry", str(clip))
    outcome = tlsync("sync", "--json").json
    assert (outcome["uploaded"], outcome["enriched"]) == (0, 1)


def test_what_is_gone_already_counts_as_deleted(tlsync: Tlsync, clip: Path, client: TwelveLabs) -> None:
    from tlsync.engine.remote_inventory import RemoteItem
    from tlsync.engine.removing import Removing

    items = [item for item in listed(tlsync) if item["kind"] == "indexed_asset"]
    client.indexes.indexed_assets.delete(items[0]["index_id"], items[0]["id"])
    gone = RemoteItem(items[0]["id"], items[0]["index_id"], None, None, "", None, None, "ready", None)

    class NoStore:
        class removals:
            @staticmethod
            def content_of(remote_id: str) -> None:
                return None

    done: list[RemoteItem] = []
    assert Removing(client, NoStore()).remove([gone], done.append) == []  # type: ignore[arg-type]
    assert done == [gone]
