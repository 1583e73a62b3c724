"""The command in this process: fast, with stdout, stderr and exit code apart."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import MakeClip
from tests.workshop import QUICK_RETRIES, Workshop
from tlsync.api import TwelveLabs
from tlsync.cli.main import main


@dataclass(frozen=True)
class Outcome:
    """What a command left behind."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


Tlsync = Callable[..., Outcome]


@pytest.fixture
def tlsync(
    workshop: Workshop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Iterator[Tlsync]:
    """Run a command with settings for the workshop's folder and sandbox."""
    config = tmp_path / "config.toml"
    config.write_text(
        f'state_dir = "{workshop.state_dir}"\n[[root]]\npath = "{workshop.footage}"\nindex = "clips"\n'
        '[sync]\nsettle = "0.05 s"\npoll = "0.05 s"\n'
    )
    monkeypatch.setenv("TLSYNC_CONFIG", str(config))
    monkeypatch.setenv("TWELVE_LABS_API_KEY", workshop.server.api_key)
    monkeypatch.setenv("TWELVELABS_BASE_URL", workshop.server.base_url)
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level

    def run(*arguments: str) -> Outcome:
        capsys.readouterr()
        with pytest.raises(SystemExit) as ending:
            main(list(arguments))
        out, err = capsys.readouterr()
        assert isinstance(ending.value.code, int)
        return Outcome(ending.value.code, out, err)

    yield run
    root.handlers[:] = handlers
    root.setLevel(level)


@pytest.fixture
def clip(workshop: Workshop, make_clip: MakeClip, tlsync: Tlsync) -> Path:
    """One clip that was synced."""
    made = make_clip(workshop.footage / "harbour.mp4")
    assert tlsync("sync").code == 0
    return made


@pytest.fixture
def client(workshop: Workshop) -> Iterator[TwelveLabs]:
    """Somebody else at the same platform."""
    with TwelveLabs(
        api_key=workshop.server.api_key, base_url=workshop.server.base_url, retries=QUICK_RETRIES
    ) as client:
        yield client
