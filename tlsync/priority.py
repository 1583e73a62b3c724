"""How this process stands back behind others: for the processor, and for the disk.

On Linux both belong to a thread, and threads inherit them: they are set before any other thread starts.
"""

from __future__ import annotations

import ctypes
import os
import platform
import sys
from typing import Literal

IoPriority = Literal["idle", "low", "normal"]

_IOPRIO_SET = {
    "x86_64": 251, "i386": 289, "i686": 289, "aarch64": 30, "riscv64": 30, "loongarch64": 30,
    "armv6l": 314, "armv7l": 314, "ppc64le": 273, "s390x": 282,
}  # fmt: skip
"""Number of the system call (Linux, `include/uapi/asm*/unistd.h`)."""
_IOPRIO_WHO_PROCESS = 1
_IOPRIO = {"low": 2 << 13 | 7, "idle": 3 << 13}
"""Class and level: best effort at its lowest, or idle (Linux, `include/uapi/linux/ioprio.h`)."""
_IOPOL = {"low": 4, "idle": 3}
"""IOPOL_UTILITY, IOPOL_THROTTLE (macOS, `sys/resource.h`)."""
_BELOW_NORMAL, _IDLE = 0x4000, 0x40
"""Priority classes of Windows (`winbase.h`)."""


def stand_back(nice: int, io: IoPriority) -> list[str]:
    """Lower the priority of this thread and those that it starts; never raise it.

    Returns:
        What could not be done, for the log.
    """
    complaints = []
    try:
        _set_nice(nice)
    except OSError as error:
        complaints.append(f"daemon.nice has no effect: {error.strerror or error}")
    if io != "normal":
        try:
            _set_io(io)
        except (OSError, AttributeError) as error:
            complaints.append(f"daemon.io_priority has no effect: {getattr(error, 'strerror', None) or error}")
    return complaints


def _set_nice(nice: int) -> None:
    if sys.platform == "win32":
        if nice > 0:
            kernel = ctypes.windll.kernel32
            if not kernel.SetPriorityClass(kernel.GetCurrentProcess(), _IDLE if nice == 19 else _BELOW_NORMAL):
                raise ctypes.WinError()
        return
    # Whoever started us may have said more already; only the superuser may take that back.
    os.setpriority(os.PRIO_PROCESS, 0, max(nice, os.getpriority(os.PRIO_PROCESS, 0)))


def _set_io(io: IoPriority) -> None:
    if sys.platform == "linux":
        number = _IOPRIO_SET.get(platform.machine())
        if number is None:
            raise OSError(f"not known how on {platform.machine()}")
        done = ctypes.CDLL(None, use_errno=True).syscall(number, _IOPRIO_WHO_PROCESS, 0, _IOPRIO[io])
    elif sys.platform == "darwin":
        done = ctypes.CDLL(None, use_errno=True).setiopolicy_np(0, 0, _IOPOL[io])  # of disks, for the process
    else:
        raise OSError("this system has none")
    if done != 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
