"""Benchmarks, run by hand: `python -m tests.bench NAME [options]`; without a name, those there are.

With `--no-report` the figures are printed, and the report stays as it is.
"""

from __future__ import annotations

import ast
import importlib
import sys
from pathlib import Path

from tests.bench.harness import Report, end_in_order

FOLDER = Path(__file__).parent


def benchmarks() -> dict[str, str]:
    """What each does, by name: the modules here that have a `main`, and the first lines of their texts."""
    found = {}
    for path in sorted(FOLDER.glob("[a-z]*.py")):
        tree = ast.parse(path.read_text("utf-8"))
        mains = [node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name == "main"]
        if mains and mains[0].args.args and mains[0].args.args[0].arg == "argv":
            found[path.stem] = (ast.get_docstring(tree) or "").partition("\n")[0]
    return found


def main() -> None:
    known = benchmarks()
    end_in_order()
    if "--no-report" in sys.argv:
        sys.argv.remove("--no-report")
        Report.is_kept = False
    if len(sys.argv) < 2 or sys.argv[1] not in known:
        print("python -m tests.bench NAME [--no-report] [options]\n")
        for name, purpose in known.items():
            print(f"  {name:12} {purpose}")
        sys.exit(0 if len(sys.argv) < 2 or sys.argv[1] in ("-h", "--help") else 2)
    importlib.import_module(f"tests.bench.{sys.argv[1]}").main(sys.argv[2:])


if __name__ == "__main__":
    main()
