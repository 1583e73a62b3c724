"""How a watched folder may be, in the words of the catalog. Quick to import, for commands that only look."""

from __future__ import annotations

from typing import Literal

Watching = Literal["events", "polling"]
Condition = Literal["online", "offline", "foreign", "hung"]
"""Foreign: something else is at its path. Hung: its volume does not answer."""

NO_ANSWER = "does not answer: its drive or server hangs; tlsync goes on by itself when it answers again"
