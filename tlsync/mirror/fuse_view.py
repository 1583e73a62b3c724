"""The tree as a file system answers it: attributes, listings, bytes. Knows no FUSE library; errors are errno.

Kept here: nothing waits for the network, nothing can be written, and a file that is open keeps its bytes.
"""

from __future__ import annotations

import errno
import itertools
import logging
import os
import stat
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

from tlsync.errors import TlsyncError
from tlsync.mirror.nodes import File, Folder, Link, Node, Picture
from tlsync.mirror.tree import Tree, child

log = logging.getLogger(__name__)

_CURIOUS = (
    *("tracker-", "localsearch", "baloo", "updatedb", "plocate", "mlocate", "zeitgeist", "recollindex"),
    *("tumblerd", "gvfsd", "nautilus-thumb", "gnome-thumb", "gdk-pixbuf-thu", "totem-video-thu", "evince-thumb"),
    *("ffmpegthumb", "kioworker", "kioslave", "thumbnail.so", "gsf-office-thum", "bst-thumbnail"),
    *("mds", "mdworker", "mds_stores", "quicklook", "com.apple.quic", "fsck", "clamscan", "clamd", "dropbox"),
)
"""How programs are called that look into every file unasked: indexers, thumbnailers, scanners. In small letters."""
_CALLER_KNOWN_FOR_S = 1.0
"""Numbers of processes come again, with other programs behind them."""
_MOST_CALLERS = 1000
_FOLDER_KNOWN_FOR_S = 1.0
_MOST_FOLDERS = 1000


