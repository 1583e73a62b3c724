"""Where `tlsync run` logs to, as the settings and the command line say: stderr, a file, or both."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tlsync import __version__
from tlsync.cli.main import GlobalOptions
from tlsync.config import Settings
from tlsync.errors import TlsyncError
from tlsync.log_files import NAME, LogFile
from tlsync.logs import set_up
from tlsync.store.state_folder import prepare_state_folder

log = logging.getLogger(__name__)

_BY_OPTION = {-1: "error", 1: "info", 2: "debug"}


def log_file_of(settings: Settings) -> Path:
    """The file of the log, if there is one: that of the settings, else the one in the state folder."""
    place = settings.log.file
    return place if isinstance(place, Path) else settings.state_dir / NAME


@contextmanager
def run_log(options: GlobalOptions, settings: Settings, *, is_file_only: bool) -> Iterator[None]:
    """Log there until the block ends, and to stderr alone afterwards. What ends the block is noted in the file.

    Args:
        is_file_only: Nothing on stderr, for a service that has nobody to read it; there is always a file then.

    Raises:
        ConfigError: The file can't be used.
    """
    level = getattr(logging, _BY_OPTION.get(max(-1, min(2, options.verbosity)), settings.log.level).upper())
    style = options.log_format or settings.log.format
    if settings.log.file is None and not is_file_only:
        set_up(level, style)
        yield
        return
    path = log_file_of(settings)
    if path.parent == settings.state_dir:
        prepare_state_folder(settings.state_dir)
    file = LogFile(path, settings.log.max_size_bytes, settings.log.keep)
    try:
        set_up(level, style, file=file, is_on_stderr=not is_file_only)
        log.info("tlsync %s starts process=%d", __version__, os.getpid())
        yield
        log.info("tlsync ends process=%d", os.getpid())
    except TlsyncError as error:  # on stderr it is told when the command ends
        text = f"tlsync ends: {error}" + (f" ({error.hint})" if error.hint else "")
        file.handle(logging.LogRecord(__name__, logging.ERROR, __file__, 0, text, (), None))
        raise
    finally:
        set_up(level, style)
        file.close()
