"""A machine for tests that break things: folders, a sandbox, commands as processes, and the judges' verdict."""

from __future__ import annotations

import json
import os
import random
import shutil
import struct
import threading
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from tests.faults import oracle
from tests.faults.child import Order, Run
from tlsync.sandbox.server import SandboxServer

MakeClip = Callable[..., Path]


def wait_until(is_true: Callable[[], Any], what: str, limit_s: float = 30.0) -> float:
    """Look again and again until something is so; says how long it took."""
    start_s = time.monotonic()
    pause = threading.Event()
    while not is_true():
        assert time.monotonic() < start_s + limit_s, f"waited in vain for: {what}"
        pause.wait(0.02)
    return time.monotonic() - start_s


class Lab:
    """Footage, state and a platform, each of which may be on a file system that fails."""

    def __init__(
        self,
        folder: Path,
        server: SandboxServer,
        sample: Path,
        *,
        footage: Path | None = None,
        state_dir: Path | None = None,
    ) -> None:
        """
        Args:
            folder: For the settings and what commands print.
            sample: A clip that others are made of.
        """
        self.server = server
        self.footage = footage or folder / "footage"
        self.state_dir = state_dir or folder / "state"
        self.footage.mkdir(exist_ok=True)
        self._config = folder / "config.toml"
        self._output = folder / "output"
        self._output.mkdir()
        self._sample = sample
        self._runs: list[Run] = []
        self._clips = 0
        self.versions: set[str] = set()
        """SHA-256 of all that was ever whole in the footage folder."""
        self.acknowledged: dict[oracle.ChunkKey, int] = {}
        self.configure()

    def configure(self, extra: str = "", *, sync: str = 'settle = "0.05 s"\npoll = "0.05 s"\n') -> None:
        self._config.write_text(
            f'state_dir = "{self.state_dir}"\n[[root]]\npath = "{self.footage}"\nindex = "clips"\n[sync]\n{sync}{extra}'
        )

    def start(self, *arguments: str, **options: Any) -> Run:
        """Start a command; `options` are those of `Order`."""
        environment = {
            "HOME": str(self._output),
            "PATH": os.environ.get("PATH", ""),
            "TWELVE_LABS_API_KEY": self.server.api_key,
            "TWELVELABS_BASE_URL": self.server.base_url,
        }
        order = Order(
            ("--config", str(self._config), *arguments), environment, self._output / str(len(self._runs)), **options
        )
        run = Run(order)
        self._runs.append(run)
        return run

    def run(self, *arguments: str, limit_s: float = 60.0) -> Run:
        """Run a command to its end."""
        run = self.start(*arguments)
        run.end(limit_s)
        return run

    def sync(self) -> Any:
        """One pass, which must end well."""
        run = self.start("sync", "--json")
        assert run.end() == 0, run.err
        return json.loads(run.out)

    def close(self) -> None:
        for run in self._runs:
            run.close()
        self._runs.clear()

    # Footage

    def clip(self, name: str, extra_bytes: int = 300_000, source: random.Random | None = None) -> Path:
        """A clip of a content that no other has; whole from the moment it has its name."""
        self._clips += 1
        path = self.footage / name
        path.parent.mkdir(exist_ok=True)
        temp = path.with_name(f".{path.name}.part")
        shutil.copyfile(self._sample, temp)
        noise = (source or random.Random(self._clips)).randbytes(max(extra_bytes - 8, 16))
        with temp.open("ab") as stream:
            stream.write(struct.pack(">I4s", len(noise) + 8, b"free") + noise)
        self.versions.add(oracle.sha256_of(temp))
        return temp.rename(path)

    def long_clip(self, name: str, size_bytes: int) -> Path:
        """A clip of any size, which is written quickly: the same megabyte again and again in a box of no use."""
        path = self.footage / name
        shutil.copyfile(self._sample, path.with_suffix(".part"))
        megabyte = random.Random(size_bytes).randbytes(1 << 20)
        with path.with_suffix(".part").open("ab") as stream:
            stream.write(struct.pack(">I4sQ", 1, b"free", size_bytes + 16))
            for start in range(0, size_bytes, len(megabyte)):
                stream.write(megabyte[: size_bytes - start])
        self.versions.add(oracle.sha256_of(path.with_suffix(".part")))
        return path.with_suffix(".part").rename(path)

    def clips(self) -> list[Path]:
        return sorted(self.footage.rglob("*.mp4"))

    # Judgement

    def acknowledge(self, facts: oracle.Facts) -> None:
        """Note how often chunks that are recorded now were sent."""
        fresh = facts.chunks - self.acknowledged.keys()
        if fresh:
            puts = {(put.upload_id, put.chunk): put.puts for put in self.server.ledger.puts()}
            self.acknowledged |= {key: puts[key] for key in fresh}

    def sent_again(self) -> int:
        """PUTs beyond the first of each chunk."""
        return sum(put.puts - 1 for put in self.server.ledger.puts())

    def faults_after_a_strike(self) -> list[str]:
        """What may not be so at any instant."""
        return oracle.catalog_faults(self.state_dir) + oracle.sidecar_faults(
            self.footage, self.state_dir, may_be_unfinished=True
        )

    def faults_at_rest(self, *, wanted: Iterable[str] = oracle.AT_REST) -> list[str]:
        """Everything that must hold when nothing is left to do."""
        return (
            oracle.ledger_faults(self.server.ledger, self.versions, self.acknowledged)
            + oracle.catalog_faults(self.state_dir)
            + oracle.sidecar_faults(self.footage, self.state_dir)
            + oracle.state_faults(self.state_dir, wanted=wanted)
        )

    def assert_all_arrived(self) -> None:
        """Every clip is on the platform and has its sidecar, and all judges are content."""
        assert self.faults_at_rest(wanted={"enriched", "missing"}) == []
        there = self.server.ledger.assets_by_sha256()
        for clip in self.clips():
            assert oracle.sha256_of(clip) in there, clip
            assert Path(f"{clip}.tlsync.json").exists(), clip


