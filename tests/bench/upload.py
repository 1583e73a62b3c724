"""One large file over TLS to storage that is never the limit, beside curl and the tools that people use.

    python -m tests.bench upload [--size-mib 4096] [--peer-mib 1024] [--rounds 5] [--most-minutes 12]
                                 [--without curl,md5,sdk,aws,rclone] [--sdk PYTHON] [--aws PROGRAM]

tlsync's figures hold all of an upload: the session, reading, SHA-256, PUTs, a commit per chunk, the reports, the
asset; they are taken from inside the process, as those of the SDK, whose start-up is not in them either. curl's are
four processes that send pieces which were cut before, a quarter each, and one that hashes the file meanwhile. Storage
is `sink.c`, on the same cores: CPU seconds say more than seconds. It gives no MD5 as ETag; what it costs to look at
one is a row of its own.

A line on stderr tells of each run; the two tables are printed when they are complete, the one beside curl first, after
half of the minutes at the latest. Where the time does not suffice for all rounds there are fewer, and it says so.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests.bench.harness import Case, Report, Sample, Table, alternate, run_command
from tests.bench.large_clip import make_large_clip
from tests.bench.sandbox_beside_sink import SandboxBesideSink
from tests.bench.sink import Sink
from tlsync.media.samples import make_clip

MIB = 2**20
CHUNK_BYTES = 5 * MIB
STREAMS = 4
OF_SDK = """
import json, sys, time
from twelvelabs import TwelveLabs
client = TwelveLabs(api_key=sys.argv[1], base_url=sys.argv[2])
begun_s, begun_cpu_s = time.monotonic(), time.process_time()
client.multipart_upload.upload_file(sys.argv[3])
print(json.dumps({"wall_s": time.monotonic() - begun_s, "cpu_s": time.process_time() - begun_cpu_s}))
"""
OF_HASHING = """
import hashlib, sys
digest = hashlib.sha256()
with open(sys.argv[1], "rb", buffering=0) as stream:
    while block := stream.read(262144):
        digest.update(block)
