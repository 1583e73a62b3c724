"""Whether sidecars are there as they were left: all of a folder are looked at in one go, and none is opened."""

from __future__ import annotations

import os
import stat
from contextlib import suppress
from pathlib import Path

from tlsync.store.sidecars import SUFFIX, Sidecars, look_from

_SUFFIX = os.fsencode(SUFFIX)


class SidecarLooks:
    """For the files of one scan, which come folder by folder."""

    def __init__(self, sidecars: Sidecars, root: Path) -> None:
        self._sidecars = sidecars
        self._base = os.fsencode(root)
        self._media_folder: bytes | None = None
        self._places: frozenset[bytes] = frozenset()
        self._folder: bytes | None = None
        self._looks: dict[bytes, str] = {}

    def is_as_left(self, relative: bytes, sidecar: bytes | None, look: str | None) -> bool:
        """Whether a file's sidecar is where the settings want it and looks as it did. No: it takes a closer look.

        Args:
            relative: The media file, below the root.
        """
        if sidecar is None or look is None:
            return False
        media_folder, _, name = relative.rpartition(b"/")
        if media_folder != self._media_folder:
            self._media_folder = media_folder
            media = Path(os.fsdecode(os.path.join(self._base, media_folder, b"name")))  # noqa: PTH118 (bytes)
            self._places = frozenset(os.fsencode(place.parent) for place in self._sidecars.places(media))
        folder, _, sidecar_name = sidecar.rpartition(b"/")
        if sidecar_name != name + _SUFFIX or folder not in self._places:
            return False
        if folder != self._folder:
            self._folder, self._looks = folder, _looks_in(folder)
        return self._looks.get(sidecar_name) == look


def _looks_in(folder: bytes) -> dict[bytes, str]:
    looks = {}
    with suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            if entry.name.endswith(_SUFFIX):
                with suppress(OSError):
                    found = entry.stat(follow_symlinks=False)
                    if stat.S_ISREG(found.st_mode):
                        looks[entry.name] = look_from(found)
    return looks