class Patience:
    """How long to let a pass work before it is struck: so that some get to their end, however slow the machine is."""

    def __init__(self) -> None:
        self.longest_s = 0.7

    def struck(self) -> None:
        self.longest_s = min(20.0, self.longest_s * 1.1)

    def ended(self) -> None:
        self.longest_s = max(0.2, self.longest_s * 0.85)


class Mischief:
    """Footage that is never finished: clips arrive, are copied, renamed and moved, while something else goes wrong."""

    def __init__(self, lab: Lab, source: random.Random, *, may_rename: bool = True) -> None:
        self._lab = lab
        self._source = source
        self._may_rename = may_rename
        self._names = 0

    def go_on(self) -> None:
        """One change; at least one clip is new whenever all others have arrived."""
        clips = self._lab.clips()
        states = oracle.read_facts(self._lab.state_dir).states
        is_busy = len(states) < len(clips) or any(state not in oracle.AT_REST for state, _ in states.values())
        dice = self._source.random()
        if not clips or (not is_busy and dice < 0.7):
            self._lab.clip(self._name(), self._source.randrange(150_000, 1_500_000), self._source)
        elif dice < 0.2:
            target = self._lab.footage / self._name()
            target.parent.mkdir(exist_ok=True)
            temp = target.with_name(f".{target.name}.part")
            shutil.copyfile(self._source.choice(clips), temp)
            temp.rename(target)
        elif dice < 0.4 and self._may_rename:
            target = self._lab.footage / self._name()
            target.parent.mkdir(exist_ok=True)
            self._source.choice(clips).rename(target)

    def _name(self) -> str:
        self._names += 1
        folder = self._source.choice(["", "", "day one/", "day two/"])
        return f"{folder}clip {self._names}.mp4"