"""
SAFE = {"PATH": "/usr/local/bin:/usr/bin:/bin"}


class Bench:
    """A file, a sink, and everybody who sends the one to the other."""

    def __init__(self, folder: Path, sink: Sink, size_bytes: int) -> None:
        self._folder = folder
        self._sink = sink
        self._gib = size_bytes / 2**30
        self._size_bytes = size_bytes
        self._film = make_clip(folder / "film.mp4", duration_s=6.0)
        (folder / "footage").mkdir()
        self._clip = make_large_clip(folder / "footage" / "large.mp4", size_bytes, self._film)

    def tlsync(self, *options: str) -> Sample:
        state_dir = Path(tempfile.mkdtemp(dir=self._folder))
        footage = self._clip.parent
        sample = self._from_inside(
            [sys.executable, "-m", "tests.bench.one_upload", str(state_dir), str(footage), *options]
        )
        shutil.rmtree(state_dir)
        hashing = run_command([sys.executable, "-c", OF_HASHING, self._clip])
        assert sample.cpu_s is not None and hashing.cpu_s is not None
        sample.figures["cpu_without_sha256_per_gib_s"] = (sample.cpu_s - hashing.cpu_s) / self._gib
        return sample

    def curl(self) -> Sample:
        pieces = self._pieces()
        command = ["curl", "--no-progress-meter", "--fail", "--cacert", str(self._sink.ca_file), "-o", "/dev/null"]
        orders = []
        for stream in range(STREAMS):
            order = self._folder / f"curl-{stream}"
            order.write_text(
                "\n".join(
                    f'upload-file = "{piece}"\nurl = "{self._sink.url}/{piece.name}"\n'
                    'output = "/dev/null"\nheader = "Expect:"'
                    for piece in pieces[stream::STREAMS]
                )
            )
            orders.append(order)
        self._sink.forget()
        begun_s = time.monotonic()
        hashing = subprocess.Popen(["openssl", "dgst", "-sha256", str(self._clip)], stdout=subprocess.DEVNULL)
        script = " & ".join(f"{' '.join(command)} -K {order}" for order in orders) + " & wait"
        sent = run_command(["sh", "-c", script])
        assert hashing.wait() == 0
        wall_s = time.monotonic() - begun_s
        assert sent.cpu_s is not None
        return self._checked(
            Sample(wall_s, sent.cpu_s, sent.peak_bytes, cpu_without_sha256_per_gib_s=sent.cpu_s / self._gib)
        )

    def sdk(self, python: str) -> Sample:
        own = self._folder / "sdk" / "large.mp4"  # it writes a second copy beside the file
        own.parent.mkdir(exist_ok=True)
        own.unlink(missing_ok=True)
        own.hardlink_to(self._clip)
        return self._from_inside([python, "-c", OF_SDK, "KEY", "URL", str(own)])

    def aws(self, program: str) -> Sample:
        config = self._folder / "aws.ini"
        config.write_text(
            "[default]\nrequest_checksum_calculation = when_required\n"
            f"s3 =\n  max_concurrent_requests = {STREAMS}\n  multipart_chunksize = {CHUNK_BYTES}\n"
        )
        environment = SAFE | {"AWS_CONFIG_FILE": str(config), "AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b"}
        common = ["--endpoint-url", self._sink.url, "--ca-bundle", self._sink.ca_file, "--region", "us-east-1"]
        self._sink.forget()
        sent = run_command([program, "s3", "cp", "--quiet", *common, self._clip, "s3://b/k"], env=environment)
        return self._checked(sent)

    def rclone(self) -> Sample:
        options = {
            "provider": "Other", "access-key-id": "a", "secret-access-key": "b", "endpoint": self._sink.url,
            "region": "us-east-1", "chunk-size": f"{CHUNK_BYTES // MIB}Mi", "upload-concurrency": str(STREAMS),
        }  # fmt: skip
        quiet = ["--s3-no-check-bucket", "--s3-no-head", "--no-check-dest"]
        command = ["rclone", "copyto", self._clip, ":s3:b/k", "--ca-cert", self._sink.ca_file, *quiet]
        command += [f"--s3-{name}={value}" for name, value in options.items()]
        self._sink.forget()
        return self._checked(run_command(command, env=SAFE | {"HOME": str(self._folder)}))

    def _from_inside(self, command: list[str]) -> Sample:
        """A process that tells itself how long it took."""
        said = self._folder / "said"
        with SandboxBesideSink(self._sink.url, self._film) as sandbox:
            values = {"KEY": sandbox.api_key, "URL": sandbox.base_url}
            self._sink.forget()
            whole = run_command(
                [values.get(word, word) for word in command],
                env=sandbox.environment | {"SSL_CERT_FILE": str(self._sink.ca_file)},
                stdout=said,
            )
        told = json.loads(said.read_text())
        return self._checked(Sample(told["wall_s"], told["cpu_s"], whole.peak_bytes))

    def _checked(self, sample: Sample) -> Sample:
        received_bytes = self._sink.told()["received_bytes"]
        assert received_bytes == self._size_bytes, f"{received_bytes} of {self._size_bytes} bytes arrived"
        assert sample.cpu_s is not None
        sample.figures["cpu_per_gib_s"] = sample.cpu_s / self._gib
        return sample

    def _pieces(self) -> list[Path]:
        """The file cut up, made at the first call."""
        folder = self._folder / "pieces"
        if not folder.exists():
            folder.mkdir()
            with self._clip.open("rb") as stream:
                number = 0
                while block := stream.read(CHUNK_BYTES):
                    (folder / f"{number:05d}").write_bytes(block)
                    number += 1
        return sorted(folder.iterdir())


def beside_curl(folder: Path, sink: Sink, size_mib: int, rounds: int, most_s: float, without: set[str]) -> Table:
    bench = Bench(folder, sink, size_mib * MIB)
    cases = [Case("curl", bench.curl, is_peer=True), Case("tlsync", bench.tlsync)]
    if "md5" not in without:
        cases.append(Case("tlsync, MD5 of chunks", lambda: bench.tlsync("--verify-chunks")))
    found = alternate(cases, rounds, most_s=most_s)
    table = Table(
        f"{size_mib} MiB, beside {STREAMS} curl and a SHA-256",
        "≥ 0.85 × their speed, which is ≤ 1.18 × their time; CPU without hashing ≤ 1.3 × curl's; 120 MiB",
    )
    curl, ours = found["curl"], found["tlsync"]
    table.row("time", ours, curl, 1.18)
    table.row("CPU per GiB without SHA-256", ours, curl, 1.3, metric="cpu_without_sha256_per_gib_s")
    table.row("peak memory", ours, goal=120 * MIB, metric="peak_bytes")
    with_md5 = found.get("tlsync, MD5 of chunks")
    if with_md5 is not None:
        metric = "cpu_without_sha256_per_gib_s"
        table.row("time, with verify_chunks", with_md5, curl, "not aimed at")
        table.row("CPU per GiB, with verify_chunks", with_md5, curl, "not aimed at", metric=metric)
    return table


def beside_tools(
    folder: Path, sink: Sink, size_mib: int, rounds: int, most_s: float, without: set[str], *, sdk: str, aws: str
) -> Table:
    bench = Bench(folder, sink, size_mib * MIB)
    cases = [Case("tlsync", bench.tlsync)]
    table = Table(
        f"{size_mib} MiB, beside other tools",
        "≥ 2.5 × the SDK, which hashes nothing, 2 × aws without its checksums, 4 × rclone, which makes an MD5",
    )
    goals = {"twelvelabs SDK": 0.4, "aws s3 cp": 0.5, "rclone": 0.25}
    if shutil.which(sdk) and "sdk" not in without:
        cases.append(Case("twelvelabs SDK", lambda: bench.sdk(sdk), is_peer=True))
    if shutil.which(aws) and "aws" not in without:
        cases.append(Case("aws s3 cp", lambda: bench.aws(aws), is_peer=True))
    if shutil.which("rclone") and "rclone" not in without:
        cases.append(Case("rclone", bench.rclone, is_peer=True))
    found = alternate(cases, rounds, most_s=most_s)
    for name, goal in goals.items():
        if name not in found:
            table.missing(name, "or left out; see the options of this benchmark")
            continue
        table.row(f"time beside {name}", found["tlsync"], found[name], goal)
    for name in found.keys() & goals.keys():
        table.row(f"CPU per GiB beside {name}", found["tlsync"], found[name], metric="cpu_per_gib_s")
    return table


def main(argv: list[str]) -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.bench upload", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--size-mib", type=int, default=4096)
    parser.add_argument("--peer-mib", type=int, default=1024, help="beside SDK, aws and rclone, which are slow")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--most-minutes", type=float, default=12.0, help="for all rounds together")
    parser.add_argument("--without", default="", help="of curl, md5, sdk, aws, rclone, those to leave out")
    parser.add_argument("--sdk", default="", help="a Python that has `twelvelabs`, best a newer one than the tests'")
    parser.add_argument("--aws", default="aws", help="from `pip install awscli`")
    parser.add_argument("--folder", type=Path, help="for three times the file's size; best in memory")
    options = parser.parse_args(argv)
    without, most_s = set(options.without.split(",")), options.most_minutes * 60 / 2
    report = Report("upload")
    with Sink() as sink, tempfile.TemporaryDirectory(prefix="tlsync-bench-", dir=options.folder) as name:
        if options.size_mib and "curl" not in without:
            (Path(name) / "curl").mkdir()
            folder = Path(name) / "curl"
            report.add(beside_curl(folder, sink, options.size_mib, options.rounds, most_s, without))
            shutil.rmtree(Path(name) / "curl")
        if options.peer_mib and not {"sdk", "aws", "rclone"} <= without:
            folder = Path(name) / "tools"
            folder.mkdir()
            programs = {"sdk": options.sdk or sys.executable, "aws": options.aws}
            report.add(beside_tools(folder, sink, options.peer_mib, options.rounds, most_s, without, **programs))
    report.write()
