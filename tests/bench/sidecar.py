"""The sidecar of a two-hour transcription: composed, compared with the one that is there, written whole.

python -m tests.bench sidecar [--segments 10000] [--rounds 9]
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
import time
from pathlib import Path

import msgspec

from tests.bench.harness import Case, Report, Sample, Table, alternate
from tlsync.models import Cue
from tlsync.store.sidecar_format import Media, Platform, Provenance, Sidecar
from tlsync.store.sidecars import Sidecars

SENTENCE = "and then we cut back to the wide shot of the harbour where she says that the boat is late"


def document(segments: int, note: str) -> Sidecar:
    cues = tuple(
        Cue(number * 0.72, number * 0.72 + 0.7, SENTENCE[number % 7 : number % 7 + 50]) for number in range(segments)
    )
    provenance = Provenance("indexed_asset", "marengo3.0", None, "2026-01-02T03:04:05Z")
    return Sidecar(
        media=Media("A001_C003.mov", 10**10, "f1-" + "a" * 40, "b" * 64, 7200.0, "24/1", 3840, 2160, None),
        platform=Platform("https://api.example.com/v1.3", "i" * 24, "footage", "a" * 24, "v" * 24, None),
        summary=note,
        transcription=cues,
        provenance={"summary": provenance, "transcription": provenance},
    )


def main(argv: list[str]) -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.bench sidecar", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--segments", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=9)
    options = parser.parse_args(argv)
    one, other = document(options.segments, "one"), document(options.segments, "other")
    plain = msgspec.to_builtins(one)
    with tempfile.TemporaryDirectory(prefix="tlsync-bench-") as name:
        folder = Path(name)
        sidecars = Sidecars("beside", folder / "state")
        turns = [0]

        def write(media: str, texts: list[Sidecar]) -> Sample:
            turns[0] += 1
            begun_s, begun_cpu_s = time.perf_counter(), time.process_time()
            written = sidecars.write(folder / media, texts[turns[0] % len(texts)])
            took_s, took_cpu_s = time.perf_counter() - begun_s, time.process_time() - begun_cpu_s
            assert written.stat().st_size > options.segments * 50
            return Sample(took_s, took_cpu_s)

        def write_new() -> Sample:
            (folder / "new.mov.tlsync.json").unlink(missing_ok=True)
            return write("new.mov", [one])

        def write_same() -> Sample:
            path = folder / "same.mov.tlsync.json"
            before = path.stat().st_mtime_ns if path.exists() else None
            sample = write("same.mov", [one])
            assert before in (None, path.stat().st_mtime_ns), "an unchanged sidecar was written"
            return sample

        def write_with_json() -> None:
            handle = os.open(folder / "peer", os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
            try:
                os.write(handle, json.dumps(plain, indent=2, ensure_ascii=False).encode())
                os.fsync(handle)
            finally:
                os.close(handle)

        found = alternate(
            [
                Case("a new sidecar", write_new),
                Case("a sidecar that says something else", lambda: write("changed.mov", [one, other])),
                Case("an unchanged one, which is not written", write_same),
                Case("json.dumps and fsync", write_with_json, is_peer=True),
            ],
            options.rounds,
            warm_ups=2,
        )
    new, changed, same, peer = found.values()
    table = Table(f"Sidecar of {options.segments} segments", "≤ 10 ms")
    table.row(new.name, new, peer)
    table.row(new.name, new, goal=0.010)
    table.row(changed.name, changed, goal=0.010)
    table.row(same.name, same, goal=0.010)
    for measured in (new, changed, same):
        table.row(f"{measured.name}, CPU", measured, goal=0.010, metric="cpu_s")
    report = Report("sidecar")
    report.add(table)
    report.write()
