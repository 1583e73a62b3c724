"""Loads httpx without its command line, which would bring rich and pygments along: half of the time that takes.

httpx itself goes without where rich is missing. `None` is how Python is told that a module is not there; it is told so
while httpx is loaded, and no longer.
"""

from __future__ import annotations

import sys
from typing import Any

_NAME = "httpx._main"

if "httpx" not in sys.modules:
    modules: dict[str, Any] = sys.modules
    modules[_NAME] = None
    try:
        import httpx  # noqa: F401
    finally:
        del modules[_NAME]
