"""The process that opens media files, on behalf of `tlsync.media.probe`.

Damaged or hostile media can make a decoder spin, crash or ask for all memory. So none of that
happens in tlsync's own process: this one answers requests, one JSON line each, and may be killed
at any moment. Its first line, before any request, says that it is ready.

    {"op": "probe", "path": <base64>, "cpu_limit_s": 20}
    → {"ok": …}  or  {"failed": "<code of a FileError>", "message": "…", "hint": "…"}
"""

from __future__ import annotations

import base64
import json
import math
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import av

from tlsync.errors import FileError, NotEligible
from tlsync.media import reading

_OPERATIONS: dict[str, Callable[..., Any]] = {
    "probe": reading.probe,
    "read_subtitles": reading.read_subtitles,
    "read_frame_jpeg": reading.read_frame_jpeg,
    "probe_image": reading.probe_image,
}
_MEMORY_LIMIT_BYTES = 4 * 1024**3  # address space, of which a decoder of 4K pictures touches a small part


def main() -> None:
    """Answer requests until stdin ends."""
    # Whatever a library prints must not end up between two answers.
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    av.logging.set_level(None)
    _limit_for_good()

    def tell(answer: dict[str, Any]) -> None:
        answers.write(json.dumps(answer).encode() + b"\n")
        answers.flush()

    tell({"ok": "ready"})
    for line in sys.stdin.buffer:
        tell(_answer(json.loads(line)))


def _answer(request: dict[str, Any]) -> dict[str, Any]:
    _limit_processor_time(request.pop("cpu_limit_s"))
    operation = _OPERATIONS[request.pop("op")]
    path = Path(os.fsdecode(base64.b64decode(request.pop("path"))))
    try:
        return {"ok": operation(path, **request)}
    except FileError as error:
        return {"failed": error.code, "message": error.message, "hint": error.hint}
    except Exception as error:  # the bindings stumble over some damaged files in ways of their own
        reason = f"can't be read safely: it confuses the media library ({type(error).__name__})"
        return {"failed": NotEligible.code, "message": reason, "hint": ""}


def _limit_for_good() -> None:
    """Memory and output, where the system offers it."""
    try:
        import resource
    except ImportError:
        return
    for name, limit in (("RLIMIT_CORE", 0), ("RLIMIT_FSIZE", 0), ("RLIMIT_AS", _MEMORY_LIMIT_BYTES)):
        try:
            resource.setrlimit(getattr(resource, name), (limit, limit))
        except (AttributeError, OSError, ValueError):
            pass  # macOS knows RLIMIT_AS and refuses it; the parent's time limit still holds


def _limit_processor_time(seconds: int) -> None:
    """From now on. The system ends this process when a decoder spins, even if the parent is gone."""
    try:
        import resource
    except ImportError:
        return
    usage = resource.getrusage(resource.RUSAGE_SELF)
    hard = resource.getrlimit(resource.RLIMIT_CPU)[1]
    resource.setrlimit(resource.RLIMIT_CPU, (math.ceil(usage.ru_utime + usage.ru_stime) + seconds, hard))


if __name__ == "__main__":
    main()
