"""Everything that `tlsync sync` and `run` import, for a process from which others are forked."""

from __future__ import annotations

from pathlib import Path

import tlsync.api
import tlsync.cli.main
import tlsync.cli.run
import tlsync.cli.status
import tlsync.cli.sync
import tlsync.daemon  # noqa: F401
from tlsync.media import reading
from tlsync.media.probe import Prober
from tlsync.models import MediaInfo


class HereProber(Prober):
    """Looks at media in its own process. The clips of fault tests are harmless, and another process takes long."""

    def probe(self, path: Path) -> MediaInfo:
        return MediaInfo(**reading.probe(path))
