"""Time and memory of one large upload, beside the official SDK's helper in the same run.

    python -m tests.bench.upload [--size-mib 1024] [--rounds 3]

Both send the same file to the same kind of sandbox, each in a process of its own. tlsync's figures hold
everything that `sync` does: settling (0.2 s), probing, hashing, indexing, texts and sidecar. Printed are wall seconds,
CPU seconds and peak memory, and their ratios to the peer; there is no pass or fail.
"""

from __future__ import annotations

import argparse
import os
import resource
import statistics
import struct
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tlsync.media.samples import make_clip
from tlsync.sandbox.server import SandboxServer

PEER = """
import sys
from twelvelabs import TwelveLabs
client = TwelveLabs(api_key=sys.argv[1], base_url=sys.argv[2])
client.multipart_upload.upload_file(sys.argv[3])
"""
MIB = 2**20


def make_large_clip(path: Path, size_bytes: int) -> None:
    """A playable MP4 that a `free` box of random bytes makes large."""
    make_clip(path, duration_s=6.0)
    extra = size_bytes - path.stat().st_size
    with path.open("ab") as stream:
        stream.write(struct.pack(">I4sQ", 1, b"free", extra))
        left = extra - 16
        while left:
            left -= stream.write(os.urandom(min(left, 8 * MIB)))


def measure(command: list[str], environment: dict[str, str]) -> tuple[float, float, float]:
    """Wall seconds, CPU seconds and peak MiB of a process and its children."""
    start = time.monotonic()
    process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    assert process.stderr is not None
    errors = process.stderr.read()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0, errors.decode()
    return time.monotonic() - start, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024


def run_round(clip: Path, folder: Path) -> dict[str, tuple[float, float, float]]:
    found = {}
    for name in ("tlsync", "sdk"):
        with SandboxServer() as server:
            environment = os.environ | {"TWELVE_LABS_API_KEY": server.api_key, "TWELVELABS_BASE_URL": server.base_url}
            if name == "tlsync":
                state = tempfile.mkdtemp(dir=folder)
                config = folder / "config.toml"
                config.write_text(
                    f'state_dir = "{state}"\n[[root]]\npath = "{clip.parent}"\n'
                    '[sync]\nsettle = "0.2 s"\npoll = "0.1 s"\n'
                )
                Path(f"{clip}.tlsync.json").unlink(missing_ok=True)
                command = [sys.executable, "-m", "tlsync", "--config", str(config), "sync"]
            else:
                command = [sys.executable, "-c", PEER, server.api_key, server.base_url, str(clip)]
            found[name] = measure(command, environment)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--size-mib", type=int, default=1024)
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    with tempfile.TemporaryDirectory(prefix="tlsync-bench-") as name:
        folder = Path(name)
        (folder / "footage").mkdir()
        clip = folder / "footage" / "large.mp4"
        make_large_clip(clip, arguments.size_mib * MIB)
        rounds = [run_round(clip, folder) for _ in range(arguments.rounds)]
    print(f"{arguments.size_mib} MiB, {arguments.rounds} rounds, medians")
    medians = {
        who: [statistics.median(values) for values in zip(*(found[who] for found in rounds), strict=True)]
        for who in ("tlsync", "sdk")
    }
    for who, (wall_s, cpu_s, peak_mib) in medians.items():
        print(f"{who:7} wall {wall_s:7.2f} s   cpu {cpu_s:6.2f} s   peak {peak_mib:6.1f} MiB")
    ratios = [ours / theirs for ours, theirs in zip(medians["tlsync"], medians["sdk"], strict=True)]
    print(f"ratio   wall {ratios[0]:7.2f}     cpu {ratios[1]:6.2f}     peak {ratios[2]:6.2f}")


if __name__ == "__main__":
    main()
