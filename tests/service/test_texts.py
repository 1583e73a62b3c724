"""What is written for systemd, launchd and Windows: read back by their own tools where those are here."""

from __future__ import annotations

import os
import plistlib
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tlsync.errors import ServiceError
from tlsync.service.kept_file import marked
from tlsync.service.launchd import Launchd
from tlsync.service.plan import Service, service_for
from tlsync.service.systemd import Systemd, quoted
from tlsync.service.task_scheduler import TaskScheduler

ODD = "/Volumes/My \"best\" 100% \\ $HOME ${HOME} 'clips' ü & <b>/config.toml"


def service(config: str = ODD, profile: str | None = None, python: str = sys.executable, **environment: str) -> Service:
    return service_for(Path(config), profile, environment, python)


def test_settings_and_places_are_carried_along_and_no_secret(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    environment = {
        "TLSYNC_STATE_DIR": "state",
        "TWELVELABS_BASE_URL": "https://proxy.example/v1.3",
        "TWELVE_LABS_API_KEY": "canary-key",
        "TWELVELABS_API_KEY": "canary-key",
        "HTTPS_PROXY": "http://user:canary@proxy",
    }
    made = service("deep/../config.toml", "archive", **environment)
    assert made.name == "tlsync-archive"
    assert made.arguments[1:] == (
        "-P",
        "-m",
        "tlsync",
        "--config",
        f"{tmp_path}/config.toml",
        "--profile",
        "archive",
        "run",
    )
    assert made.environment == {
        "TLSYNC_STATE_DIR": f"{tmp_path}/state",
        "TWELVELABS_BASE_URL": "https://proxy.example/v1.3",
    }
    for text in (Systemd(made, tmp_path).text(), Launchd(made, tmp_path).text()):
        assert "canary" not in text
        assert "https://proxy.example/v1.3" in text


def test_names_are_plain_whatever_the_profile() -> None:
    assert re.fullmatch("tlsync-[0-9a-f]{8}", service(profile="größe").name)
    with pytest.raises(ServiceError, match="which Python"):
        service(python="python3")


def test_other_settings_are_another_service() -> None:
    assert service("/a.toml").settings_id != service("/b.toml").settings_id


# systemd


def _unquoted(word: str) -> str:
    """What systemd makes of a quoted word: systemd.syntax(7), then the specifiers."""
    assert word[0] == word[-1] == '"'
    raw = re.sub(
        r"\\(?:x([0-9a-f]{2})|(.))",
        lambda found: chr(int(found[1], 16)) if found[1] else found[2],
        word[1:-1].encode("utf-8").decode("latin-1"),
    )
    return raw.encode("latin-1").decode("utf-8", "surrogateescape").replace("%%", "%")


@given(
    st.text(st.characters(exclude_characters="\0", exclude_categories=("Cs",)))
    | st.binary().map(lambda name: os.fsdecode(name.replace(b"\0", b"")))
)
def test_a_word_is_read_as_it_was_written(text: str) -> None:
    word = quoted(text)
    assert "\n" not in word, "a line break would end the setting"
    assert not re.search(r'(?<!\\)(?:\\\\)*"', word[1:-1]), "a quote that ends the word"
    assert _unquoted(word) == text


@pytest.mark.parametrize("profile", [None, "archive"])
@pytest.mark.parametrize("config", ["/home/me/config.toml", ODD, "/tmp/line\nbreak\tand\x7f/c.toml"])
def test_systemd_itself_finds_no_fault(tmp_path: Path, config: str, profile: str | None) -> None:
    if shutil.which("systemd-analyze") is None:
        pytest.skip("systemd-analyze is not on this machine")
    odd = tmp_path / 'a "b" 100% \\x $y ü'
    odd.mkdir()
    (odd / "python").symlink_to(sys.executable)  # it checks that the program is there and can be run
    manager = Systemd(service(config, profile, str(odd / "python"), TLSYNC_STATE_DIR="/a b/100%"), tmp_path)
    manager.path.write_text(marked(manager.text(), "0" * 12))
    assert _verify(manager.path, tmp_path) == ""


def test_systemd_reads_a_program_in_an_odd_place_and_misses_one_that_is_gone(tmp_path: Path) -> None:
    """Blanks and letters of other languages are no reason for a shell between; and the check above can fail."""
    if shutil.which("systemd-analyze") is None:
        pytest.skip("systemd-analyze is not on this machine")
    program = tmp_path / "Ünser Python 3.11" / "python"
    program.parent.mkdir()
    program.symlink_to(sys.executable)
    manager = Systemd(service("/c.toml", None, str(program)), tmp_path)
    assert "/bin/sh" not in manager.text()
    manager.path.write_text(manager.text())
    assert _verify(manager.path, tmp_path) == ""
    program.unlink()
    assert "not executable" in _verify(manager.path, tmp_path)


def _verify(unit: Path, runtime: Path) -> str:
    runtime.chmod(0o700)
    done = subprocess.run(
        ["systemd-analyze", "verify", "--user", "--man=no", str(unit)],
        capture_output=True,
        text=True,
        timeout=60,
        env={**os.environ, "XDG_RUNTIME_DIR": str(runtime)},
        check=False,
    )
    if "Failed to initialize manager" in done.stderr:
        pytest.skip(f"systemd-analyze can't check units here: {done.stderr.strip()}")
    return done.stderr + ("" if done.returncode == 0 or done.stderr else f"exit code {done.returncode}")


def test_the_unit_says_what_is_promised() -> None:
    lines = Systemd(service("/c.toml"), Path("/units")).text().splitlines()
    for line in ("Type=notify", "Restart=on-failure", "WatchdogSec=600", "RestartPreventExitStatus=2 6"):
        assert line in lines
    assert lines[-1] == "WantedBy=default.target"


# launchd


def test_the_plist_is_one_and_holds_every_character(tmp_path: Path) -> None:
    manager = Launchd(service(profile="archive", TLSYNC_STATE_DIR="/a & b"), tmp_path)
    text = marked(manager.text(), "0" * 12)
    document: dict[str, Any] = plistlib.loads(text.encode())
    assert document["Label"] == manager.path.stem == "tlsync-archive"
    assert document["ProgramArguments"] == [
        sys.executable,
        "-P",
        "-m",
        "tlsync",
        "--config",
        ODD,
        "--profile",
        "archive",
        "run",
        "--log-to-file",
    ]
    assert document["EnvironmentVariables"] == {"TLSYNC_STATE_DIR": "/a & b"}
    assert document["KeepAlive"] == {"SuccessfulExit": False}
    kinds = {
        "Label": str, "ProgramArguments": list, "RunAtLoad": bool, "KeepAlive": dict, "ThrottleInterval": int,
        "ExitTimeOut": int, "ProcessType": str, "StandardOutPath": str, "StandardErrorPath": str,
        "EnvironmentVariables": dict,
    }  # fmt: skip
    assert {name: type(value) for name, value in document.items()} == kinds
    if shutil.which("plutil"):
        (tmp_path / "x.plist").write_text(text)
        subprocess.run(["plutil", "-lint", str(tmp_path / "x.plist")], check=True, timeout=30)


def test_what_a_plist_cannot_hold_is_told(tmp_path: Path) -> None:
    with pytest.raises(ServiceError, match="property list"):
        Launchd(service("/a\x01/c.toml"), tmp_path).text()
    with pytest.raises(ServiceError, match="property list"):
        Launchd(service(os.fsdecode(b"/\xff/c.toml")), tmp_path).text()


# Windows


def test_the_task_is_xml_in_the_order_of_its_schema(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("USERDOMAIN", "STUDIO")
    monkeypatch.setenv("USERNAME", "ada")
    monkeypatch.setenv("LOGNAME", "ada")
    manager = TaskScheduler(service(), tmp_path)
    text = marked(manager.text(), "0" * 12).encode(manager.encoding)
    assert text[:2] in (b"\xff\xfe", b"\xfe\xff")  # Windows wants to be told
    task = ElementTree.fromstring(text)
    space = "{http://schemas.microsoft.com/windows/2004/02/mit/task}"
    assert task.tag == f"{space}Task"
    assert [child.tag.removeprefix(space) for child in task] == [
        "RegistrationInfo", "Triggers", "Principals", "Settings", "Actions",
    ]  # fmt: skip
    assert task.findtext(f".//{space}LogonTrigger/{space}UserId") == "STUDIO\\ada"
    assert task.findtext(f".//{space}RunLevel") == "LeastPrivilege"
    arguments = task.findtext(f".//{space}Exec/{space}Arguments")
    assert arguments is not None and '\\"best\\"' in arguments and arguments.endswith(" run --log-to-file")


def test_a_task_that_could_not_be_as_asked_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ServiceError, match="TLSYNC_STATE_DIR"):
        TaskScheduler(service(TLSYNC_STATE_DIR="/x"), tmp_path).text()
