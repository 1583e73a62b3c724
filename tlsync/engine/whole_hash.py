"""SHA-256 of a whole file, with equal looks before and after: the only proof that two files hold the same."""

from __future__ import annotations

from tlsync.engine.context import Context
from tlsync.engine.sameness import is_unchanged
from tlsync.errors import FileChanged
from tlsync.media import identity
from tlsync.store.catalog import FileRow


class WholeHash:
    """The hash of one file, computed when it is asked for, and once."""

    def __init__(self, context: Context, file: FileRow) -> None:
        self._context = context
        self._file = file
        self._sha256: str | None = None

    def get(self) -> str:
        """Read the file, unless that was done.

        Raises:
            FileChanged: It is not the file that was identified, or it changed under the reading.
            FileError: It can't be read.
            Interrupted: tlsync was stopped.
        """
        if self._sha256 is None:
            self._sha256 = self._read()
        return self._sha256

    def _read(self) -> str:
        path, total = self._file.path, self._file.signature.size_bytes
        done = 0

        def on_bytes(count: int) -> None:
            nonlocal done
            done += count
            self._context.progress.hashed(path, done, total)

        with identity.open_media(path, self._file.root) as fd:
            sha256 = identity.sha256_of(fd, total, stop=self._context.stop, on_bytes=on_bytes)
            if not is_unchanged(fd, self._file.signature):
                raise FileChanged(str(path), "changed while it was read")
        return sha256
