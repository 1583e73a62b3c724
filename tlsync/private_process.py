"""Keeps a process that holds the API key from being read by others: no core dump, no look into its memory."""

from __future__ import annotations

import ctypes
import logging
import os
import sys

log = logging.getLogger(__name__)

_PR_SET_DUMPABLE = 4
"""Source: prctl(2). 0 also hides environment, memory and open files from other processes of the same user."""


def keep_private() -> None:
    """For the rest of the life of this process, as far as the system offers it. Child processes start afresh."""
    try:
        import resource

        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    except (ImportError, OSError, ValueError):
        pass  # no such limit here; a crash then writes what the system always writes
    if sys.platform != "linux":
        return
    try:
        # A limit of 0 does not keep a core from a program that collects them (core_pattern with a pipe); this does.
        if ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0):
            log.debug("memory stays readable reason=%s", os.strerror(ctypes.get_errno()))
    except (OSError, AttributeError) as error:
        log.debug("memory stays readable reason=%s", error)


def is_superuser() -> bool:
    """Whether this process may do anything."""
    return sys.platform != "win32" and os.geteuid() == 0
