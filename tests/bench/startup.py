"""How long commands take from nothing, beside the interpreter with the libraries that they need, and a like tool.

    python -m tests.bench startup [--tlsync PROGRAM] [--maestral PROGRAM] [--rounds 21]

`tlsync` should be an installed one: `python -m venv V && V/bin/pip install . && … --tlsync V/bin/tlsync`. Its own
interpreter runs what it is held against. A search asks a sandbox on this machine; what that takes to answer, asked by
a client that is warm, is subtracted. Where valgrind is installed, instructions are counted too: other work on the
machine does not change them, as it does seconds.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from tests.bench.big_catalog import clip_name, fill, folder_name
from tests.bench.harness import Case, Measured, Report, Sample, Table, alternate, run_command
from tlsync.api import TwelveLabs
from tlsync.media.samples import make_clip
from tlsync.models import Cue
from tlsync.sandbox.server import SandboxServer

CHECKOUT = Path(__file__).parent.parent.parent
TLSYNC, CLICK, HTTPX, MAESTRAL = "tlsync", "import click", "httpx.Client()", "maestral --version"
QUERY = "boat"


class Start:
    """One tlsync with its interpreter, in an environment that has nothing of the caller's in it."""

    def __init__(self, folder: Path, program: Path | None) -> None:
        self.python = program.parent / "python" if program else Path(sys.executable)
        self.command = [program] if program else [self.python, "-m", "tlsync"]
        self.environment = {
            "PATH": "/usr/local/bin:/usr/bin:/bin",
            "HOME": str(folder),
            "TLSYNC_CONFIG": str(folder / "config.toml"),
            "PYTHONPYCACHEPREFIX": str(folder / "pycache"),  # compiled once, whatever the caller's settings
        }
        (folder / "config.toml").write_text(
            f'state_dir = "{folder}/state"\n[[root]]\npath = "{folder}/footage"\nindex = "footage"\n'
        )

    def case(self, name: str, *arguments: str) -> Case:
        return Case(name, lambda: self.run(*arguments))

    def peer(self, name: str, code: str) -> Case:
        command = [self.python, "-c", code]
        return Case(name, lambda: run_command(command, env=self.environment, cwd=CHECKOUT), is_peer=True)

    def run(self, *arguments: str) -> Sample:
        return run_command([*self.command, *arguments], env=self.environment, cwd=CHECKOUT)

    def counted(self, name: str, command: Sequence[str | Path]) -> Measured:
        """The instructions of a command outside the kernel, in millions."""
        valgrind = ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null", *map(str, command)]
        found = subprocess.run(valgrind, env=self.environment, cwd=CHECKOUT, capture_output=True, text=True, check=True)
        collected = re.search(r"Collected : (\d+)", found.stderr)
        assert collected is not None, found.stderr
        return Measured(name, samples=[Sample(0.0, million_instructions=int(collected[1]) / 1e6)])


def of_counting(
    start: Start, commands: Mapping[str, Sequence[str]], peer: str, code: str, goals: Sequence[float]
) -> Table:
    """Instructions of commands beside those of a peer."""
    table = Table(f"instructions, in millions, beside `python -c '{code}'`")
    theirs = start.counted(peer, [start.python, "-c", code])
    for (name, arguments), goal in zip(commands.items(), goals, strict=True):
        ours = start.counted(name, [*start.command, *arguments])
        table.row(name, ours, beside=theirs, goal=goal, metric="million_instructions")
    return table


