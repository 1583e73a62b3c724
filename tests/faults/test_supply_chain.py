"""What the code itself must not do: row S26, as far as it can be read from the source."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults.conftest import Row

PACKAGE = Path(__file__).parent.parent.parent / "tlsync"
MODULES = sorted(PACKAGE.rglob("*.py"))
_SLEEPERS = {
    "sandbox/server.py",  # waits for its own start, where nothing can be asked to stop
    # They show the same again until Ctrl-C, in the thread that it interrupts.
    "cli/dashboard.py",
    "cli/history.py",
    # Commands that wait for another process, for a few seconds at most.
    "mirror/mount.py",
    "service/systemd.py",
    "store/process_lock.py",
}
_DANGEROUS = {"eval", "exec", "compile", "__import__"}
_MODULES_NEVER_USED = {"pickle", "marshal", "shelve", "xmlrpc", "telnetlib", "ftplib"}


def _name(node: ast.AST) -> str:
    return ast.unparse(node) if isinstance(node, ast.Name | ast.Attribute) else ""


def findings(path: str, source: str) -> Iterator[str]:
    """What is wrong with a module, one line each."""
    for node in ast.walk(ast.parse(source)):
        at = f"{path}:{getattr(node, 'lineno', 0)}"
        if isinstance(node, ast.Import | ast.ImportFrom):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else [node.module or ""]
            yield from (f"{at}: {name}" for name in names if name.split(".")[0] in _MODULES_NEVER_USED)
        elif isinstance(node, ast.Call):
            called = _name(node.func)
            if called in ("time.sleep", "sleep") and path not in _SLEEPERS:
                yield f"{at}: time.sleep can't be stopped; use clock.wait"
            if called in _DANGEROUS or called in ("os.system", "os.popen", "subprocess.getoutput"):
                yield f"{at}: {called}"
            if any(word.arg == "shell" for word in node.keywords):
                yield f"{at}: a shell"
            if any(word.arg == "verify" and _is_false(word.value) for word in node.keywords):
                yield f"{at}: TLS is not verified"
            trusting = [word for word in node.keywords if word.arg in ("trust_env", "follow_redirects")]
            if not all(_is_false(word.value) for word in trusting):
                yield f"{at}: the environment, or a redirect, is trusted"
            if called.endswith((".umask",)) and path != "store/database.py":
                yield f"{at}: the umask belongs to all threads"
        elif isinstance(node, ast.ExceptHandler) and node.type and "httpx." in ast.unparse(node.type):
            yield from (f"{at}: {text}" for text in _texts_of(node))


def _texts_of(handler: ast.ExceptHandler) -> Iterator[str]:
    """Uses of the library's error as text: it may quote the URL and the headers."""
    for node in ast.walk(handler):
        if isinstance(node, ast.Call) and _name(node.func) in ("str", "repr") and _uses(node, handler.name):
            yield "the text of an httpx error"
        if isinstance(node, ast.FormattedValue) and isinstance(node.value, ast.Name) and node.value.id == handler.name:
            yield "an httpx error in a text"
        if isinstance(node, ast.Raise) and isinstance(node.cause, ast.Name) and node.cause.id == handler.name:
            yield "raised from an httpx error"


def _uses(call: ast.Call, name: str | None) -> bool:
    return any(isinstance(argument, ast.Name) and argument.id == name for argument in call.args)


def _is_false(node: ast.AST) -> bool:
    return isinstance(node, ast.Constant) and node.value is False


def test_s26_own_rules(row: Row) -> None:
    """No sleep, no shell, no evaluation, no unverified TLS, no library error as text."""
    found = [one for path in MODULES for one in findings(str(path.relative_to(PACKAGE)), path.read_text("utf-8"))]
    row.say(f"{len(MODULES)} modules: {len(found)} findings")
    assert not found, "\n".join(found)


@pytest.mark.parametrize(
    "source",
    [
        "time.sleep(1)",
        "subprocess.run('x', shell=True)",
        "os.system('x')",
        "eval('x')",
        "import pickle",
        "httpx.Client(verify=False)",
        "httpx.Client(follow_redirects=True)",
        "os.umask(0)",
        "try: pass\nexcept httpx.HTTPError as e: log.info(f'{e}')",
        "try: pass\nexcept httpx.HTTPError as e: log.info('%s', str(e))",
        "try: pass\nexcept httpx.HTTPError as e: raise Own('x') from e",
    ],
)
def test_s26_the_rules_find_what_they_are_for(row: Row, source: str) -> None:
    assert list(findings("x.py", source))
    row.say("rules that find")
