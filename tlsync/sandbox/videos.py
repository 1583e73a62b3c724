"""One indexed asset with everything (streaming, vectors, transcription), under both of its names."""

from __future__ import annotations

from typing import Any

from tlsync.sandbox.calls import Call
from tlsync.sandbox.core import Core, instant
from tlsync.sandbox.embeddings import Embedding, check_options
from tlsync.sandbox.indexed_assets import IndexedAsset, IndexedAssets
from tlsync.sandbox.indexes import Indexes
from tlsync.sandbox.previews import Previews
from tlsync.sandbox.refusals import invalid
from tlsync.sandbox.wire import Response, json_response


class Videos:
    """The videos of an index, and the detail of indexed assets."""

    def __init__(self, core: Core, indexes: Indexes, indexed: IndexedAssets, previews: Previews) -> None:
        self._core = core
        self._indexes = indexes
        self._indexed = indexed
        self._previews = previews

    def retrieve_indexed_asset(self, call: Call) -> Response:
        return json_response(200, self._detail(call, self._indexed.of_call(call, "indexed_asset_id")))

    def list_page(self, call: Call) -> Response:
        return self._indexed.list_with(call, lambda item: _without_status(self._indexed.view(item)), has_status=False)

    def retrieve(self, call: Call) -> Response:
        return json_response(200, _without_status(self._detail(call, self._indexed.of_call(call, "video_id"))))

    def delete(self, call: Call) -> Response:
        return self._indexed.remove(self._indexed.of_call(call, "video_id"))

    def update(self, call: Call) -> Response:
        return self._indexed.change_metadata(call, self._indexed.of_call(call, "video_id"))

    def _detail(self, call: Call, item: IndexedAsset) -> dict[str, Any]:
        query = call.query()
        options = query.items("embedding_option")
        has_transcription = query.boolean("transcription", default=False)
        query.done()
        view = self._indexed.view(item)
        view["user_metadata"] = item.user_metadata
        is_ready = view["status"] == "ready"
        if item.is_streamed:
            view["hls"] = self.hls(item, call.request.origin)
        if options is not None:
            view["embedding"] = self._embedding(item, options, is_ready=is_ready)
        if has_transcription and is_ready:
            view["transcription"] = [
                {"start": line.start_s, "end": line.end_s, "value": line.text} for line in item.facts.lines
            ]
        return view

    def hls(self, item: IndexedAsset, origin: str) -> dict[str, Any]:
        """The streaming block of a stored video."""
        now_ms = self._core.now_ms()
        is_ready = item.timeline.status(now_ms) == "ready"
        return {
            "video_url": self._previews.playlist_link(item.id, origin),
            "thumbnail_urls": [self._previews.thumbnail_link(item.id, 0.0, origin)],
            "status": "COMPLETE" if is_ready else "PROCESSING",
            "updated_at": instant(item.timeline.changed_ms(now_ms)),
        }

    def _embedding(self, item: IndexedAsset, options: Any, *, is_ready: bool) -> dict[str, Any]:
        model = self._indexes.get(item.index_id).model("marengo")
        if model is None:
            raise invalid("The index has no Marengo model, so there are no embeddings.")
        check_options(model, options)
        wanted = Embedding(model, item.filename, item.facts, tuple(options), ("clip",), 0.0, item.facts.duration_s)
        segments = wanted.segments() if is_ready else []
        return {"model_name": model, "video_embedding": {"segments": segments}}


def _without_status(view: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in view.items() if key not in ("status", "error")}
