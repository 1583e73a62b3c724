"""Thumbnails and playlists behind the links that answers carry."""

from __future__ import annotations

import hashlib

from tlsync.errors import FileError
from tlsync.sandbox.assets import Assets
from tlsync.sandbox.calls import Call, check_id
from tlsync.sandbox.core import Core
from tlsync.sandbox.indexed_assets import IndexedAssets
from tlsync.sandbox.links import forbidden
from tlsync.sandbox.pictures import bars_png
from tlsync.sandbox.wire import Response

THUMBNAILS = "/thumbnails"
PLAYLISTS = "/streams"


class Previews:
    def __init__(self, core: Core, assets: Assets, indexed: IndexedAssets) -> None:
        self._core = core
        self._links = assets.links
        self._assets = assets
        self._indexed = indexed

    def thumbnail_link(self, indexed_id: str, at_s: float, origin: str) -> str:
        return self._links.make(origin, f"{THUMBNAILS}/{indexed_id}/{round(at_s * 1000)}.jpg")[0]

    def playlist_link(self, indexed_id: str, origin: str) -> str:
        return self._links.make(origin, f"{PLAYLISTS}/{indexed_id}/playlist.m3u8")[0]

    def thumbnail(self, call: Call) -> Response:
        if not self._links.is_good(call):
            return forbidden()
        item = self._indexed.get(check_id("video_id", call.path["video_id"]))
        at_ms = int(call.path["at"].partition(".")[0])
        try:
            frame = self._core.media.read_frame_jpeg(self._assets.file_of(item.asset_id), at_ms / 1000)
        except FileError:  # sound, or the asset is deleted
            seed = hashlib.sha256(call.request.path.encode()).digest()
            return Response(200, {"content-type": "image/png"}, bars_png(seed))
        return Response(200, {"content-type": "image/jpeg"}, frame)

    def playlist(self, call: Call) -> Response:
        """A playlist of one segment: the stored file as it is."""
        if not self._links.is_good(call):
            return forbidden()
        item = self._indexed.get(check_id("video_id", call.path["video_id"]))
        asset = self._assets.get(item.asset_id)
        link, _ = self._assets.link_to(asset, call.request.origin)
        seconds = item.facts.duration_s
        lines = ["#EXTM3U", "#EXT-X-VERSION:3", f"#EXT-X-TARGETDURATION:{int(seconds) + 1}"]
        lines += [f"#EXTINF:{seconds:.3f},sandbox", link, "#EXT-X-ENDLIST", ""]
        return Response(200, {"content-type": "application/vnd.apple.mpegurl"}, "\n".join(lines).encode())
