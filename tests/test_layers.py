"""Imports point one way, and each outside library is known in one layer only."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent / "tlsync"

BOTTOM = {
    "errors",
    "ids",
    "models",
    "states",
    "clock",
    "secret",
    "patience",
    "terminal_text",
    "units",
    "week",
    "timetable",
    "hours",
    "local_days",
    "names_on_disk",
    "__init__",
}
MAY_IMPORT = {
    # layer: layers it may import, beside itself and the bottom
    "config": set(),
    "api_key": {"key_store", "private_file"},
    "key_store": {"private_file", "store"},
    "private_file": set(),
    "config_writing": {"config", "store"},
    "private_process": set(),
    "logs": set(),
    "log_files": set(),
    "api": set(),
    "media": set(),
    "store": set(),
    "engine": {"config", "api", "media", "store", "power"},
    "mirror": {"api", "media", "store"},
    "sandbox": {"media"},
    "notify": set(),
    "notices": {"config", "private_file", "api", "store"},
    "power": set(),
    "priority": set(),
    "service": {"store"},
    "daemon": {"config", "store", "engine", "notify"},
    "checkup": {"notices", "power", "config", "api_key", "key_store", "api", "media", "store", "engine", "mirror"},
    "cli": {
        "checkup",
        "config_writing",
        "key_store",
        "config",
        "api_key",
        "private_process",
        "logs",
        "log_files",
        "api",
        "media",
        "store",
        "engine",
        "mirror",
        "daemon",
        "sandbox",
        "notify",
        "notices",
        "power",
        "priority",
        "service",
    },
    "__main__": {"cli"},
}
ONLY_IN = {
    "httpx": {"api"},
    "tenacity": {"api"},
    "sqlite_utils": {"store"},
    "watchdog": {"engine"},
    "mfusepy": {"mirror"},
    "click": {"cli"},
    "rich": {"cli"},
    "starlette": {"sandbox"},
    "uvicorn": {"sandbox"},
    "av": {"media"},
    "keyring": {"key_store"},
    "pysubs2": {"store"},
}
MODULES = sorted(PACKAGE.rglob("*.py"))


def _layer(path: Path) -> str:
    first = path.relative_to(PACKAGE).parts[0]
    return first.removesuffix(".py")


def _imports(path: Path) -> list[str]:
    """Dotted names of everything a module imports, also inside functions."""
    found = []
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            found += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            found.append(node.module or "")
            if node.module == "tlsync":
                found += [f"tlsync.{alias.name}" for alias in node.names if not alias.name.startswith("__")]
    return found


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports_point_one_way(path: Path) -> None:
    """A module imports its own layer, the bottom, and the layers below it."""
    layer = _layer(path)
    if layer in BOTTOM:
        allowed = BOTTOM
    else:
        assert layer in MAY_IMPORT, f"{layer}: a new layer needs a line in this test"
        allowed = BOTTOM | {layer} | MAY_IMPORT[layer]
    for name in _imports(path):
        parts = name.split(".")
        if parts[0] == "tlsync" and len(parts) > 1:
            target = parts[1]
            assert target in allowed, f"{path.relative_to(PACKAGE)} imports {name}"


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_libraries_stay_in_their_layer(path: Path) -> None:
    """Only `api` speaks HTTP, only `store` knows SQL tools, only `cli` prints."""
    for name in _imports(path):
        library = name.split(".")[0]
        if library in ONLY_IN:
            assert _layer(path) in ONLY_IN[library], f"{path.relative_to(PACKAGE)} imports {name}"


def test_no_circular_imports() -> None:
    """Modules can be put in an order in which each imports only earlier ones (type-checking imports aside)."""
    graph: dict[str, set[str]] = {}
    names = {".".join(("tlsync", *path.relative_to(PACKAGE).with_suffix("").parts)): path for path in MODULES}
    for name, path in names.items():
        tree = ast.parse(path.read_text("utf-8"))
        edges: set[str] = set()
        for node in tree.body:
            if isinstance(node, ast.ImportFrom) and node.module:
                for candidate in [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]:
                    if candidate in names and candidate != name:
                        edges.add(candidate)
        graph[name] = edges
    done: set[str] = set()

    def visit(name: str, trail: tuple[str, ...]) -> None:
        assert name not in trail, f"circle: {' → '.join([*trail, name])}"
        if name not in done:
            for target in sorted(graph[name]):
                visit(target, (*trail, name))
            done.add(name)

    for name in sorted(graph):
        visit(name, ())
