"""The lanes in which steps wait for a worker; each can be held back for itself."""

from __future__ import annotations

LOCAL = "local"
"""Looking at files."""
RECOGNITION = "recognition"
"""Finding out whether a content is known, here or on the platform. Sends no media."""
TRANSFER = "transfer"
"""Uploads."""
REMOTE = "remote"
"""Indexing and texts of what is on the platform."""
