"""One run: a platform, one or two workstations, people who work with footage, and everything that can go wrong."""

from __future__ import annotations

import logging
import random
import shutil
import sys
import tempfile
import traceback
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from unittest import mock

from tests.simulation.chaos import Chaos
from tests.simulation.clips import ClipReader
from tests.simulation.disk import Disk
from tests.simulation.fibers import FiberThreading, Kernel, SimulatedClock
from tests.simulation.machine import Machine, Marks
from tests.simulation.people import People
from tlsync.engine import scheduler
from tlsync.media import identity
from tlsync.sandbox.routes import Router
from tlsync.sandbox.settings import SandboxSettings, Timings
from tlsync.sandbox.world import World as Platform

_TIMINGS = Timings(
    asset_processing_s=3,
    validating_s=1,
    pending_s=1,
    queued_s=2,
    indexing_s=15,
    asset_life_s=10 * 365 * 86400,
)
_SMALL_SAMPLES = {"_EDGE_BYTES": 96, "_SAMPLE_BYTES": 4, "_SAMPLES": 4, "_WHOLE_UP_TO_BYTES": 208}
"""So that a fingerprint leaves out most of a clip, as it does with a large one."""
_SETTLES_WITHIN_S = 14 * 86400.0
_PATIENCE_S = 120.0


@dataclass(frozen=True)
class Options:
    machines: int = 1


@dataclass
class Outcome:
    """What a run was and what was found. `problems` are named by their oracle."""

    seed: int
    problems: list[str] = field(default_factory=list)
    trace: list[tuple[Any, ...]] = field(default_factory=list)
    fired: dict[str, int] = field(default_factory=dict)
    hours: float = 0.0
    deaths: int = 0


class World:
    """Everything that is in a run. `note` writes the trace."""

    def __init__(self, folder: Path, seed: int, options: Options) -> None:
        self.folder = folder
        self.seed = seed
        source = random.Random(seed)

        def branch() -> random.Random:
            return random.Random(source.getrandbits(64))

        self.kernel = Kernel(branch())
        self.chaos = Chaos(branch())
        self.clock = SimulatedClock(self.kernel)
        self.trace: list[tuple[Any, ...]] = []
        self.problems: list[str] = []
        self.recorded: set[tuple[str, int]] = set()
        """Chunks whose arrival is in a catalog."""
        self.noted: set[str] = set()
        """Assets that a catalog ever knew as whole."""
        self.marks: Marks = {}
        self.disk = Disk(self.kernel, self.chaos, branch(), self._crash)
        reader = ClipReader()
        settings = SandboxSettings(
            platform=source.choice(["2025-11", "2026-07"]), timings=_TIMINGS, chunk_size_bytes=100, first_urls=3
        )
        self.platform = Platform(
            folder / "platform", clock=self.clock, media=reader, settings=settings, source=branch()
        )
        self.machines = [
            Machine(
                f"desk{number}",
                folder,
                kernel=self.kernel,
                chaos=self.chaos,
                disk=self.disk,
                router=Router(self.platform),
                prober=reader,
                source=branch(),
                note=self.note,
                recorded=self.recorded,
                noted=self.noted,
                marks=self.marks,
                complain=self.problems.append,
            )
            for number in range(options.machines)
        ]
        self.people = People(self, branch())

    def note(self, *what: Any) -> None:
        shown = tuple(item.replace(str(self.folder), "") if isinstance(item, str) else item for item in what)
        self.trace.append((round(self.kernel.now_s, 3), *shown))

    def live(self) -> None:
        """The eventful part, then calm, until nothing moves any more."""
        self.people.begin()
        for machine in self.machines:
            machine.start()
        self.chaos.is_on = True
        self.people.live()
        self.chaos.is_on = False
        self.platform.faults.clear()
        self.people.make_good()
        self._settle()

    def _settle(self) -> None:
        until_s = self.kernel.now_s + _SETTLES_WITHIN_S
        for machine in self.machines:
            if not machine.is_running:
                machine.start()
        self.kernel.wait(None, _PATIENCE_S)
        while self.kernel.now_s < until_s:
            before = len(self.trace)
            self.kernel.wait(None, _PATIENCE_S)
            if len(self.trace) > before:
                continue
            left_s = min((machine.next_due_s() for machine in self.machines), default=float("inf"))
            if left_s == float("inf"):
                break
            if all(machine.may_sleep() for machine in self.machines):
                self.kernel.sleep(left_s)
            else:  # sleep would begin the quiet period of a file anew
                self.kernel.wait(None, left_s)
        for machine in self.machines:
            machine.stop()

    def _crash(self, life: Any) -> None:
        next(machine for machine in self.machines if machine.owns(life)).kill(life)


