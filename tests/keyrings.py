"""A stand-in for the library `keyring`, in the place where it would be imported from."""

from __future__ import annotations

import sys
import threading
from types import ModuleType

import pytest


class FakeKeyring(ModuleType):
    """Holds passwords by service and account. `trouble` is raised by each call."""

    def __init__(self) -> None:
        super().__init__("keyring")
        self.kept: dict[tuple[str, str], str] = {}
        self.trouble: Exception | None = None
        self.hangs_until: threading.Event | None = None
        self.priority = 5.0
        self.name = "Fake Keyring"

    def get_keyring(self) -> FakeKeyring:
        return self

    def get_password(self, service: str, account: str) -> str | None:
        self._suffer()
        return self.kept.get((service, account))

    def set_password(self, service: str, account: str, password: str) -> None:
        self._suffer()
        self.kept[service, account] = password

    def delete_password(self, service: str, account: str) -> None:
        self._suffer()
        del self.kept[service, account]

    def _suffer(self) -> None:
        if self.hangs_until is not None:
            self.hangs_until.wait(30)
        if self.trouble is not None:
            raise self.trouble


def install(monkeypatch: pytest.MonkeyPatch) -> FakeKeyring:
    """From now on `import keyring` gives this one."""
    fake = FakeKeyring()
    monkeypatch.setitem(sys.modules, "keyring", fake)
    return fake


def uninstall(monkeypatch: pytest.MonkeyPatch) -> None:
    """From now on there is none, also where the library is installed."""
    monkeypatch.setitem(sys.modules, "keyring", None)
