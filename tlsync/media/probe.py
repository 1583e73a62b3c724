"""What a media file says of itself, asked in a child process that may hang or crash without harm.

Importing this module does not import the media library; the first question starts the child.
"""

from __future__ import annotations

import base64
import json
import logging
import os
import queue
import signal
import subprocess
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self

from tlsync.errors import FileError, FileUnreadable, FileVanished, Interrupted, NotEligible, TlsyncError
from tlsync.models import Cue, MediaInfo

log = logging.getLogger(__name__)

_FILE_ERRORS: dict[str, type[FileError]] = {e.code: e for e in (FileVanished, FileUnreadable, NotEligible)}
_KEPT_VARIABLES = ("PATH", "SYSTEMROOT", "TMPDIR", "TEMP", "LANG", "LC_ALL", "LC_CTYPE")
_PACKAGE_PARENT = Path(__file__).resolve().parents[2]
_CHILD_COMMAND = (sys.executable, "-P", "-s", "-B", "-m", "tlsync.media.probe_child")
_WHOLE_FILE_FACTOR = 10  # subtitles lie spread over the file: reading them takes as long as reading it
_UNSAFE_HINT = "play it once to see whether it is damaged; leave it out with a .tlsyncignore file"


class Prober:
    """Answers questions about media files, from any thread, one at a time.

    A file that crashes the child is tried once more in a fresh one, in case the crash was not its
    doing, and is then refused. Spinning is told from waiting: processor time used up refuses the
    file, a drive that does not answer makes it unreadable for now.
    """

    def __init__(
        self,
        *,
        cpu_limit_s: int = 20,
        time_limit_s: float = 60.0,
        files_per_child: int = 500,
        command: Sequence[str] = _CHILD_COMMAND,
    ) -> None:
        """
        Args:
            cpu_limit_s: Processor time for one question, whole seconds.
            time_limit_s: Time for one question, drive included.
            files_per_child: A child is replaced after so many questions, against leaks in decoders.
            command: What to start, with the conversation of `probe_child`.
        """
        self._cpu_limit_s = cpu_limit_s
        self._time_limit_s = time_limit_s
        self._files_per_child = files_per_child
        self._command = tuple(command)
        self._turn = threading.Lock()
        self._guard = threading.Lock()
        self._child: _Child | None = None
        self._is_closed = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the child. A question under way in another thread ends with Interrupted."""
        with self._guard:
            self._is_closed = True
            child, self._child = self._child, None
        if child is not None:
            child.end()

    def probe(self, path: Path) -> MediaInfo:
        """Kind, duration, size and codecs.

        Raises:
            NotEligible: Not media, without picture and sound, without duration, or not safe to read.
            FileVanished, FileUnreadable: The system's or the drive's doing.
            Interrupted: The prober was closed.
            TlsyncError: The child does not start.
        """
        return MediaInfo(**self._ask("probe", path))

    def read_subtitles(self, path: Path) -> tuple[Cue, ...]:
        """The first text subtitle track, in order; empty where there is none. Raises as `probe`."""
        answer = self._ask("read_subtitles", path, patience=_WHOLE_FILE_FACTOR)
        return tuple(Cue(**fields) for fields in answer)

    def read_frame_jpeg(self, path: Path, at_s: float, *, max_side_px: int = 640) -> bytes:
        """The key frame at or before `at_s`, upright, as a JPEG. Raises as `probe`."""
        return base64.b64decode(self._ask("read_frame_jpeg", path, at_s=at_s, max_side_px=max_side_px))

    def probe_image(self, path: Path) -> tuple[int, int, Literal["image/jpeg", "image/png"]]:
        """Width, height and type of a JPEG or PNG.

        Raises:
            NotEligible: Neither of the two. Else as `probe`.
        """
        answer = self._ask("probe_image", path)
        return answer["width"], answer["height"], answer["type"]

    def _ask(self, operation: str, path: Path, *, patience: int = 1, **arguments: object) -> Any:
        question = {
            "op": operation,
            "path": base64.b64encode(os.fsencode(path.absolute())).decode(),
            "cpu_limit_s": self._cpu_limit_s * patience,
            **arguments,
        }
        line = json.dumps(question).encode() + b"\n"
        with self._turn:
            for is_last in (False, True):
                child = self._ready_child(path)
                answer = child.ask(line, self._time_limit_s * patience)
                if answer is None:
                    ended = self._discard(child)
                    self._judge(path, ended, is_last)
                    continue
                if "ok" in answer:
                    return answer["ok"]
                raise _FILE_ERRORS[answer["failed"]](str(path), answer["message"], hint=answer["hint"])
        raise AssertionError("the last try returns or raises")

    def _ready_child(self, path: Path) -> _Child:
        with self._guard:
            if self._is_closed:
                raise Interrupted("media files are no longer looked at: tlsync is stopping")
            old = self._child
            if old is not None and old.questions < self._files_per_child:
                return old
            try:
                child = _Child(self._command)
            except OSError as error:
                raise FileUnreadable(
                    str(path), f"the media reader can't be started: {error.strerror}", hint="close other programs"
                ) from error
            self._child = child
        if old is not None:
            old.end()
        if child.answer(self._time_limit_s) is None:
            # Not the file's fault, and every file would meet it: none may be refused for it.
            status = self._discard(child)
            raise TlsyncError(
                f"the media reader does not start (status {status})",
                hint="install tlsync anew; `python -m tlsync.media.probe_child` shows what is wrong",
            )
        return child

    def _discard(self, child: _Child) -> int | None:
        """Take the child away after a question without an answer. Its exit status; None if it still ran."""
        with self._guard:
            if self._is_closed:
                raise Interrupted("a media file was not read to the end: tlsync is stopping")
            self._child = None
        return child.end()

    def _judge(self, path: Path, ended: int | None, is_last: bool) -> None:
        """Say what a missing answer means for the file; return where it deserves another try."""
        log.warning("media reader gave no answer path=%s status=%s", path, "running" if ended is None else ended)
        if ended is None:
            raise FileUnreadable(
                str(path),
                f"could not be read within {self._time_limit_s:.0f} s",
                hint="check the drive or the network share; tlsync tries again later",
            )
        if ended == -getattr(signal, "SIGXCPU", 0):
            raise NotEligible(
                str(path),
                f"can't be read safely: it kept the media library busy for {self._cpu_limit_s} s",
                hint=_UNSAFE_HINT,
            )
        if is_last:
            raise NotEligible(
                str(path), "can't be read safely: the media library crashed on it twice", hint=_UNSAFE_HINT
            )


class _Child:
    """One child process, and a thread that takes in what it says.

    The thread is there because a pipe has no time-out: a child that hangs on a dead network drive
    can't even be killed, and is then left behind.
    """

    def __init__(self, command: Sequence[str]) -> None:
        environment = {name: os.environ[name] for name in _KEPT_VARIABLES if name in os.environ}
        environment["PYTHONPATH"] = str(_PACKAGE_PARENT)
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=environment,
            cwd=os.sep,  # a drive stays free to be unmounted
            start_new_session=True,  # an interrupt at the terminal is for tlsync, which ends the child itself
        )
        self._answers: queue.SimpleQueue[bytes] = queue.SimpleQueue()
        self._listener = threading.Thread(target=self._listen, name="tlsync-media-reader", daemon=True)
        self._listener.start()
        self.questions = 0

    def ask(self, line: bytes, time_limit_s: float) -> dict[str, Any] | None:
        """Send a question; the answer, or None when there was none in time."""
        self.questions += 1
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(line)
            self._process.stdin.flush()
        except (OSError, ValueError):  # it has ended, or was ended and its pipes are closed
            return None
        return self.answer(time_limit_s)

    def answer(self, time_limit_s: float) -> dict[str, Any] | None:
        """The next thing it says; None when it ends or the time is over."""
        try:
            line = self._answers.get(timeout=time_limit_s)
            answer: dict[str, Any] = json.loads(line)
        except (ValueError, queue.Empty):
            return None
        return answer

    def end(self) -> int | None:
        """End the process; its status if it had already ended by itself, None if it had to be killed."""
        # A child that crashed closes its pipe a moment before its status can be read.
        status = self._wait(0.0 if self._listener.is_alive() else 5.0)
        if status is None:
            self._process.kill()
            self._wait(2.0)
        self._listener.join(2.0)
        if not self._listener.is_alive():
            for pipe in (self._process.stdin, self._process.stdout):
                assert pipe is not None
                try:
                    pipe.close()
                except OSError:
                    pass  # what was not sent yet can't be sent any more
        return status

    def _wait(self, seconds: float) -> int | None:
        try:
            return self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            return None

    def _listen(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self._answers.put(line)
        self._answers.put(b"")
