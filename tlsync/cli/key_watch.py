"""Notices a new key in the key file while `tlsync run` works, so that nobody has to start it again."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from tlsync.api_key import FoundKey
from tlsync.errors import TlsyncError
from tlsync.secret import Secret

log = logging.getLogger(__name__)

_EVERY_S = 2.0

_Look = tuple[int, int, int, int] | None


class KeyWatch:
    """Looks at the file of a key; reads it again only when it looks different."""

    def __init__(self, key: FoundKey, find: Callable[[], FoundKey]) -> None:
        """
        Args:
            key: The one in use. One from the environment can't change, one in a keyring says nothing of it.
            find: Finds the key anew.
        """
        self._secret = key.secret
        self._find = find
        self._file = Path(key.where) if key.source in ("file", "login_file") else None
        self._seen = self._look()

    @property
    def has_file(self) -> bool:
        return self._file is not None

    def news(self) -> Secret | None:
        """A key that has come since the last call; None if there is none."""
        look = self._look()
        if look == self._seen or look is None:
            return None
        self._seen = look
        try:
            found = self._find().secret
        except TlsyncError as error:
            log.warning("the key file was changed, and can't be used reason=%s hint=%s", error.message, error.hint)
            return None
        if found == self._secret:
            return None
        self._secret = found
        return found

    def _look(self) -> _Look:
        try:
            found = self._file.stat() if self._file is not None else None
        except OSError:
            return None  # an editor replaces it at this moment, or its disk is away
        return (found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns) if found is not None else None


@contextmanager
def watched_key(
    key: FoundKey, find: Callable[[], FoundKey], use: Callable[[Secret], object], stop: threading.Event
) -> Iterator[None]:
    """Hand new keys to `use`, from a thread of its own, until the block ends or `stop` is set."""
    watch, ended = KeyWatch(key, find), threading.Event()

    def follow() -> None:
        while not stop.is_set() and not ended.wait(_EVERY_S):
            new = watch.news()
            if new is not None:
                log.info("the key file holds a new key, it is used from now on")
                use(new)

    if watch.has_file:
        threading.Thread(target=follow, name="tlsync-key", daemon=True).start()
    try:
        yield
    finally:
        ended.set()
