"""Storage that is never the limit, a process of its own: `sink.c`, compiled when it is needed."""

from __future__ import annotations

import http.client
import json
import shutil
import ssl
import subprocess
import sys
import tempfile
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import trustme

SOURCE = Path(__file__).with_name("sink.c")


class Sink:
    """A running sink. `url` takes PUTs, `ca_file` vouches for it."""

    url: str
    ca_file: Path

    def __init__(self, delay_ms: int = 0) -> None:
        self._delay_ms = delay_ms

    def __enter__(self) -> Self:
        self._folder = Path(tempfile.mkdtemp(prefix="tlsync-bench-sink-"))
        authority = trustme.CA()
        own = authority.issue_cert("127.0.0.1", "localhost")
        self.ca_file = self._folder / "ca.pem"
        authority.cert_pem.write_to_path(str(self.ca_file))
        chain, key = self._folder / "chain.pem", self._folder / "key.pem"
        chain.write_bytes(b"".join(blob.bytes() for blob in own.cert_chain_pems))
        own.private_key_pem.write_to_path(str(key))
        self._process = subprocess.Popen(
            [self._compiled(), chain, key, str(self._delay_ms)], stdout=subprocess.PIPE, text=True
        )
        assert self._process.stdout is not None
        self._port = int(self._process.stdout.readline())
        self.url = f"https://127.0.0.1:{self._port}"
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.kill()
        self._process.communicate()
        shutil.rmtree(self._folder)

    def told(self) -> dict[str, Any]:
        """Since the last `forget`: received_bytes, puts, connections, most_flying and first_put_s, the instant of
        the first PUT on the system's monotonic clock; and the CPU seconds of the process."""
        told: dict[str, Any] = json.loads(self._call("GET"))
        return told

    def forget(self) -> None:
        """Count from zero."""
        self._call("DELETE")

    def _call(self, verb: str) -> bytes:
        context = ssl.create_default_context(cafile=str(self.ca_file))
        connection = http.client.HTTPSConnection("127.0.0.1", self._port, context=context)
        try:
            connection.request(verb, "/")
            return connection.getresponse().read()
        finally:
            connection.close()

    def _compiled(self) -> Path:
        """The program. Where it can't be made there is nothing to measure against."""
        program = self._folder / "sink"
        compiler = shutil.which("cc") or sys.exit("the sink needs a C compiler (Debian: gcc libssl-dev)")
        subprocess.run([compiler, "-O2", "-o", program, SOURCE, "-lssl", "-lcrypto", "-lpthread"], check=True)
        return program
