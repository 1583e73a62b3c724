"""The newest official SDK drives the sandbox as the platform is in 2026-07, from an environment of its own.

It can't share ours, where the SDK of the reference is. REASON says how to run this.
"""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest

from tests.contract.preparations import Place, make_media
from tlsync.api.reference import methods
from tlsync.api.routes import Lifetime
from tlsync.media.probe import Prober
from tlsync.sandbox.methods import routes_of

# Read at import: no test sees a TLSYNC_ variable of the person who runs it.
INTERPRETER = os.environ.get("TLSYNC_SDK_LATEST", "")
REASON = (
    "needs the newest SDK: python3 -m venv .venv-sdk-latest && .venv-sdk-latest/bin/pip install twelvelabs==1.3.6, "
    "then TLSYNC_SDK_LATEST=.venv-sdk-latest/bin/python pytest -m sdk_latest tests/contract/test_sdk_latest.py"
)
pytestmark = [pytest.mark.sdk_latest, pytest.mark.skipif(not INTERPRETER, reason=REASON)]

SCRIPT = Path(__file__).with_name("sdk_latest.py")
RUN_LIMIT_S = 90
HELPERS = {
    "embed.tasks.create_bulk",
    "embed.tasks.wait_for_done",
    "multipart_upload.upload_file",
    "multipart_upload.wait_for_upload_completion",
    "search.query",
    "tasks.create_bulk",
    "tasks.wait_for_done",
}
"""What the SDK makes of several calls."""

NOT_OFFERED = {
    "analyze_async.batches": {"cancel", "create", "delete", "list", "results", "retrieve"},
    "assets": {"delete_user_metadata", "replace_user_metadata", "retrieve_transcription", "update_user_metadata"},
    "data_connectors": {
        "authorize_connection",
        "create_connection_picker_token",
        "create_redirect_uri",
        "delete_connection",
        "delete_redirect_uri",
        "list_connections",
        "list_redirect_uris",
        "retrieve_connection",
    },
    "entity_collections.entities": {"list_by_asset"},
    "imports": {"import_files", "list_imports", "retrieve_import"},
    "indexes.indexed_assets": {"list_by_asset"},
    "knowledge_store_item_collections": {
        "add_items",
        "create",
        "delete",
        "list",
        "list_items",
        "remove_items",
        "retrieve",
        "update",
    },
    "knowledge_store_items": {"create", "delete", "list", "retrieve"},
    "knowledge_stores": {"create", "delete", "list", "retrieve", "search", "update"},
    "responses": {"create", "create_stream"},
}
"""Later methods that neither tlsync nor its sandbox has."""


def test_the_newest_sdk_and_the_sandbox_understand_each_other(tmp_path: Path) -> None:
    """Each method that both have works, no other is missing a row, and what was removed is gone from the SDK."""
    with Prober() as prober:
        media = make_media(tmp_path, prober)
        place = Place(media, "2026-07")
        try:
            offered = {route.name for route in routes_of(place.server.world) if route.has_key}
            server = place.server
            command = [INTERPRETER, "-I", SCRIPT, server.base_url, server.api_key, media.clip, media.picture]
            # No proxy, key or other setting of the person who runs it.
            run = subprocess.run(
                command, env={"TMPDIR": str(tmp_path)}, capture_output=True, text=True, timeout=RUN_LIMIT_S, check=False
            )
        finally:
            place.close()
    assert run.returncode == 0, run.stderr
    results: dict[str, str] = json.loads(run.stdout)

    failed = {name: result for name, result in results.items() if result not in ("ok", "no row")}
    assert not failed, "\n".join(f"{name}: {result}" for name, result in failed.items())
    not_offered = {f"{group}.{name}" for group, names in NOT_OFFERED.items() for name in names}
    assert {name for name, result in results.items() if result == "no row"} == not_offered
    # Both ways to analyze are one call on the wire.
    assert results.keys() - not_offered == offered | HELPERS | {"analyze_stream"}
    removed = {name for name, method in methods().items() if method.lifetime is Lifetime.REMOVED}
    assert len(removed) == 7
    assert not removed & results.keys()
