"""Many small clips: how fast they are uploaded, beside a bare loop that makes as many requests to the same servers.

    python -m tests.bench clips [--counts 1000,5000] [--clip-kib 2048] [--rounds 5]

The bare loop opens a session for each clip, PUTs its bytes, reports them and asks for the state; it asks for lists of
assets as often as tlsync asked for lists, and for an asset as often as tlsync made other calls (polling, indexing). It
neither hashes nor notes anything. Rounds are for the first count; larger ones run once, to show how time grows with
the number of files.
"""

from __future__ import annotations

import argparse
import itertools
import json
import ssl
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import httpx

from tests.bench.harness import Case, Measured, Report, Sample, Table, alternate, run_command
from tests.bench.large_clip import make_large_clip
from tests.bench.sandbox_beside_sink import ETAG, SandboxBesideSink
from tests.bench.sink import Sink
from tlsync.media.samples import make_clip

WORKERS = 4


def tlsync(sink: Sink, film: Path, footage: Path) -> Sample:
    with (
        SandboxBesideSink(sink.url, film) as sandbox,
        tempfile.TemporaryDirectory(prefix="tlsync-bench-") as folder,
    ):
        sink.forget()
        whole = run_command(
            [sys.executable, "-m", "tests.bench.one_upload", f"{folder}/state", footage, "--until", "uploaded"],
            env=sandbox.environment | {"SSL_CERT_FILE": str(sink.ca_file)},
            stdout=Path(folder) / "said",
        )
        told = json.loads((Path(folder) / "said").read_text())
        counts, arrived = sandbox.counts(), sink.told()
    lists = sum(count for name, count in counts.items() if ".list" in name)
    calls = sum(counts.values()) - lists
    return Sample(
        told["wall_s"],
        told["cpu_s"],
        whole.peak_bytes,
        calls=calls,
        lists=lists,
        puts=arrived["puts"],
        most=arrived["most_flying"],
    )


def bare_loop(sink: Sink, film: Path, clips: list[Path], calls: float, lists: float) -> Sample:
    """Threads that make the requests of all clips, and nothing else."""
    waiting, taking = iter(clips), threading.Lock()
    others = iter(["/assets"] * round(lists) + ["/assets/{}"] * round(calls - 3 * len(clips)))
    per_clip = round((lists + calls) / len(clips)) - 3

    def all_clips() -> Iterator[Path]:
        while True:
            with taking:
                clip = next(waiting, None)
            if clip is None:
                return
            yield clip

    def work(platform: httpx.Client, storage: httpx.Client) -> None:
        for clip in all_clips():
            data = clip.read_bytes()
            wanted = {"filename": clip.name, "type": "video", "total_size": len(data)}
            session = platform.post("/assets/multipart-uploads", json=wanted).raise_for_status().json()
            path = f"/assets/multipart-uploads/{session['upload_id']}"
            storage.put(session["upload_urls"][0]["url"], content=data).raise_for_status()
            done = {"chunk_index": 1, "proof": ETAG, "proof_type": "etag", "chunk_size": len(data)}
            platform.post(path, json={"completed_chunks": [done]}).raise_for_status()
            platform.get(path).raise_for_status()
            with taking:
                more = list(itertools.islice(others, per_clip))
            for other in more:
                platform.get(other.format(session["asset_id"])).raise_for_status()

    with SandboxBesideSink(sink.url, film) as sandbox:
        context = ssl.create_default_context(cafile=str(sink.ca_file))
        with (
            httpx.Client(base_url=sandbox.base_url, headers={"x-api-key": sandbox.api_key}) as platform,
            httpx.Client(verify=context) as storage,
        ):
            threads = [threading.Thread(target=work, args=(platform, storage)) for _ in range(WORKERS)]
            begun_s = time.monotonic()
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            return Sample(time.monotonic() - begun_s)


def measure(sink: Sink, film: Path, footage: Path, rounds: int) -> tuple[Measured, Measured]:
    clips = sorted(footage.rglob("*.mp4"))
    calls = (3.0 * len(clips), 0.0)

    def ours() -> Sample:
        nonlocal calls
        sample = tlsync(sink, film, footage)
        assert sample.figures["puts"] == len(clips), "not every clip arrived once"
        calls = (sample.figures["calls"], sample.figures["lists"])
        sample.figures["per_clip_s"] = sample.wall_s / len(clips)
        return sample

    def bare() -> Sample:
        sample = bare_loop(sink, film, clips, *calls)
        sample.figures["per_clip_s"] = sample.wall_s / len(clips)
        return sample

    found = alternate([Case("tlsync", ours), Case("bare loop", bare, is_peer=True)], rounds)
    return found["tlsync"], found["bare loop"]


def main(argv: list[str]) -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.bench clips", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--counts", default="1000,5000")
    parser.add_argument("--clip-kib", type=int, default=2048)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--folder", type=Path, help="for the clips; best in memory")
    options = parser.parse_args(argv)
    counts = [int(count) for count in options.counts.split(",")]
    table = Table(
        f"Clips of {options.clip_kib} KiB",
        "≥ 0.8 × the speed of a bare loop, which is ≤ 1.25 × its time; the same per clip for any number of them",
    )
    first: Measured | None = None
    with Sink() as sink, tempfile.TemporaryDirectory(prefix="tlsync-bench-", dir=options.folder) as name:
        film = make_clip(Path(name) / "film.mp4", duration_s=6.0)
        footage = Path(name) / "footage"
        for count in counts:
            for number in range(sum(1 for _ in footage.rglob("*.mp4")), count):
                clip = footage / f"{number // 500:03d}" / f"{number:06d}.mp4"
                clip.parent.mkdir(parents=True, exist_ok=True)
                make_large_clip(clip, options.clip_kib * 1024, film)
            ours, bare = measure(sink, film, footage, options.rounds if count == counts[0] else 1)
            table.row(f"{count} clips", ours, bare, 1.25)
            table.row(f"{count} clips, PUTs in flight", ours, goal=WORKERS, metric="most")
            table.row(f"{count} clips, peak memory", ours, goal=120 * 2**20, metric="peak_bytes")
            table.row(f"{count} clips, time per clip", ours, first, 1.2 if first else None, metric="per_clip_s")
            first = first or ours
    report = Report("clips")
    report.add(table)
    report.write()