class FuseView:
    """Answers of the tree by path. May be used from many threads."""

    def __init__(
        self,
        tree: Tree,
        quiet: Callable[[], AbstractContextManager[None]],
        *,
        caller: Callable[[], int] = lambda: 0,
        proc: Path = Path("/proc"),
    ) -> None:
        """
        Args:
            quiet: Within it, a look causes no call to the platform.
            caller: The process that asks, 0 when that is not known.
        """
        self._tree = tree
        self._quiet = quiet
        self._caller = caller
        self._proc = proc
        self._owner = (os.getuid(), os.getgid()) if hasattr(os, "getuid") else (0, 0)
        self._handles = itertools.count(1)
        self._open: dict[int, bytes] = {}
        self._lock = threading.Lock()
        self._curious: dict[int, tuple[float, bool]] = {}
        self._folders: dict[str, tuple[float, Node]] = {}
        self._last_trouble = ""

    def attributes(self, path: str) -> dict[str, Any]:
        """What `stat` shows. Sizes are those of the bytes that a reader will get."""
        node = self._at(path)
        size_bytes = 0
        if isinstance(node, File):
            size_bytes = len(node.data)
        elif isinstance(node, Picture):
            size_bytes = node.size_bytes
        elif isinstance(node, Link):
            size_bytes = len(os.fsencode(node.target))
        return {
            "st_mode": mode_of(node),
            "st_nlink": 2 if isinstance(node, Folder) else 1,
            "st_size": size_bytes,
            "st_blocks": -(-size_bytes // 512),
            "st_uid": self._owner[0],
            "st_gid": self._owner[1],
            "st_mtime": max(0, node.modified_ns),
            "st_atime": max(0, node.modified_ns),
            "st_ctime": max(0, node.modified_ns),
        }

    def entries(self, path: str) -> Iterator[tuple[str, int]]:
        """Names of a folder, each with the type bits of its mode."""
        node = self._at(path)
        if not isinstance(node, Folder):
            raise OSError(errno.ENOTDIR, path)
        with self._manners():
            listing = self._guarded(path, lambda: list(node.list().items()))
        return ((name, mode_of(entry)) for name, entry in listing)

    def target(self, path: str) -> str:
        """Where a link leads."""
        node = self._at(path)
        if not isinstance(node, Link):
            raise OSError(errno.EINVAL, path)
        return node.target

    def open(self, path: str, flags: int) -> int:
        """A handle for reading. Its bytes stay the same until it is closed."""
        if flags & (os.O_WRONLY | os.O_RDWR | os.O_APPEND | os.O_TRUNC | os.O_CREAT):
            raise OSError(errno.EROFS, path)
        node = self._at(path)
        if isinstance(node, Folder):
            raise OSError(errno.EISDIR, path)
        data = node.data if isinstance(node, File) else node.read() if isinstance(node, Picture) else b""
        handle = next(self._handles)
        with self._lock:
            self._open[handle] = data
        return handle

    def read(self, handle: int, size_bytes: int, offset: int) -> bytes:
        with self._lock:
            data = self._open.get(handle)
        if data is None:
            raise OSError(errno.EBADF, "not open")
        return data[offset : offset + size_bytes]

    def close(self, handle: int) -> None:
        with self._lock:
            self._open.pop(handle, None)

    def _at(self, path: str) -> Node:
        with self._manners():
            above, _, name = path.rpartition("/")
            return self._in(self._folder(above), name, path) if name else self._tree.root

    def _folder(self, path: str) -> Node:
        """The folder at a path, remembered for a moment: a walk asks for all that is in it."""
        if not path:
            return self._tree.root
        now_s = time.monotonic()
        seen_s, node = self._folders.get(path, (float("-inf"), self._tree.root))
        if now_s - seen_s > _FOLDER_KNOWN_FOR_S:
            above, _, name = path.rpartition("/")
            node = self._in(self._folder(above), name, path)
            if len(self._folders) >= _MOST_FOLDERS:
                self._folders.clear()
            self._folders[path] = (now_s, node)
        return node

    def _in(self, folder: Node, name: str, path: str) -> Node:
        found: Node | None = self._guarded(path, lambda: child(folder, name))
        if found is None:
            raise OSError(errno.ENOENT, path)
        return found

    def _manners(self) -> AbstractContextManager[None]:
        """Programs that look into everything see what is known, and cause no call."""
        return self._quiet() if self._is_curious(self._caller()) else _LOUD

    def _is_curious(self, process: int) -> bool:
        if process == 0:
            return False
        now_s = time.monotonic()
        seen_s, is_curious = self._curious.get(process, (float("-inf"), False))
        if now_s - seen_s > _CALLER_KNOWN_FOR_S:
            is_curious = any(name.startswith(_CURIOUS) for name in self._names_of(process))
            if len(self._curious) >= _MOST_CALLERS:
                self._curious.clear()
            self._curious[process] = (now_s, is_curious)
        return is_curious

    def _names_of(self, thread: int) -> Iterator[str]:
        """The name of a thread, and of the program it belongs to. Source: proc(5), `comm`, `status`."""
        try:
            folder = self._proc / str(thread)
            yield (folder / "comm").read_text("utf-8", "replace").strip().lower()
            for line in (folder / "status").read_text("utf-8", "replace").splitlines():
                if line.startswith("Tgid:") and line[5:].strip() != str(thread):
                    yield (self._proc / line[5:].strip() / "comm").read_text("utf-8", "replace").strip().lower()
        except OSError:
            return

    def _guarded(self, path: str, look: Callable[[], Any]) -> Any:
        """A catalog that can't be read now is an input/output error to the reader, with the reason in the log, once."""
        try:
            found = look()
        except TlsyncError as error:
            if error.message != self._last_trouble:
                self._last_trouble = error.message
                log.warning("the tree can't be read now reason=%s", error.message)
            raise OSError(errno.EIO, f"{path}: {error.message}") from error
        self._last_trouble = ""
        return found


def mode_of(node: Node) -> int:
    """Type and permissions. Writing is refused by the mount; what is copied out of it should be writable."""
    if isinstance(node, Folder):
        return stat.S_IFDIR | 0o755
    return stat.S_IFLNK | 0o777 if isinstance(node, Link) else stat.S_IFREG | 0o644


class _Loud(AbstractContextManager[None]):
    def __exit__(self, *exception: object) -> None:
        return None


_LOUD = _Loud()
