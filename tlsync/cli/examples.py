"""An example of each command, for the end of its help."""

from __future__ import annotations

_EXAMPLES = {
    "init": "tlsync init",
    "auth": "tlsync auth login",
    "doctor": "tlsync doctor",
    "service": "tlsync service install",
    "run": "tlsync run",
    "sync": "tlsync sync ~/Footage/2026-11-20",
    "plan": "tlsync plan ~/Footage/2026-11-20",
    "usage": "tlsync usage --days 30",
    "pause": 'tlsync pause --for 2h --reason "on a call"',
    "resume": "tlsync resume",
    "bandwidth": "tlsync bandwidth 2M --for 3h",
    "retry": "tlsync retry ~/Footage/clip.mp4",
    "notify": "tlsync notify test",
    "status": "tlsync status --watch",
    "ls": "tlsync ls ~/Footage",
    "show": "tlsync show ~/Footage/clip.mp4",
    "why": "tlsync why ~/Footage/clip.mp4",
    "history": "tlsync history ~/Footage --since 2d",
    "search": 'tlsync search "red car at night" --limit 5',
    "cat": "tlsync cat footage/by-topic/boats/lake.mp4/summary.txt",
    "mirror": "tlsync mirror ~/Library-of-clips",
    "mount": "tlsync mount ~/clips",
    "unmount": "tlsync unmount ~/clips",
    "entity": "tlsync entity add Kimberly kimberly-1.jpg kimberly-2.jpg",
    "analyze": 'tlsync analyze ~/Footage/clip.mp4 "Who speaks, and where?"',
    "verify": "tlsync verify --repair",
    "rebuild": "tlsync rebuild",
    "forget": "tlsync forget ~/Footage/clip.mp4",
    "remote": "tlsync remote list --unknown",
    "api": "tlsync api indexes.list",
    "sandbox": "tlsync sandbox --port 8765",
    "demo": "tlsync demo",
    "completion": "tlsync completion bash > ~/.local/share/bash-completion/completions/tlsync",
    "man": "tlsync man sync",
}


def example_of(name: str) -> str | None:
    """The example as help shows it; None for a command that has none."""
    example = _EXAMPLES.get(name)
    return None if example is None else f"Example:\n\n\b\n  {example}"
