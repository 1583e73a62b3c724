"""Log lines: one per record, and no secret in them."""

from __future__ import annotations

import io
import json
import logging
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tlsync import logs
from tlsync.log_files import LogFile
from tlsync.logs import redact, register_secret, set_up
from tlsync.secret import Secret

KEY = "tlk_1A2B3C4D5E6F"
SIGNED = "https://bucket.s3.example/upload/part?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKIA1&X-Amz-Signature=beef01"

Logged = Callable[..., str]


@pytest.fixture(autouse=True)
def restored_logging(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Logging is global: leave it as it was."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    levels = {name: logging.getLogger(name).level for name in ("httpx", "httpcore", "watchdog", "uvicorn", "asyncio")}
    monkeypatch.setattr(logs, "_secrets", ())
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    for name, old in levels.items():
        logging.getLogger(name).setLevel(old)


@pytest.fixture(params=["text", "json"])
def style(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def logged(style: str, write: Callable[[logging.Logger], object], *, level: int = logging.DEBUG) -> str:
    """What comes out when something is logged."""
    out = io.StringIO()
    set_up(level, style, out)  # type: ignore[arg-type]
    write(logging.getLogger("tlsync.test"))
    return out.getvalue()


def raise_and_log(log: logging.Logger) -> None:
    try:
        try:
            raise ValueError(f"no answer from {SIGNED}")
        except ValueError as error:
            raise OSError(f"x-api-key: {KEY}") from error
    except OSError:
        log.exception("failed")


def test_a_text_line_has_time_level_and_message() -> None:
    line = logged("text", lambda log: log.warning("uploaded path=%s bytes=%d", "a.mp4", 5))
    assert line.endswith(" WARNING uploaded path=a.mp4 bytes=5\n")
    assert len(line.split(" ")[0]) == len("12:00:00")


def test_a_json_line_is_an_object() -> None:
    entry = json.loads(logged("json", lambda log: log.info("said %s", "“grüß”")))
    assert (entry["level"], entry["logger"], entry["message"]) == ("INFO", "tlsync.test", "said “grüß”")
    assert entry["at"].endswith("+00:00")


def test_records_below_the_level_are_left_out(style: str) -> None:
    assert logged(style, lambda log: log.info("x"), level=logging.WARNING) == ""


@pytest.mark.parametrize("forged", ["a\n12:00:00 ERROR forged", "a\r\nb", "a\u2028b", "a\x1b[2Jb", "a\x85b"])
def test_a_name_cannot_forge_a_line(style: str, forged: str) -> None:
    out = logged(style, lambda log: log.info("seen path=%s", forged))
    assert len(out.splitlines()) == 1
    assert "\x1b" not in out


def test_names_that_are_no_utf8_can_be_logged(style: str) -> None:
    logged(style, lambda log: log.info("seen path=%s", "a\udcff")).encode("utf-8")


def test_the_text_of_a_traceback_cannot_forge_a_line() -> None:
    """Each line of it stands under its record."""

    def write(log: logging.Logger) -> None:
        try:
            raise ValueError("bad\n12:00:00 ERROR forged")
        except ValueError:
            log.exception("failed")

    first, *rest = logged("text", write).splitlines()
    assert first.endswith("ERROR   failed")
    assert rest
    assert all(line.startswith("    ") for line in rest)


def test_a_known_key_is_taken_out_wherever_it_stands(style: str) -> None:
    register_secret(Secret(KEY))
    out = logged(style, lambda log: log.error("key %s in %r", KEY, {"header": KEY}))
    assert KEY not in out
    assert "***" in out


def test_secrets_in_tracebacks_are_taken_out(style: str) -> None:
    register_secret(Secret(KEY))
    out = logged(style, raise_and_log)
    assert "ValueError" in out
    assert "OSError" in out
    for secret in (KEY, "beef01", "AKIA1"):
        assert secret not in out


def test_a_stack_is_shown_and_redacted(style: str) -> None:
    assert "Stack (most recent call last)" in logged(style, lambda log: log.info("here", stack_info=True))


def test_an_argument_that_cannot_be_shown_does_not_bring_the_others_out(
    style: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """The standard library would print all arguments bare to stderr."""
    register_secret(Secret(KEY))

    class Broken:
        def __str__(self) -> str:
            raise RuntimeError(KEY)

    out = logged(style, lambda log: log.info("sent %s %s", Broken(), KEY))
    assert "sent %s %s" in out
    out += logged(style, lambda log: log.info("too few %s %s", KEY))
    assert KEY not in out + capsys.readouterr().err


def test_libraries_that_print_urls_are_quiet(style: str) -> None:
    out = logged(style, lambda _: logging.getLogger("httpx").info("HTTP Request: PUT %s", SIGNED))
    out += logged(style, lambda _: logging.getLogger("httpcore.connection").debug("connect %s", SIGNED))
    assert out == ""
    warned = logged(style, lambda _: logging.getLogger("httpx").warning("PUT %s", SIGNED))
    assert "beef01" not in warned
    assert "https://bucket.s3.example/upload/part?***" in warned


@pytest.mark.parametrize(
    "text",
    [
        SIGNED,
        f"PUT {SIGNED} -> 403",
        f'{{"url": "{SIGNED}"}}',
        f"<Request('PUT', '{SIGNED}')>",
        "X-Amz-Signature=beef01",
        "x-amz-security-token: beef01",
        "Signature=beef01&Expires=1",
        "sig=beef01",
        "token = beef01",
        "session_token=beef01",
        "x-api-key: beef01",
        "{'x-api-key': 'beef01'}",
        '{"x-api-key":"beef01"}',
        "[(b'x-api-key', b'a'), (b'authorization': b'beef01')]",
        "Authorization: Bearer beef01",
        "authorization=AWS4-HMAC-SHA256 beef01",
        "api_key=beef01",
        "https://user:beef01@host.example/path",
    ],
)
def test_what_looks_like_a_secret_is_taken_out(text: str) -> None:
    assert "beef01" not in redact(text)


@pytest.mark.parametrize(
    "text",
    [
        "uploaded path=/footage/token/a.mp4 bytes=5",
        "design of the signature page",
        "https://api.example/v1.3/assets/6789",
        "set [platform] api_key_file to a file with mode 0600",
        "who? what? https://host.example/a. Next",
    ],
)
def test_ordinary_text_stays(text: str) -> None:
    assert redact(text) == text


def test_a_very_short_secret_does_not_blot_out_words() -> None:
    register_secret(Secret("clip"))
    assert redact("uploaded clip") == "uploaded clip"


def test_several_keys_are_known_at_once() -> None:
    register_secret(Secret("first-key-1"))
    register_secret(Secret("second-key-2"))
    register_secret(Secret("second-key-2"))
    assert redact("first-key-1 second-key-2") == "*** ***"


def test_in_a_file_each_line_has_its_day_and_no_secret(tmp_path: Path, style: str) -> None:
    register_secret(Secret(KEY))
    out = io.StringIO()
    file = LogFile(tmp_path / "tlsync.log", 10_000, 2)
    try:
        set_up(logging.INFO, style, out, file=file)  # type: ignore[arg-type]
        logging.getLogger("tlsync.test").warning("PUT %s key=%s", SIGNED, KEY)
        set_up(logging.INFO, style, out, file=file, is_on_stderr=False)  # type: ignore[arg-type]
        logging.getLogger("tlsync.test").warning("only there")
    finally:
        file.close()
    first, second = (tmp_path / "tlsync.log").read_text().splitlines()
    assert "beef01" not in first and KEY not in first
    assert re.match(r"(\{\"at\": \")?\d{4}-\d\d-\d\d", first)
    assert "only there" in second
    assert len(out.getvalue().splitlines()) == 1
