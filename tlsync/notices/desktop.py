"""Shows notices on the desktop, with the program that the system has for it.

Kept here: text of a notice is an argument, a variable or a quoted value, never a part of a script.
"""

from __future__ import annotations

import html
import json
import logging
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence

from tlsync.clock import Clock
from tlsync.config import NoticeSettings
from tlsync.notices.digest import Digest, Notice, Timing, Urgent
from tlsync.notices.events import Event
from tlsync.notices.sender import Note, Sender

log = logging.getLogger(__name__)

_PATIENCE_S = 10.0
_PASSED_ON = (
    *("PATH", "HOME", "LANG", "USER", "LOGNAME", "TMPDIR"),
    *("DBUS_SESSION_BUS_ADDRESS", "XDG_RUNTIME_DIR", "DISPLAY", "WAYLAND_DISPLAY", "XAUTHORITY"),
    *("SYSTEMROOT", "USERPROFILE", "LOCALAPPDATA", "APPDATA", "TEMP"),
)
"""What these programs need to find the desktop. The API key is not among them."""
_APPLESCRIPT = (
    "on run argv",
    "display notification (item 2 of argv) with title (item 1 of argv)",
    "end run",
)
_POWERSHELL = """
$null = [Windows.UI.Notifications.ToastNotificationManager, Windows.UI.Notifications, ContentType = WindowsRuntime]
$kind = [Windows.UI.Notifications.ToastTemplateType]::ToastText02
$toast = [Windows.UI.Notifications.ToastNotificationManager]::GetTemplateContent($kind)
$texts = $toast.GetElementsByTagName('text')
$null = $texts.Item(0).AppendChild($toast.CreateTextNode($env:TLSYNC_TITLE))
$null = $texts.Item(1).AppendChild($toast.CreateTextNode($env:TLSYNC_BODY))
$app = '{1AC14E77-02E7-4E5D-B744-2EB1AE5198B7}\\WindowsPowerShell\\v1.0\\powershell.exe'
$shown = [Windows.UI.Notifications.ToastNotification]::new($toast)
[Windows.UI.Notifications.ToastNotificationManager]::CreateToastNotifier($app).Show($shown)
"""

Show = Callable[[Notice], str]
"""Shows a notice; answers with why it could not, or ""."""


class Desktop(Sender):
    """Collects events of files into digests; what can't wait is shown at once."""

    most_at_once = 500

    def __init__(self, settings: NoticeSettings, clock: Clock, show: Show) -> None:
        self._clock = clock
        self._show = show
        self._digest = Digest()
        self._timing = Timing(settings.every_s)
        self._urgent = Urgent()
        self._trouble = ""
        self._note: Note | None = None

    def deliver(self, events: Sequence[Event], note: Note) -> None:
        self._note = note
        self._digest.add(events)
        if self._digest:
            self._timing.note_event(self._clock.monotonic_s())
        self._show_urgent(events)

    def tick(self, *, is_end: bool) -> None:
        self._show_urgent(())
        now_s = self._clock.monotonic_s()
        if self._digest and (is_end or self._timing.is_due(now_s)):
            digest, self._digest = self._digest, Digest()
            self._timing.note_shown(now_s)
            self._show_now(digest.notice())

    @property
    def is_holding(self) -> bool:
        return bool(self._digest)

    def _show_urgent(self, events: Sequence[Event]) -> None:
        for notice in self._urgent.notices(events, self._clock.monotonic_s()):
            self._show_now(notice)

    def _show_now(self, notice: Notice) -> None:
        trouble = self._show(notice)
        if trouble and trouble != self._trouble:
            log.warning("no notice on the desktop reason=%s", trouble)
        self._trouble = trouble
        if self._note is not None:
            self._note(trouble and f"notices: {trouble}")


def show(notice: Notice) -> str:
    """Show a notice; answers with why it could not be shown, or ""."""
    found = command(notice)
    if found is None:
        return missing()
    arguments, variables = found
    kept = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
    try:
        done = subprocess.run(
            arguments,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            env=kept | variables,
            timeout=_PATIENCE_S,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return f"{arguments[0]} does not answer within {_PATIENCE_S:.0f} s (is there a desktop?)"
    except OSError as error:
        return f"{arguments[0]} can't be run: {error.strerror}"
    if done.returncode:
        said = done.stderr.decode("utf-8", "replace").strip().partition("\n")[0][:200]
        return f"{arguments[0]} failed with exit code {done.returncode}: {said}"
    return ""


def program() -> str | None:
    """The program that shows notices here, None when there is none."""
    return next(filter(None, map(shutil.which, _candidates())), None)


def missing() -> str:
    """What to say where there is none."""
    hint = "; on Debian: apt install libnotify-bin" if sys.platform.startswith("linux") else ""
    return f"no program shows notices here (looked for {', '.join(_candidates())}){hint}"


def command(notice: Notice, platform: str = sys.platform) -> tuple[list[str], dict[str, str]] | None:
    """The command that shows a notice, and the variables that it needs; None when there is no program for it."""
    path = program()
    if path is None:
        return None
    if platform == "darwin":
        script = [part for line in _APPLESCRIPT for part in ("-e", line)]
        return [path, *script, notice.title, notice.body], {}
    if platform == "win32":
        variables = {"TLSYNC_TITLE": notice.title, "TLSYNC_BODY": notice.body}
        return [path, "-NoProfile", "-NonInteractive", "-Command", _POWERSHELL], variables
    body = html.escape(notice.body, quote=False)  # the desktop would read tags in it
    if path.endswith("gdbus"):
        return [path, *_gdbus(notice.title, body, is_urgent=notice.is_urgent)], {}
    urgency = "critical" if notice.is_urgent else "normal"
    # It reads escapes like \n in the body.
    return [path, "--app-name=tlsync", f"--urgency={urgency}", "--", notice.title, body.replace("\\", "\\\\")], {}


def _candidates(platform: str = sys.platform) -> tuple[str, ...]:
    if platform == "darwin":
        return ("osascript",)
    if platform == "win32":
        return ("powershell",)
    return ("notify-send", "gdbus")


def _gdbus(title: str, body: str, *, is_urgent: bool) -> list[str]:
    """Source: Desktop Notifications Specification 1.2, Notify; GVariant text format, whose strings are like JSON's."""
    hints = "{'urgency': <byte 0x02>}" if is_urgent else "{'urgency': <byte 0x01>}"
    return [
        *("call", "--session", "--dest", "org.freedesktop.Notifications"),
        *("--object-path", "/org/freedesktop/Notifications"),
        *("--method", "org.freedesktop.Notifications.Notify"),
        *(_quoted("tlsync"), "uint32 0", _quoted(""), _quoted(title), _quoted(body), "@as []", hints, "int32 -1"),
    ]


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)
