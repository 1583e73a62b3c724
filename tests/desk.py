"""The real program in processes of its own, as a person runs it: a settings file, a folder, and the command."""

from __future__ import annotations

import json
import os
import sqlite3
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tlsync.sandbox.server import SandboxServer

CANARY_KEY = "canary-key-0123456789"
CHUNK_BYTES = 64 * 1024


def wait_until(is_true: Callable[[], Any], what: str, limit_s: float = 30.0) -> None:
    """Look again and again until something is so."""
    deadline = time.monotonic() + limit_s
    pause = threading.Event()
    while not is_true():
        assert time.monotonic() < deadline, f"waited in vain for: {what}"
        pause.wait(0.02)


def make_large(clip: Path, extra_bytes: int) -> Path:
    """Lengthen an MP4 with a `free` box, which is whole and costs no encoding."""
    with clip.open("ab") as stream:
        stream.write(struct.pack(">I4s", extra_bytes, b"free") + os.urandom(extra_bytes - 8))
    return clip


class Desk:
    """A person's machine: a config, a footage folder, and the command."""

    def __init__(self, folder: Path, server: SandboxServer) -> None:
        self.folder = folder
        self.server = server
        self.footage = folder / "footage"
        self.footage.mkdir()
        self.state_dir = folder / "state"
        self.output = folder / "output"
        self.output.mkdir()
        self.configure()

    def configure(self, extra: str = "") -> None:
        (self.folder / "config.toml").write_text(
            f'state_dir = "{self.state_dir}"\n[[root]]\npath = "{self.footage}"\nindex = "clips"\n'
            f'[sync]\nsettle = "0.2 s"\npoll = "0.1 s"\n{extra}'
        )

    def start(self, *arguments: str, key: str = CANARY_KEY) -> subprocess.Popen[str]:
        name = str(len(list(self.output.iterdir())))
        environment = {key_: value for key_, value in os.environ.items() if "TWELVE" not in key_}
        environment |= {"TWELVE_LABS_API_KEY": key, "TWELVELABS_BASE_URL": self.server.base_url}
        with (self.output / f"{name}.out").open("w") as out, (self.output / f"{name}.err").open("w") as err:
            return subprocess.Popen(
                [sys.executable, "-m", "tlsync", "--config", str(self.folder / "config.toml"), *arguments],
                stdout=out,
                stderr=err,
                stdin=subprocess.DEVNULL,
                env=environment,
                cwd=Path(__file__).parent.parent,
                text=True,
            )

    def run(self, *arguments: str, key: str = CANARY_KEY) -> tuple[int, str, str]:
        """Run a command to its end: exit code, stdout, stderr."""
        before = len(list(self.output.iterdir()))
        code = self.start(*arguments, key=key).wait(60)
        return code, *((self.output / f"{before}.{kind}").read_text() for kind in ("out", "err"))  # type: ignore[return-value]

    def json(self, *arguments: str) -> Any:
        code, out, err = self.run(*arguments, "--json")
        assert code == 0, err
        return json.loads(out)

    def recorded_chunks(self) -> set[tuple[str, int]]:
        connection = sqlite3.connect(f"file:{self.state_dir}/catalog.db?mode=ro", uri=True)
        rows = connection.execute(
            "SELECT upload_id, number FROM chunks JOIN sessions ON sessions.id = session_id"
        ).fetchall()
        connection.close()
        return set(rows)

    def puts(self) -> dict[tuple[str, int], int]:
        return {(put.upload_id, put.chunk): put.puts for put in self.server.ledger.puts()}
