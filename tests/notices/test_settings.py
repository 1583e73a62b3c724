"""How `[[hook]]`, `[webhook]` and `[notices]` are read, and what is no such thing."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tlsync.config import HookSettings, NoticeSettings, WebhookSettings, parse_settings
from tlsync.errors import ConfigError

ROOT = '[[root]]\npath = "/footage"\n'


def mistake(text: str) -> str:
    with pytest.raises(ConfigError) as caught:
        parse_settings(text, "config.toml")
    return caught.value.message


def test_all_of_it_is_read(clean_environment: Path) -> None:
    settings = parse_settings(
        ROOT
        + """
        [[hook]]
        command = ["~/bin/one", "--fast"]
        on = "idle"
        root = "/footage/day 1"
        timeout = "2 min"
        [[hook]]
        command = ["/bin/two"]
        on = ["failed", "trouble"]
        [webhook]
        url = "https://example.com/in?token=1"
        on = "enriched"
        secret_file = "/secret"
        [notices]
        desktop = true
        every = "1 h"
        """,
        "config.toml",
    )
    assert settings.hooks == (
        HookSettings((str(clean_environment / "bin/one"), "--fast"), ("idle",), Path("/footage/day 1"), 120.0),
        HookSettings(("/bin/two",), ("failed", "trouble")),
    )
    assert settings.webhook == WebhookSettings("https://example.com/in?token=1", ("enriched",), Path("/secret"))
    assert settings.notices == NoticeSettings(desktop=True, every_s=3600.0)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[[hook]]\n", "config.toml:3: [[hook]] a hook needs a command"),
        ('[[hook]]\ncommand = "one"\n', "must be a list of texts"),
        ('[[hook]]\ncommand = ["one"]\n', "config.toml:4: [[hook]] command: its program 'one' must be a whole path"),
        ('[[hook]]\ncommand = ["/one"]\non = "enrich"\n', "'enrich' is not one of discovered, uploaded"),
        ('[[hook]]\ncommand = ["/one"]\non = []\n', "on: needs at least 1"),
        ('[[hook]]\ncommand = ["/one"]\nroot = "/elsewhere"\n', "/elsewhere is no watched folder, and below none"),
        ('[[hook]]\ncommand = ["/one"]\ntimeout = "0 s"\n', "too little"),
        ('[webhook]\nurl = "https://example.com"\n', "a webhook needs a secret_file"),
        ('[webhook]\nurl = "http://example.com/in"\nsecret_file = "/s"\n', "unencrypted"),
        ('[webhook]\nurl = "https://me:pw@example.com/in"\nsecret_file = "/s"\n', "without user"),
        ('[webhook]\nurl = "example.com"\nsecret_file = "/s"\n', "is not a URL that begins with https://"),
        ('[notices]\nevery = "1 s"\n', "too little"),
    ],
)
def test_mistakes_are_told_with_their_lines(text: str, told: str) -> None:
    assert told in mistake(ROOT + text)


def test_the_secret_in_a_wrong_url_is_not_shown() -> None:
    text = '[webhook]\nurl = "http://example.com/in?token=canary"\nsecret_file = "/s"\n'
    assert "canary" not in mistake(ROOT + text)


def test_plain_http_is_for_this_machine() -> None:
    text = '[webhook]\nurl = "http://127.0.0.1:8000/in"\nsecret_file = "/s"\n'
    assert parse_settings(ROOT + text, "config.toml").webhook.url == "http://127.0.0.1:8000/in"


def test_commands_that_only_look_do_not_load_any_of_it(tmp_path: Path) -> None:
    config = tmp_path / "config.toml"
    config.write_text(f'state_dir = "{tmp_path}/state"\n[[hook]]\ncommand = ["/one"]\n')
    code = (
        "import sys\nfrom tlsync.cli.main import main\n"
        f"try: main(['--config', {str(config)!r}, 'status'])\nexcept SystemExit: pass\n"
        "assert not [name for name in sys.modules if name.startswith('tlsync.notices')]\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