def of_looking(start: Start, folder: Path, maestral: Path | None, rounds: int) -> list[Table]:
    """What needs no platform."""
    (folder / "footage").mkdir()
    fill(folder / "state", folder / "footage", 1000)
    clip = str(folder / "footage" / clip_name(201))
    help_, look = (("--version",), ("search", "--help")), (("status",), ("show", clip), ("why", clip))
    listed = ("ls", str(folder / "footage" / folder_name(1)))
    cases = [start.case(" ".join(arguments), *arguments) for arguments in help_]
    cases += [start.case(arguments[0], *arguments) for arguments in (*look, listed)]
    cases += [start.peer("python -c pass", "pass"), start.peer(CLICK, "import click")]
    if maestral:
        cases.append(Case(MAESTRAL, lambda: run_command([maestral, "--version"]), is_peer=True))
    found = alternate(cases, rounds, warm_ups=1)
    light = Table("commands that read nothing", "≤ 1.3 × `python -c 'import click'`, ≤ 0.5 × `maestral --version`")
    for arguments in help_:
        light.row(" ".join(arguments), found[" ".join(arguments)], beside=found[CLICK], goal=1.3)
        if maestral:
            light.row(" ".join(arguments), found[" ".join(arguments)], beside=found[MAESTRAL], goal=0.5)
    if not maestral:
        light.missing(MAESTRAL, "pip install maestral; --maestral PROGRAM")
    light.row(CLICK, found[CLICK], beside=found["python -c pass"])
    reading = Table("commands that read settings and catalog (1,000 files)", "≤ 1.6 × `python -c 'import click'`")
    for arguments in (*look, listed):
        reading.row(arguments[0], found[arguments[0]], beside=found[CLICK], goal=1.6)
    tables = [light, reading]
    if shutil.which("valgrind"):
        commands = {" ".join(arguments): arguments for arguments in help_}
        commands |= {arguments[0]: arguments for arguments in (*look, listed)}
        goals = [1.3] * len(help_) + [1.6] * (len(look) + 1)
        tables.append(of_counting(start, commands, CLICK, "import click", goals))
    return tables


@contextmanager
def searchable(start: Start, folder: Path) -> Iterator[SandboxServer]:
    """A sandbox that knows the one clip of the folder."""
    (folder / "footage").mkdir()
    make_clip(folder / "footage" / "boat.mp4", duration_s=6.0, cues=[Cue(1.0, 3.0, "Look at that boat.")])
    with SandboxServer() as server:
        start.environment |= {"TWELVE_LABS_API_KEY": server.api_key, "TWELVELABS_BASE_URL": server.base_url}
        start.run("sync")
        yield server


def answer_time(server: SandboxServer, rounds: int) -> float:
    """Median seconds of the platform's own part of a search."""
    times = []
    with TwelveLabs(api_key=server.api_key, base_url=server.base_url) as client:
        index = next(iter(client.indexes.list()))
        for _ in range(rounds):
            begun_s = time.perf_counter()
            pages = client.search.create(
                index_id=index.id, query_text=QUERY, search_options=["visual", "audio"], page_limit=10
            )
            next(iter(pages.pages()))
            times.append(time.perf_counter() - begun_s)
    return statistics.median(times)


def of_searching(start: Start, folder: Path, rounds: int) -> list[Table]:
    """A search, less what the platform takes."""
    valgrind = shutil.which("valgrind")
    with searchable(start, folder) as server:
        answer_s = answer_time(server, rounds)

        def search() -> Sample:
            sample = start.run("search", QUERY)
            return Sample(sample.wall_s - answer_s, sample.cpu_s, sample.peak_bytes)

        code = "import click, httpx; httpx.Client()"
        found = alternate([Case("search", search), start.peer(HTTPX, code)], rounds, warm_ups=1)
        tables = [of_counting(start, {"search": ("search", QUERY)}, HTTPX, code, [1.2])] if valgrind else []
    table = Table(
        f"a search, less the {answer_s * 1000:.1f} ms of the platform",
        "≤ 1.2 × `python -c 'import click, httpx; httpx.Client()'`",
    )
    table.row("search", found["search"], beside=found[HTTPX], goal=1.2)
    table.row("search, CPU", found["search"], beside=found[HTTPX], metric="cpu_s")
    return [table, *tables]


def main(argv: list[str]) -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.bench startup", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--tlsync", type=Path, help="An installed tlsync; without it, that of this checkout.")
    parser.add_argument("--maestral", type=Path, default=shutil.which("maestral"), help="The peer.")
    parser.add_argument("--rounds", type=int, default=21)
    arguments = parser.parse_args(argv)
    report = Report("startup")
    report.say("Installed." if arguments.tlsync else "From the checkout, as `python -m tlsync`.")
    program = arguments.tlsync and arguments.tlsync.absolute()
    maestral = arguments.maestral and Path(os.path.abspath(arguments.maestral))  # noqa: PTH100
    with tempfile.TemporaryDirectory(prefix="tlsync-bench-") as name:
        looking, searching = Path(name, "looking"), Path(name, "searching")
        looking.mkdir()
        searching.mkdir()
        for table in of_looking(Start(looking, program), looking, maestral, arguments.rounds):
            report.add(table)
        for table in of_searching(Start(searching, program), searching, arguments.rounds):
            report.add(table)
    report.write()
