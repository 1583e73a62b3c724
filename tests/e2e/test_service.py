"""tlsync as a service: what it tells its manager, a pause that reaches it, and a real systemd that runs it."""

from __future__ import annotations

import os
import secrets
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.desk import CANARY_KEY, Desk, make_large, wait_until
from tests.workshop import sha256_of

MakeClip = Callable[..., Path]
ROOT = Path(__file__).parent.parent.parent
SYSTEMD = Path("/lib/systemd/systemd")


@pytest.mark.parametrize("kind", ["path", "abstract"])
def test_systemd_is_told_everything_it_waits_for(
    desk: Desk, processes: list[subprocess.Popen[str]], monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    if kind == "abstract" and sys.platform != "linux":
        pytest.skip("abstract sockets are Linux's")
    name = f"@tlsync-{secrets.token_hex(8)}" if kind == "abstract" else str(desk.folder / "notify")
    monkeypatch.setenv("NOTIFY_SOCKET", name)
    monkeypatch.setenv("WATCHDOG_USEC", "2000000")
    heard: list[str] = []
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as ear:
        ear.bind("\0" + name[1:] if kind == "abstract" else name)
        ear.settimeout(30)

        def listen_until(message: str, times: int = 1) -> None:
            while heard.count(message) < times:
                heard.append(ear.recv(4096).decode())

        processes.append(desk.start("run"))
        listen_until("READY=1")
        assert desk.json("status")["daemon"]["running"] is True
        listen_until("WATCHDOG=1", times=3)
        desk.run("pause")
        listen_until("STATUS=paused until tlsync resume")
        desk.run("resume")
        listen_until("STATUS=watching; 0 uploads under way", times=2)
        processes[0].send_signal(signal.SIGTERM)
        listen_until("STOPPING=1\nSTATUS=stopping")
    assert processes[0].wait(10) == 0
    assert heard.index("READY=1") < heard.index("WATCHDOG=1")
    assert heard[-1].startswith("STOPPING=1")


def test_a_pause_stops_an_upload_and_resume_goes_on_where_it_was(
    desk: Desk, make_clip: MakeClip, processes: list[subprocess.Popen[str]]
) -> None:
    clip = make_large(make_clip(desk.footage / "clip.mp4"), 4_000_000)
    desk.configure('[upload]\nbandwidth = "500 kB/s"\n')
    processes.append(desk.start("run"))
    wait_until(lambda: len(desk.puts()) >= 4, "four chunks")
    desk.run("pause")
    wait_until(lambda: _holds_open(processes[0].pid, clip) is False, "the file to be closed", 10)
    sent, calls = desk.puts(), sum(desk.server.ledger.counts().values())
    recorded = desk.recorded_chunks()
    another = make_clip(desk.footage / "another.mp4", duration_s=6.0)
    wait_until(lambda: _state(desk, another) == "identified", "the new clip to be looked at during the pause")
    threading.Event().wait(1.5)
    assert desk.puts() == sent
    assert sum(desk.server.ledger.counts().values()) == calls
    assert _state(desk, clip) == "uploading"
    assert processes[0].poll() is None
    desk.run("resume")
    wait_until(lambda: Path(f"{clip}.tlsync.json").exists(), "the sidecar")
    wait_until(lambda: Path(f"{another}.tlsync.json").exists(), "the sidecar of the other")
    assert all(desk.puts()[chunk] == sent[chunk] for chunk in recorded)
    assert desk.server.ledger.count("multipart_upload.create") == 2
    assert set(desk.server.ledger.assets_by_sha256()) == {sha256_of(clip), sha256_of(another)}


def test_a_pause_outlives_kill_9_and_ends_by_itself(
    desk: Desk, make_clip: MakeClip, processes: list[subprocess.Popen[str]]
) -> None:
    clip = make_clip(desk.footage / "clip.mp4")
    assert desk.json("pause", "--for", "1 h")["daemon_running"] is False
    for number in range(2):
        processes.append(desk.start("run"))
        wait_until(lambda: desk.json("status")["daemon"]["running"], "the daemon")
        wait_until(lambda: _state(desk, clip) == "identified", "the clip to be looked at")
        status = desk.json("status")
        assert status["daemon"]["pid"] == processes[number].pid
        assert status["daemon"]["paused_until"] is not None
        if number == 0:
            processes[0].kill()
            processes[0].wait(10)
            assert desk.json("status")["daemon"]["running"] is False
    assert sum(desk.server.ledger.counts().values()) == 0  # not even the key was tried
    desk.run("pause", "--for", "1 s")  # replaces the hour
    wait_until(lambda: Path(f"{clip}.tlsync.json").exists(), "the sidecar after the pause")
    assert desk.json("status")["pause"] is None
    assert not (desk.state_dir / "pause.json").exists()


def _state(desk: Desk, path: Path) -> str:
    files = {file["path"]: file["state"] for file in desk.json("ls")["files"]}
    return str(files.get(str(path)))


def _holds_open(pid: int, path: Path) -> bool | None:
    """Whether a process has a file open; None where that can't be seen."""
    try:
        return str(path) in {str(handle.readlink()) for handle in Path(f"/proc/{pid}/fd").iterdir()}
    except OSError:
        return None


STORY = """
mount -t tmpfs tmpfs /run && mkdir -p /run/systemd/system && mkdir -m 700 /run/user
export XDG_RUNTIME_DIR=/run/user PYTHONPATH={root}
{systemd} --user > {folder}/systemd.log 2>&1 &
for _ in $(seq 100); do [ -S /run/user/systemd/private ] && break; sleep 0.1; done
systemctl --user set-environment PYTHONPATH={root} TWELVE_LABS_API_KEY={key} || exit 99
tlsync() {{ {python} -m tlsync --config {config} "$@"; }}
say() {{ echo "== $1"; shift; "$@" 2>&1; echo "-- $?"; }}
say install tlsync service install
say again tlsync service install
for _ in $(seq 150); do [ -e {sidecar} ] && break; sleep 0.2; done
say sidecar test -e {sidecar}
say status tlsync service status
say whole tlsync status --json
tlsync pause > {folder}/ignored; sleep 1.5
say paused tlsync service status
say stop tlsync service stop
say stopped tlsync service status
say start tlsync service start
sed -i s/Nice=10/Nice=11/ "$HOME/.config/systemd/user/tlsync.service"
say edited tlsync service install
sed -i s/Nice=11/Nice=10/ "$HOME/.config/systemd/user/tlsync.service"
say uninstall tlsync service uninstall
say gone systemctl --user is-active tlsync
"""


@pytest.mark.skipif(sys.platform != "linux", reason="systemd is Linux's")
def test_a_real_systemd_runs_it(desk: Desk, make_clip: MakeClip, monkeypatch: pytest.MonkeyPatch) -> None:
    """In namespaces of its own: it has neither this machine's processes nor its /run."""
    if os.geteuid() != 0 or not shutil.which("unshare") or not SYSTEMD.exists():
        pytest.skip("needs root, unshare and systemd")
    home = desk.folder / 'home of "me" 100% $x'
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("TWELVELABS_BASE_URL", desk.server.base_url)
    clip = make_clip(desk.footage / "clip.mp4")
    config = home / "config.toml"
    config.write_bytes((desk.folder / "config.toml").read_bytes())
    words = {
        "root": ROOT, "systemd": SYSTEMD, "folder": desk.folder, "key": CANARY_KEY, "python": sys.executable,
        "config": config, "sidecar": f"{clip}.tlsync.json",
    }  # fmt: skip
    script = STORY.format(**{name: shlex.quote(str(word)) for name, word in words.items()})
    isolated = ["unshare", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc", "bash", "-c", script]
    done = subprocess.run(isolated, capture_output=True, text=True, timeout=110, cwd=ROOT, check=False)
    if done.returncode == 99 or "unshare failed" in done.stderr:
        pytest.skip(f"no systemd can be started here: {done.stderr.strip()}")
    parts = {part.partition("\n")[0]: part for part in done.stdout.split("== ")[1:]}
    codes = {name: int(part.rpartition("-- ")[2]) for name, part in parts.items()}
    log = done.stdout + done.stderr
    assert "written: " in parts["install"] and "tlsync is a service now" in parts["install"], log
    assert "unchanged: " in parts["again"], log
    assert codes["sidecar"] == 0, log
    assert "active (running)" in parts["status"] and "watching" in parts["status"], log
    assert '"running": true' in parts["whole"], log
    assert "paused until tlsync resume" in parts["paused"], log
    assert (codes["stop"], codes["stopped"], codes["start"]) == (0, 11, 0), log
    assert codes["edited"] == 1 and "left alone" in parts["edited"], log
    assert codes["uninstall"] == 0 and codes["gone"] != 0, log
    assert CANARY_KEY not in log
    assert not list((home / ".config").rglob("tlsync*"))
