"""Man pages: complete, true, and read by man without a complaint."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import click
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.cli.conftest import Tlsync
from tlsync.cli.commands import COMMANDS
from tlsync.cli.main import cli
from tlsync.cli.manpages import EXIT_CODES, pages
from tlsync.cli.roff import entry, escaped, macro, paragraphs

README = (Path(__file__).parent.parent.parent / "README.md").read_text("utf-8")


@pytest.fixture(scope="module")
def made() -> dict[str, str]:
    return pages(cli, "0.1.0", "2026-11-23")


def test_there_is_a_page_for_every_command(made: dict[str, str]) -> None:
    assert sorted(made) == sorted(["tlsync.1", *(f"tlsync-{name}.1" for name in COMMANDS)])


@pytest.mark.parametrize("name", COMMANDS)
def test_a_page_has_all_that_belongs_to_it(made: dict[str, str], name: str) -> None:
    page = made[f"tlsync-{name}.1"]
    for title in ("NAME", "SYNOPSIS", "DESCRIPTION", "OPTIONS", "EXAMPLES", "EXIT STATUS", "SEE ALSO"):
        assert f"\n.SH {title}\n" in page
    assert page.isascii()
    plain = page.replace("\\-", "-")
    command = cli.get_command(click.Context(cli), name)
    assert command is not None
    for option in command.params:
        if isinstance(option, click.Option) and not option.hidden:
            assert option.opts[-1] in plain


def test_exit_codes_are_those_of_the_readme() -> None:
    explained = dict(re.findall(r"(?m)^\| (\d+) \| (.+?) \|$", README))
    assert set(map(str, EXIT_CODES)) == set(explained)
    for code, text in EXIT_CODES.items():
        assert explained[str(code)].startswith(text[:20])


@pytest.mark.parametrize(
    ("reader", "arguments"),
    [("groff", ["-man", "-Tutf8", "-ww", "-z"]), ("mandoc", ["-T", "lint", "-W", "warning"])],
)
def test_man_has_nothing_to_complain_of(
    made: dict[str, str], tmp_path: Path, reader: str, arguments: list[str]
) -> None:
    program = shutil.which(reader)
    if program is None:
        pytest.skip(f"{reader} is not installed")
    for name, text in made.items():
        (tmp_path / name).write_text(text, "ascii")
    done = subprocess.run(
        [program, *arguments, *sorted(map(str, tmp_path.iterdir()))], capture_output=True, text=True, timeout=60
    )
    assert done.stdout + done.stderr == ""


@pytest.mark.parametrize(
    ("text", "roff"),
    [
        (".SH evil", "\\&.SH evil"),
        ("'so /etc/passwd", "\\(aqso /etc/passwd"),
        ("a\\fBb", "a\\efBb"),
        ("--for 2h", "\\-\\-for 2h"),
        ('say "x" `y` ^ ~', "say \\(dqx\\(dq \\(gay\\(ga \\(ha \\(ti"),
        ("drei … 日", "drei \\[u2026] \\[u65E5]"),
        ("a\x1b[2J\nb", "a [2J b"),
    ],
)
def test_every_character_comes_out_as_it_is(text: str, roff: str) -> None:
    assert escaped(text) == roff


@given(st.text(max_size=80))
def test_no_text_becomes_a_command(text: str) -> None:
    for line in [escaped(text), *entry(text, text)[1:], macro("TH", text)[3:]]:
        assert "\n" not in line
        assert not line.startswith((".", "'"))
        assert line.isascii()
        assert not re.search(r"\\(?![e&\-(\[f])", line)


def test_paragraphs_and_what_is_kept_as_it_is() -> None:
    assert paragraphs("One\n  and two.\n\n\b\n  tlsync run\n  .x") == [
        "One and two.", ".PP", ".nf", ".RS 4", "tlsync run", "\\&.x", ".RE", ".fi",
    ]  # fmt: skip


def test_the_command_writes_and_prints(tlsync: Tlsync, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "0")
    assert tlsync("man", "--write", str(tmp_path / "man1")).code == 0
    text = (tmp_path / "man1" / "tlsync-sync.1").read_text()
    assert '"1970-01-01"' in text
    assert tlsync("man", "sync").out == text
    wrong = tlsync("man", "snyc")
    assert (wrong.code, "did you mean sync" in wrong.err) == (4, True)
    (tmp_path / "file").write_text("")
    assert tlsync("man", "--write", str(tmp_path / "file" / "x")).code == 1
