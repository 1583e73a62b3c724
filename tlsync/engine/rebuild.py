"""A fresh catalog learns again what sidecars and stamps prove. Nothing is sent, indexed or asked to be written.

Recognition is the same at any time: what is on a drive that is away now is linked when it is back.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from pathlib import Path

from tlsync.api import TwelveLabs
from tlsync.clock import Clock
from tlsync.config import Settings
from tlsync.engine.engine import Engine
from tlsync.engine.progress import Progress
from tlsync.engine.tally import FileProblem
from tlsync.media.probe import Prober
from tlsync.states import ON_PLATFORM, FileState
from tlsync.store.catalog import FileRow
from tlsync.store.store import Store

_NEW = (FileState.IDENTIFIED, FileState.UPLOADING)


@dataclass(frozen=True, slots=True)
class Rebuilt:
    """What a pass that sends nothing found out.

    `new` is what the next sync would send; `unproven` is what could not be decided, each with its reason.
    """

    linked: tuple[FileRow, ...]
    new: tuple[FileRow, ...]
    unproven: tuple[FileProblem, ...]
    offline: tuple[Path, ...]


def link_known(
    settings: Settings,
    store: Store,
    client: TwelveLabs,
    prober: Prober,
    *,
    clock: Clock,
    stop: threading.Event,
    progress: Progress,
    is_patient: bool = False,
) -> Rebuilt:
    """Look through all roots and link what is known. The catalog counts as rebuilt when that came to its end.

    Args:
        is_patient: Wait for a platform that is out of reach, where a single pass would give up.

    Raises:
        TlsyncError: Something that concerns everything ended the pass; the next one starts it again.
    """
    engine = Engine(
        settings,
        store,
        client,
        prober,
        clock=clock,
        stop=stop,
        progress=progress,
        is_single_pass=not is_patient,
        may_send=False,
    )
    summary = engine.run_once()
    if not stop.is_set():
        store.end_rebuilding()
    files = store.catalog.in_states(*FileState)
    decided = {str(file.path) for file in files if file.state in ON_PLATFORM or file.state in _NEW}
    offline = tuple(root.path for root in engine.offline_roots())
    undecided = [
        FileProblem(str(file.path), file.error_code or "pending", file.reason, file.hint)
        for file in files
        if file.state in (FileState.DISCOVERED, FileState.SETTLING)
    ]
    return Rebuilt(
        linked=tuple(file for file in files if file.state in ON_PLATFORM),
        new=tuple(file for file in files if file.state in _NEW),
        unproven=(*(p for p in summary.errors if p.path not in decided and p.code != "root_offline"), *undecided),
        offline=offline,
    )