class _Tokens:
    """Stands in for the module `secrets`."""

    def __init__(self, source: random.Random) -> None:
        self._source = source

    def token_hex(self, size_bytes: int) -> str:
        return self._source.randbytes(size_bytes).hex()

    def token_bytes(self, size_bytes: int) -> bytes:
        return self._source.randbytes(size_bytes)


class _Watcher:
    """Events of the simulated disk, in the place of the system's."""

    disk: Disk

    def __init__(self, *arguments: Any) -> None:
        self._root = arguments[0] if isinstance(arguments[0], Path) else None
        self._on_path: Callable[[Path], None] = arguments[-2]
        self.is_open = False

    def watch(self, root: Path) -> bool:
        self._root = root
        return not self.open()

    def open(self) -> str:
        self.end()
        self.disk.listeners.append(self._hear)
        self.is_open = True
        return ""

    def end(self) -> None:
        if self._hear in self.disk.listeners:
            self.disk.listeners.remove(self._hear)
        self.is_open = False

    def close(self) -> None:
        self.end()

    def watched_inodes(self) -> None:
        return None

    def _hear(self, path: Path) -> None:
        if self._root is not None and self._root in path.parents:
            self._on_path(path)


@contextmanager
def _installed(world: World, source: random.Random) -> Iterator[None]:
    """Put the simulation in the place of threads, events and luck."""
    threading = FiberThreading(world.kernel)
    watcher = type("Watcher", (_Watcher,), {"disk": world.disk})
    with ExitStack() as stack:
        for name, module in list(sys.modules.items()):
            if not name.startswith("tlsync.") or name.startswith("tlsync.sandbox"):
                continue
            if hasattr(module, "threading"):
                stack.enter_context(mock.patch.object(module, "threading", threading))
            if name.startswith("tlsync.engine.root_") and hasattr(module, "Watcher"):
                stack.enter_context(mock.patch.object(module, "Watcher", watcher))
            if hasattr(module, "random"):
                stack.enter_context(mock.patch.object(module, "random", source))
            if hasattr(module, "secrets"):
                stack.enter_context(mock.patch.object(module, "secrets", _Tokens(source)))
            if hasattr(module, "table_text"):  # other mounts of this computer are no part of the world
                stack.enter_context(mock.patch.object(module, "table_text", lambda: ""))
            for constant, value in {"_TICK_S": 2.0, "_HEALTH_EVERY_S": 15.0}.items():
                if name.startswith("tlsync.engine.root_") and hasattr(module, constant):
                    stack.enter_context(mock.patch.object(module, constant, value))
        stack.enter_context(mock.patch.object(scheduler, "_LONGEST_NAP_S", 30.0))
        if "tlsync.media.writers" in sys.modules:
            writers = sys.modules["tlsync.media.writers"]
            stack.enter_context(mock.patch.object(writers.Writers, "of", world.disk.writer_of(writers.Writer)))
        for constant, number in _SMALL_SAMPLES.items():
            stack.enter_context(mock.patch.object(identity, constant, number))
        stack.enter_context(world.disk.installed())
        yield


def run_seed(seed: int, options: Options | None = None) -> Outcome:
    """Live through one seed and judge what is left."""
    from tests.simulation.oracles import judge

    options = options or Options()
    place = Path("/dev/shm")
    folder = Path(tempfile.mkdtemp(prefix="tlsync-simulation-", dir=place if place.is_dir() else None))
    logging.disable(logging.CRITICAL)
    try:
        world = World(folder, seed, options)
        outcome = Outcome(seed, trace=world.trace)
        try:
            with _installed(world, random.Random(seed + 1)):
                world.live()
                outcome.problems += judge(world)
        except Exception as error:
            outcome.problems.append(f"harness: {error!r}\n{traceback.format_exc()}")
            for machine in world.machines:
                machine.kill()
        outcome.problems += [f"mistake: {error!r}" for error in world.kernel.mistakes]
        outcome.fired = world.chaos.fired
        outcome.hours = world.kernel.now_s / 3600
        outcome.deaths = sum(machine.deaths for machine in world.machines)
        world.platform.close()
        return outcome
    finally:
        logging.disable(logging.NOTSET)
        shutil.rmtree(folder, ignore_errors=True)
