"""Answers of the platform, kept in the state folder and asked for in the background. Nobody waits for the network.

An answer that was once there is shown again at once, also without a network, and asked for anew when it is old.
"""

from __future__ import annotations

import hashlib
import logging
import os
import queue
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec

from tlsync.clock import Clock, from_text, to_text
from tlsync.errors import TlsyncError
from tlsync.store.atomic import write_whole

log = logging.getLogger(__name__)

Ask = Callable[[], list[Any]]

_WORKERS = 2
_AFTER_FAILURE_S = 30.0
"""A question that failed is not asked again before."""
_MOST_KEPT = 500
"""Answers in the folder; beyond that the oldest go."""
_MOST_UNDER_WAY = 50


class KeptAnswer(msgspec.Struct, frozen=True):
    """One answer as it is kept; `items` is JSON of the asker's choice."""

    question: str
    asked_at: str
    items: list[Any]


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of a question. `items` None: no answer ever came. `trouble`: why asking failed just now."""

    items: list[Any] | None
    is_old: bool
    trouble: str


class KeptAnswers:
    """Questions to the platform and their last answers. May be used from many threads."""

    def __init__(self, folder: Path, clock: Clock, on_change: Callable[[], None]) -> None:
        """
        Args:
            folder: Where answers are kept; made when the first one comes.
            on_change: Called when an answer came, from another thread.
        """
        self._folder = folder
        self._clock = clock
        self._on_change = on_change
        self._lock = threading.Condition()
        self._known: dict[Path, tuple[int, KeptAnswer]] = {}
        """By file: when it was written, and what it holds."""
        self._under_way: set[str] = set()
        self._failed: dict[str, tuple[float, str]] = {}
        self._questions: queue.SimpleQueue[tuple[str, Ask] | None] = queue.SimpleQueue()
        self._threads: list[threading.Thread] = []
        self._local = threading.local()

    def get(self, question: str, ask: Ask, *, good_for: timedelta) -> Known:
        """What is known, at once. Where that is nothing, or is old, the platform is asked in the background."""
        with self._lock:
            kept = self._read(question)
            age = None if kept is None else self._clock.now() - from_text(kept.asked_at)
            # A clock that was set back makes answers come from the future: they are taken for old.
            is_old = age is None or not timedelta(0) <= age <= good_for
            failed_s, trouble = self._failed.get(question, (float("-inf"), ""))
            may_ask = self._clock.monotonic_s() - failed_s >= _AFTER_FAILURE_S and not self.is_quiet()
            is_asked = question in self._under_way
            if is_old and may_ask and not is_asked and len(self._under_way) < _MOST_UNDER_WAY:
                self._under_way.add(question)
                self._questions.put((question, ask))
                self._staff()
            return Known(None if kept is None else kept.items, is_old, trouble)

    def questions(self, beginning: str) -> list[str]:
        """The questions that begin so and have an answer, also from earlier runs; the newest answer first."""
        with self._lock:
            kept = [answer for path, _ in self._files() if (answer := self._load(path)) is not None]
        kept.sort(key=lambda answer: answer.asked_at, reverse=True)
        return [answer.question for answer in kept if answer.question.startswith(beginning)]

    def forget(self, question: str) -> None:
        """Drop an answer."""
        with self._lock:
            self._remove(self._path(question))

    def close(self) -> None:
        """Let the threads end; one that waits for an answer ends when that came."""
        with self._lock:
            for _ in self._threads:
                self._questions.put(None)

    @contextmanager
    def quiet(self) -> Iterator[None]:
        """Within this block, this thread causes no question: for programs that look into everything."""
        self._local.is_quiet = True
        try:
            yield
        finally:
            self._local.is_quiet = False

    def settle(self, patience_s: float) -> bool:
        """Wait until no question is under way; says whether that came true. For commands that run once."""
        with self._lock:
            return self._lock.wait_for(lambda: not self._under_way, patience_s)

    def is_quiet(self) -> bool:
        """Whether this thread is within `quiet`."""
        return bool(getattr(self._local, "is_quiet", False))

    def _staff(self) -> None:
        if len(self._threads) < _WORKERS:
            thread = threading.Thread(target=self._work, name="tlsync-asking", daemon=True)
            self._threads.append(thread)
            thread.start()

    def _work(self) -> None:
        while (item := self._questions.get()) is not None:
            question, ask = item
            trouble = ""
            try:
                self._write(KeptAnswer(question, to_text(self._clock.now()), ask()))
            except TlsyncError as error:
                trouble = error.message
            except OSError as error:
                trouble = f"the answer can't be kept: {self._folder}: {error.strerror}"
                log.warning("an answer can't be kept folder=%s reason=%s", self._folder, error.strerror)
            except Exception:
                trouble = "tlsync made a mistake; the log has the details"
                log.exception("asking the platform failed")
            with self._lock:
                self._failed.pop(question, None)
                if trouble:
                    self._failed[question] = (self._clock.monotonic_s(), trouble)
                    while len(self._failed) > _MOST_KEPT:
                        self._failed.pop(next(iter(self._failed)))
                self._under_way.discard(question)
                self._lock.notify_all()
            self._on_change()

    def _read(self, question: str) -> KeptAnswer | None:
        answer = self._load(self._path(question))
        return answer if answer is not None and answer.question == question else None

    def _load(self, path: Path) -> KeptAnswer | None:
        """An answer from its file, which another process may have renewed. What is no answer is asked for again."""
        try:
            written_ns = path.stat().st_mtime_ns
            known = self._known.get(path)
            if known is not None and known[0] == written_ns:
                return known[1]
            answer = msgspec.json.decode(path.read_bytes(), type=KeptAnswer)
            from_text(answer.asked_at)
        except (OSError, msgspec.DecodeError, ValueError, RecursionError):
            self._known.pop(path, None)
            return None
        self._known[path] = (written_ns, answer)
        return answer

    def _write(self, answer: KeptAnswer) -> None:
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_whole(self._path(answer.question), msgspec.json.encode(answer), mode=0o600)
        with self._lock:
            for path, _ in self._files()[_MOST_KEPT:]:
                self._remove(path)

    def _files(self) -> list[tuple[Path, int]]:
        """The files of answers and when they were written, the newest first."""
        found = []
        with suppress(OSError), os.scandir(self._folder) as entries:
            found = [
                (self._folder / entry.name, entry.stat().st_mtime_ns)
                for entry in entries
                if entry.name.endswith(".json")
            ]
        return sorted(found, key=lambda item: item[1], reverse=True)

    def _remove(self, path: Path) -> None:
        self._known.pop(path, None)
        with suppress(OSError):
            path.unlink(missing_ok=True)

    def _path(self, question: str) -> Path:
        return self._folder / f"{hashlib.sha256(question.encode('utf-8', 'surrogatepass')).hexdigest()[:32]}.json"
