"""What a check found, and how checks are run: all at once, each with a deadline, none stopped by another."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

from tlsync.errors import TlsyncError
from tlsync.patience import answers_within

log = logging.getLogger(__name__)

State = Literal["ok", "warning", "failure"]


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the report. `mend` says what to do; empty when all is well."""

    check: str
    state: State
    message: str
    mend: str = ""


Check = Callable[[], Iterable[Finding]]


def ok(check: str, message: str) -> Finding:
    return Finding(check, "ok", message)


def warning(check: str, message: str, mend: str) -> Finding:
    return Finding(check, "warning", message, mend)


def failure(check: str, message: str, mend: str) -> Finding:
    return Finding(check, "failure", message, mend)


def failure_of(check: str, error: TlsyncError, mend: str = "") -> Finding:
    """An error as a finding."""
    return failure(check, error.message, mend or error.hint)


def run_checks(checks: Mapping[str, Check], deadline_s: float) -> list[Finding]:
    """The findings of all checks, in their order. One that hangs is a failure, and is left behind.

    Args:
        checks: By a name for people.
        deadline_s: For all of them together, since they run at the same time.
    """

    def run(name: str) -> list[Finding]:
        try:
            return list(checks[name]())
        except TlsyncError as error:
            return [failure_of(name, error)]
        except Exception as error:
            log.debug("check failed check=%s", name, exc_info=error)
            return [failure(name, f"could not be looked at: {type(error).__name__}: {error}", "tlsync -vv doctor")]

    answers = answers_within(deadline_s, run, checks)
    silent = f"does not answer within {deadline_s:.0f} s"
    found = []
    for name in checks:
        found += answers.get(name, [failure(name, silent, "check that drive, server or connection")])
    return found
