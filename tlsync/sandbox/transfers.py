"""Cloud imports. The sandbox knows no cloud: every import ends at once, with nothing imported."""

from __future__ import annotations

from typing import Any

from tlsync.sandbox.calls import Call, check_id
from tlsync.sandbox.core import Core, instant
from tlsync.sandbox.database import Row
from tlsync.sandbox.indexes import Indexes
from tlsync.sandbox.metadata import check_user_metadata
from tlsync.sandbox.wire import Response, json_response

STATES = ("validating", "pending", "queued", "indexing", "ready", "failed")


class Transfers:
    """Any well-formed integration id is taken, since nobody could have made one here."""

    def __init__(self, core: Core, indexes: Indexes) -> None:
        self._core = core
        self._indexes = indexes

    def create(self, call: Call) -> Response:
        integration_id = call.id("integration_id")
        fields = call.json()
        index_id = fields.optional_text("index_id")
        fields.boolean("incremental_import", default=True)
        fields.boolean("retry_failed", default=False)
        check_user_metadata(fields.mapping("user_metadata") or {}, may_remove=False, may_list=False)
        fields.done()
        name = self._indexes.get(check_id("index_id", index_id)).name if index_id is not None else None
        values = (integration_id, index_id, name, self._core.now_ms())
        self._core.db.execute("INSERT INTO transfers VALUES (?, ?, ?, ?)", values)
        return json_response(200, {"failed_files": [], "videos": []})

    def get_status(self, call: Call) -> Response:
        call.id("integration_id")
        query = call.query()
        index_id = query.optional_text("index_id")
        query.done()
        if index_id is not None:
            self._indexes.get(check_id("index_id", index_id))
        empty: list[Any] = []
        return json_response(200, {"not_imported": empty, **dict.fromkeys(STATES, empty)})

    def get_logs(self, call: Call) -> Response:
        integration_id = call.id("integration_id")
        call.query().done()
        rows = self._core.db.rows(
            "SELECT * FROM transfers WHERE integration_id = ? ORDER BY rowid DESC", (integration_id,)
        )
        return json_response(200, {"data": [_log(row) for row in rows]})


def _log(row: Row) -> dict[str, Any]:
    log: dict[str, Any] = {
        "created_at": instant(row["created_ms"]),
        "ended_at": instant(row["created_ms"]),
        "video_status": dict.fromkeys(STATES, 0),
        "failed_files": [],
    }
    if row["index_id"] is not None:
        log |= {"index_id": row["index_id"], "index_name": row["index_name"]}
    return log
