"""`tlsync api`: options from signatures, consent, output and exit codes; the suite in `contract` calls every method."""

from __future__ import annotations

import functools
import io
import json
import logging
import os
import pty
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.api.helpers import ID, FakeClock, QuietHandler, Wire, form_of, json_of, json_reply, real_server
from tests.cli.conftest import Outcome
from tlsync.api import RetryPolicy, TwelveLabs
from tlsync.api.reference import Method, methods
from tlsync.cli.api_output import LastAnswer, print_answer
from tlsync.cli.main import main
from tlsync.errors import BadAnswer

KEY = "tlk_CANARY0123456789"
Api = Callable[..., Outcome]
every = pytest.mark.parametrize("method", methods().values(), ids=list(methods()))


def run(*arguments: str, stdin: bytes = b"") -> Outcome:
    """Run the command in this process."""
    streams = [io.TextIOWrapper(io.BytesIO(data), "utf-8") for data in (stdin, b"", b"")]
    kept = sys.stdin, sys.stdout, sys.stderr
    sys.stdin, sys.stdout, sys.stderr = streams
    try:
        main(["api", *arguments])
    except SystemExit as ending:
        code = ending.code
    finally:
        sys.stdin, sys.stdout, sys.stderr = kept
    assert isinstance(code, int)
    out, err = (bytes(stream.buffer.getvalue()).decode() for stream in streams[1:])  # type: ignore[attr-defined]
    return Outcome(code, out, err)


@pytest.fixture(autouse=True)
def key_in_environment(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A key, and logging as it was before: the command sets it up for its process."""
    monkeypatch.setenv("TWELVE_LABS_API_KEY", KEY)
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)


@pytest.fixture
def wire(monkeypatch: pytest.MonkeyPatch) -> Wire:
    """The other side of all calls; put replies into it."""
    wire = Wire()
    client = functools.partial(
        TwelveLabs,
        transport=wire,
        storage_transport=wire,
        clock=FakeClock(),
        retries=RetryPolicy(attempts=2, jitter=lambda: 1.0),
    )
    monkeypatch.setattr("tlsync.api.TwelveLabs", client)
    return wire


# --- what a method takes


@every
def test_every_method_explains_itself(method: Method) -> None:
    outcome = run(method.name, "--help")
    assert outcome.code == 0
    words = outcome.out.split()
    for name in method.signature.parameters:
        assert any(word.startswith(f"--{name.replace('_', '-')}") for word in words), name
    text = " ".join(words)
    assert f"{method.verb} {method.template}" in text
    assert ("elsewhere it needs --yes" in text) is (method.deletes or method.costs_money)
    assert method.instead in text
    assert ("Newer servers only: it came after" in text) is not method.in_reference


def test_the_texts_of_the_docstring_are_in_the_help() -> None:
    text = " ".join(run("analyze", "--help").out.split())
    assert "--video-id ID The video in its index. Newest servers know only `video`." in text
    assert "--prompt TEXT At most 2,000 tokens. [required]" in text
    assert "--end-time NUMBER See --start-time." in text
    text = " ".join(run("indexes.list", "--help").out.split())
    assert "--page-limit INTEGER [default: 50]" in text
    assert "--sort-option asc|desc" in text


def test_a_docstring_that_leans_on_another_brings_its_texts() -> None:
    assert "0 to 1." in run("analyze_stream", "--help").out
    assert "User fields and the values they must have" in run("indexes.videos.list", "--help").out


def test_no_parameter_hides_an_option_of_the_command() -> None:
    for method in methods().values():
        taken = {"all", "yes", "json", "json_body", "help", "h", "is_all", "is_agreed", "is_json"}
        assert not taken & set(method.signature.parameters), method.name


def test_options_become_query_and_path(wire: Wire) -> None:
    wire.replies = [json_reply({"data": [], "page_info": {"page": 1}})]
    outcome = run(
        *("indexes.indexed_assets.list", "--index-id", ID, "--page", "2", "--page-limit", "5", "--sort-option", "asc"),
        *("--status", "ready", "--status", "failed", "--duration", '{"gte": 10}', "--fps", "25", "--width", "640"),
        *("--user-metadata", '{"reel": 7}'),
    )
    assert outcome.code == 0, outcome.err
    assert wire.last.url.path == f"/v1.3/indexes/{ID}/indexed-assets"
    assert wire.last.url.params.multi_items() == [
        *(("page", "2"), ("page_limit", "5"), ("sort_option", "asc"), ("status", "ready"), ("status", "failed")),
        *(("duration[gte]", "10"), ("fps", "25"), ("width", "640"), ("reel", "7")),
    ]


def test_options_become_a_json_body(wire: Wire, tmp_path: Path) -> None:
    wire.replies = [json_reply({"_id": ID}, 201)]
    schema = tmp_path / "addons.json"
    schema.write_text('["thumbnail"]')
    first, second = {"model_name": "marengo3.0"}, {"model_name": "pegasus1.2"}
    for models in (
        ["--models", json.dumps(first), "--models", json.dumps(second)],
        ["--models", json.dumps([first, second])],
    ):
        assert run("indexes.create", "--index-name", "lake", *models, "--addons", "thumbnail").code == 0
        assert json_of(wire.last) == {"index_name": "lake", "models": [first, second], "addons": ["thumbnail"]}
    assert run("indexes.create", "--index-name", "[1]", "--models", json.dumps(first), "--addons", "[odd").code == 0
    assert json_of(wire.last) == {"index_name": "[1]", "models": [first], "addons": ["[odd"]}


def test_objects_come_from_files_too(wire: Wire, tmp_path: Path) -> None:
    wire.replies = [json_reply({"data": "{}"})]
    (tmp_path / "format.json").write_text('{"type": "json_schema", "json_schema": {"type": "object"}}')
    wanted = ["--response-format", f"@{tmp_path}/format.json"]
    assert run("analyze", "--prompt", "Where?", "--video-id", ID, *wanted, "--yes").code == 0
    assert json_of(wire.last)["response_format"]["json_schema"] == {"type": "object"}


def test_words_stand_in_for_numbers_where_the_platform_has_them(wire: Wire) -> None:
    wire.replies = [json_reply({"task_id": ID})]
    for text, sent in (("unlimited", "unlimited"), ("100", 100)):
        assert run("analyze_async.tasks.create", "--prompt", "Where?", "--max-tokens", text, "--yes").code == 0
        assert json_of(wire.last) == {"prompt": "Where?", "max_tokens": sent}


def test_flags_say_yes_no_or_nothing(wire: Wire) -> None:
    wire.replies = [httpx.Response(204)]
    for words, sent in (([], []), (["--force"], [("force", "true")]), (["--no-force"], [("force", "false")])):
        assert run("assets.delete", "--asset-id", ID, *words, "--yes") == Outcome(0, "", "")
        assert wire.last.url.params.multi_items() == sent


def test_files_are_sent_by_path(wire: Wire, tmp_path: Path) -> None:
    wire.replies = [json_reply({"_id": ID}, 201)]
    path = tmp_path / "lake.mp4"
    path.write_bytes(b"film")
    assert run("assets.create", "--method", "direct", "--file", str(path)).code == 0
    assert form_of(wire.last) == [("method", None, b"direct"), ("file", "lake.mp4", b"film")]
    missing = run("assets.create", "--method", "direct", "--file", str(tmp_path / "sea.mp4"))
    assert (missing.code, "sea.mp4: no such file" in missing.err) == (4, True)
    assert run("assets.create", "--method", "direct", "--file", str(tmp_path)).code == 4


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["indexes.retrieve"], "Missing option '--index-id'"),
        (["indexes.retrieve", "--index-di", ID], "Did you mean '--index-id'"),
        (["indexes.retrieve", "--index-id", ID, ID], "unexpected extra argument"),
        (["index.retrieve"], "Did you mean indexes.retrieve"),
        (["zzz"], "See tlsync api --list"),
        (["indexes.retrieve", "--index-id", ID, "--all"], "No such option '--all'"),
        (["indexes.list", "--page", "two"], "'two' is not a whole number"),
        (["indexes.list", "--page", "1.5"], "'1.5' is not a whole number"),
        (["indexes.list", "--page", "9" * 5000], "is not a whole number"),
        (["indexes.list", "--sort-option", "up"], "'up' is not one of asc, desc"),
        (["search.create", "--adjust-confidence-level", "nan"], "'nan' is not a number"),
        (["analyze_async.tasks.create", "--max-tokens", "many"], "'many' is not a whole number or unlimited"),
        (["search.create", "--filter", "{"], "this is not JSON"),
        (["search.create", "--filter", "[1]"], "'[1]' is not a JSON object"),
        (["indexes.create", "--models", "[5]"], "'5' is not a JSON object"),
        (["indexes.videos.list", "--duration", '{"gte": "ten"}'], "is not a number or bounds"),
        (["gist", "--types", '["title", "plot"]'], "'plot' is not one of title, topic, hashtag"),
        (["--list", "indexes.list"], "--list stands without a METHOD"),
    ],
)
def test_what_cannot_be_meant_is_told_before_anything_is_sent(wire: Wire, arguments: list[str], said: str) -> None:
    outcome = run(*arguments)
    assert (outcome.code, outcome.out, wire.requests) == (2, "", [])
    assert said in outcome.err


# --- parameters as JSON


@pytest.mark.parametrize("way", ["text", "file", "stdin"])
def test_parameters_come_as_a_json_object(wire: Wire, tmp_path: Path, way: str) -> None:
    wire.replies = [json_reply({"_id": ID}, 201)]
    body = {"index_name": "lake", "models": [{"model_name": "marengo3.0"}], "addons": None}
    (tmp_path / "body.json").write_text(json.dumps(body))
    given_as = {"text": json.dumps(body), "file": f"@{tmp_path}/body.json", "stdin": "-"}[way]
    outcome = run("indexes.create", "--json-body", given_as, stdin=json.dumps(body).encode())
    assert outcome.code == 0, outcome.err
    assert json_of(wire.last) == {"index_name": "lake", "models": [{"model_name": "marengo3.0"}]}


def test_options_win_over_the_json_object(wire: Wire) -> None:
    wire.replies = [json_reply({"data": []})]
    body = '{"index_id": "from-body", "status": ["ready", "failed"], "page": 3, "filename": "a b"}'
    assert run("indexes.indexed_assets.list", "--index-id", ID, "--json-body", body, "--status", "queued").code == 0
    assert wire.last.url.path == f"/v1.3/indexes/{ID}/indexed-assets"
    params = wire.last.url.params
    assert (params["page"], params["filename"], params.get_list("status")) == ("3", "a b", ["queued"])


def test_the_json_object_may_hold_the_values_of_json(wire: Wire, tmp_path: Path) -> None:
    wire.replies = [json_reply({"_id": ID})]
    path = tmp_path / "lake.mp4"
    path.write_bytes(b"film")
    metadata = {"reel": 7, "gone": None}
    body = {"index_id": ID, "video_file": str(path), "enable_video_stream": False, "user_metadata": metadata}
    assert run("tasks.create", "--json-body", json.dumps(body), "--yes").code == 0
    assert form_of(wire.last) == [
        ("index_id", None, ID.encode()),
        ("enable_video_stream", None, b"false"),
        ("user_metadata", None, b'{"reel":7}'),
        ("video_file", "lake.mp4", b"film"),
    ]


@pytest.mark.parametrize(
    ("body", "said", "code"),
    [
        ('{"indexid": 1}', "has no parameter 'indexid'. Did you mean index_id?", 2),
        ('{"is_agreed": true}', "has no parameter 'is_agreed'", 2),
        ('{"index_id": 5}', "'5' is not a text", 2),
        ('{"page": 1.5}', "'1.5' is not a whole number", 2),
        ('{"page": true}', "'True' is not a whole number", 2),
        ('{"status": [1]}', "'1' is not a text", 2),
        ('{"sort_option": ["asc"]}', "is not one of asc, desc", 2),
        ("[]", "a JSON object is wanted", 2),
        ("{", "this is not JSON", 2),
        ("[" * 100_000, "nested too deeply", 2),
        ("@/nowhere/body.json", "/nowhere/body.json: no such file", 4),
        ("@/", "cannot be read", 1),
        ("@~nobody-of-that-name/body.json", "no such file", 4),
    ],
)
def test_a_json_object_that_does_not_fit_is_told(wire: Wire, body: str, said: str, code: int) -> None:
    outcome = run("tasks.list", "--json-body", body)
    assert (outcome.code, outcome.out, wire.requests) == (code, "", [])
    assert said in outcome.err


def test_flags_in_the_json_object_are_true_or_false(wire: Wire) -> None:
    assert run("assets.delete", "--yes", "--json-body", json.dumps({"asset_id": ID, "force": "no"})).code == 2
    assert run("assets.delete", "--yes", "--json-body", json.dumps({"asset_id": ID, "force": False})).code == 0
    assert [request.url.params["force"] for request in wire.requests] == ["false"]


# --- what is printed


def test_the_answer_is_printed_as_it_came(wire: Wire) -> None:
    """Names of the wire, also those that tlsync does not know; nothing is added."""
    answer = {"_id": ID, "index_name": "rød", "models": [], "born_in": {"year": 2027}, "expires_at": None}
    wire.replies = [json_reply(answer)]
    outcome = run("indexes.retrieve", "--index-id", ID)
    assert (outcome.code, outcome.json, outcome.err) == (0, answer, "")
    assert outcome.out.startswith('{\n  "_id": ') and "rød" in outcome.out


def test_no_content_prints_nothing(wire: Wire) -> None:
    for status in (204, 200):
        wire.replies = [httpx.Response(status)]
        assert run("indexes.update", "--index-id", ID, "--index-name", "sea") == Outcome(0, "", "")
        assert run("indexes.delete", "--index-id", ID, "--yes") == Outcome(0, "", "")


def _page(number: int, of: int) -> httpx.Response:
    info = {"page": number, "limit_per_page": 1, "total_page": of, "total_results": of}
    return json_reply({"data": [{"_id": f"index-{number}", "new": number}], "page_info": info})


def test_a_list_is_one_page_or_all(wire: Wire) -> None:
    wire.replies = [_page(2, 3)]
    one = run("indexes.list", "--page", "2", "--page-limit", "1")
    assert [len(wire.requests), one.json["page_info"]["page"], len(one.json["data"])] == [1, 2, 1]
    wire.replies = [_page(1, 3), _page(2, 3), _page(3, 3)]
    assert run("indexes.list", "--page-limit", "1", "--all").json == {
        "data": [{"_id": f"index-{number}", "new": number} for number in (1, 2, 3)]
    }
    wire.replies = [json_reply({"data": None, "page_info": None})]
    assert run("indexes.list", "--all").json == {"data": []}


def test_all_chunks_of_an_upload_are_one_list(wire: Wire) -> None:
    chunks = [{"index": number, "status": "completed"} for number in (1, 2)]
    wire.replies = [
        json_reply({"status": "active", "uploaded_chunks": [chunk], "page_info": {"page": number, "total_page": 2}})
        for number, chunk in enumerate(chunks, 1)
    ]
    outcome = run("multipart_upload.get_status", "--upload-id", "up", "--all")
    assert outcome.json == {"status": "active", "uploaded_chunks": chunks}


def _hits(rank: int, token: str | None) -> httpx.Response:
    pool = {"total_count": 2}
    return json_reply({"search_pool": pool, "data": [{"rank": rank}], "page_info": {"next_page_token": token}})


def test_a_search_is_one_page_or_all(wire: Wire) -> None:
    query = ["search.create", "--index-id", ID, "--search-options", "visual", "--query-text", "car", "--yes"]
    wire.replies = [_hits(1, "two")]
    assert run(*query).json["page_info"] == {"next_page_token": "two"}
    everything = {"search_pool": {"total_count": 2}, "data": [{"rank": 1}, {"rank": 2}]}
    wire.replies = [_hits(1, "two"), _hits(2, None)]
    assert run(*query, "--all").json == everything
    assert [request.url.path for request in wire.requests[-2:]] == ["/v1.3/search", "/v1.3/search/two"]
    wire.replies = [_hits(1, "two"), _hits(2, None)]
    assert run("search.retrieve", "--page-token", "one", "--all").json == everything


def test_the_terminal_obeys_no_answer(wire: Wire) -> None:
    """What would move the cursor or turn the text is written as JSON can also write it."""
    name = "\x1b[2J\x9b2J\u202e\u2028\u200f é"
    wire.replies = [json_reply({"_id": ID, "index_name": name})]
    outcome = run("indexes.retrieve", "--index-id", ID)
    assert outcome.json["index_name"] == name
    assert outcome.out.replace("\n", "").isprintable() and "é" in outcome.out


def test_what_is_nested_without_end_is_no_answer() -> None:
    last = LastAnswer()
    last.take(functools.reduce(lambda inner, _: [inner], range(5000), []))
    with pytest.raises(BadAnswer, match="nested too deeply"):
        print_answer(None, last, is_all=False)


def test_a_stream_is_printed_line_by_line(wire: Wire) -> None:
    events = [
        {"event_type": "stream_start", "metadata": {"generation_id": "g", "new": 1}},
        {"event_type": "text_generation", "text": "a\nb"},
        {"event_type": "stream_end", "finish_reason": "stop"},
    ]
    wire.replies = [httpx.Response(200, content=b"\n".join(msgspec.json.encode(event) for event in events))]
    call = ["analyze_stream", "--prompt", "Where?", "--video-id", ID, "--yes"]
    assert [json.loads(line) for line in run(*call).out.splitlines()] == events
    wire.replies = [httpx.Response(200, content=msgspec.json.encode(events[0]))]
    broken = run(*call)
    assert (json.loads(broken.out), broken.code) == (events[0], 5)


def test_events_are_printed_as_they_arrive() -> None:
    """Each line leaves the process before the next event is there; Ctrl-C ends it in between."""
    go_on = threading.Event()

    class Handler(QuietHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["content-length"]))
            self.send_response(200)
            self.send_header("Connection", "close")
            self.end_headers()
            self.wfile.write(b'{"event_type":"stream_start"}\n')
            go_on.wait(20)
            self.wfile.write(b'{"event_type":"stream_end"}\n')

    command = [sys.executable, "-m", "tlsync", "api", "analyze_stream", "--prompt", "?", "--video-id", ID, "--yes"]
    with real_server(Handler) as origin:
        environment = {**os.environ, "TWELVELABS_BASE_URL": f"{origin}/v1.3"}
        with subprocess.Popen(command, stdout=subprocess.PIPE, env=environment) as process:
            assert process.stdout is not None
            first = process.stdout.readline()
            go_on.set()
            rest = process.stdout.read()
        assert (process.returncode, first) == (0, b'{"event_type":"stream_start"}\n')
        assert rest == b'{"event_type":"stream_end"}\n'
        go_on.clear()
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment) as process:
            assert process.stdout is not None and process.stdout.readline()
            process.send_signal(signal.SIGINT)
            out, err = process.communicate(timeout=20)
        go_on.set()
    assert (process.returncode, out, err.split()) == (130, b"", [b"interrupted"])


# --- consent


@pytest.mark.parametrize(
    "call",
    [
        ["indexes.delete", "--index-id", ID],
        ["search.create", "--index-id", ID, "--search-options", "visual", "--query-text", "car"],
    ],
)
def test_without_a_terminal_consent_is_an_option(wire: Wire, call: list[str]) -> None:
    refused = run(*call)
    assert (refused.code, refused.out, wire.requests) == (2, "", [])
    assert f"{call[0]} {'deletes' if 'delete' in call[0] else 'costs money'}" in refused.err
    assert "--yes" in refused.err
    assert run(*call, "--yes").code == 0
    assert len(wire.requests) == 1


def test_harmless_calls_ask_nothing(wire: Wire) -> None:
    wire.replies = [json_reply({"_id": ID})]
    assert run("indexes.retrieve", "--index-id", ID).code == 0
    assert run("indexes.retrieve", "--index-id", ID, "--yes").code == 0


@pytest.mark.parametrize(("typed", "code", "deleted"), [("y\n", 0, 1), ("\n", 1, 0)])
def test_on_a_terminal_it_asks(typed: str, code: int, deleted: int) -> None:
    """The question is on the terminal, stdout has the answer only."""
    received: list[str] = []

    class Handler(QuietHandler):
        def do_DELETE(self) -> None:
            received.append(self.path)
            self.reply(204)

    command = [sys.executable, "-m", "tlsync", "api", "indexes.delete", "--index-id", ID]
    screen, terminal = pty.openpty()
    with real_server(Handler) as origin:
        environment = {**os.environ, "TWELVELABS_BASE_URL": f"{origin}/v1.3"}
        process = subprocess.Popen(command, stdin=terminal, stdout=subprocess.PIPE, stderr=terminal, env=environment)
        os.write(screen, typed.encode())
        out, _ = process.communicate(timeout=20)
    shown = os.read(screen, 10_000).decode()
    os.close(screen)
    os.close(terminal)
    assert "Delete an index and all videos in it. Cannot be undone." in shown
    assert f"DELETE /indexes/{ID} deletes. Go on? [y/N]" in shown
    assert ("nothing was sent" in shown) is not deleted
    assert (process.returncode, out, len(received)) == (code, b"", deleted)


# --- errors


@pytest.mark.parametrize(
    ("status", "body", "code"),
    [
        (400, {"code": "parameter_invalid", "message": "no"}, 1),
        (401, {"code": "api_key_invalid"}, 6),
        (402, {}, 7),
        (403, {}, 7),
        (404, {"code": "resource_not_exist"}, 4),
        (409, {}, 1),
        (429, {}, 5),
        (500, {}, 5),
        (503, {}, 5),
        (302, {}, 5),
    ],
)
def test_exit_codes(wire: Wire, status: int, body: dict[str, str], code: int) -> None:
    wire.replies = [json_reply(body, status)]
    outcome = run("indexes.retrieve", "--index-id", ID)
    assert (outcome.code, outcome.out) == (code, "")
    assert "GET /indexes/{index_id}" in outcome.err
    as_json = run("indexes.retrieve", "--index-id", ID, "--json")
    assert json.loads(as_json.err)["error"]["message"]


@pytest.mark.parametrize("status", [404, 410])
def test_a_removed_method_names_its_replacement(wire: Wire, status: int) -> None:
    wire.replies = [json_reply({"code": "not_found"}, status)]
    outcome = run("gist", "--video-id", ID, "--types", "title", "--yes")
    assert (outcome.code, outcome.out) == (1, "")
    assert "POST /analyze with a response_format of type json_schema" in outcome.err


def test_an_id_that_would_lead_elsewhere_is_not_sent(wire: Wire) -> None:
    assert run("indexes.retrieve", "--index-id", "../assets").code == 1
    assert wire.requests == []


def test_no_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TWELVE_LABS_API_KEY")
    outcome = run("indexes.list")
    assert (outcome.code, "TWELVE_LABS_API_KEY" in outcome.err) == (6, True)


# --- where the platform is


def test_without_settings_it_calls_the_platform_itself(wire: Wire) -> None:
    assert run("indexes.list").code == 0
    assert str(wire.last.url).startswith("https://api.twelvelabs.io/v1.3/indexes?")


def test_settings_and_environment_say_where_the_platform_is(
    wire: Wire, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = tmp_path / "config.toml"
    config.write_text('[platform]\nbase_url = "https://eu.example.com/v1.3"\n')
    monkeypatch.setenv("TLSYNC_CONFIG", str(config))
    assert run("indexes.list").code == 0
    assert wire.last.url.host == "eu.example.com"
    monkeypatch.setenv("TWELVELABS_BASE_URL", "https://us.example.com/v1.3")
    assert run("indexes.list").code == 0
    assert wire.last.url.host == "us.example.com"
    monkeypatch.setenv("TLSYNC_CONFIG", str(tmp_path / "elsewhere.toml"))
    assert run("indexes.list").code == 2


# --- the list of methods


def test_the_list_names_all_methods() -> None:
    for arguments in ([], ["--list"]):
        lines = run(*arguments).out.splitlines()
        assert [line.split()[0] for line in lines[1:]] == list(methods())
    deletion = next(line for line in lines if line.startswith("indexes.videos.delete"))
    assert deletion.split(maxsplit=3)[1:] == ["DELETE", "/indexes/{index_id}/videos/{video_id}", "deletes, deprecated"]


def test_the_list_for_programs() -> None:
    document = run("--list", "--json").json
    assert document["v"] == 1
    found = {method["name"]: method for method in document["methods"]}
    assert sum(method["in_reference"] for method in found.values()) == 60
    gist = found["gist"]
    assert (gist["verb"], gist["path"], gist["costs_money"], gist["lifetime"]) == ("POST", "/gist", True, "removed")
    assert [(one["option"], one["type"], one["required"], one["repeatable"]) for one in gist["parameters"]] == [
        ("--video-id", "ID", True, False),
        ("--types", "title|topic|hashtag", True, True),
    ]


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion(shell: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def completed(*words: str) -> str:
        monkeypatch.setenv("COMP_WORDS", " ".join(["tlsync", "api", *words]))
        monkeypatch.setenv("COMP_CWORD", words[-1] if shell == "fish" else str(len(words) + 1))
        monkeypatch.setenv("_TLSYNC_COMPLETE", f"{shell}_complete")
        stdout, sys.stdout = sys.stdout, io.TextIOWrapper(io.BytesIO(), "utf-8")
        try:
            with pytest.raises(SystemExit):
                main([])
            return bytes(sys.stdout.buffer.getvalue()).decode()
        finally:
            sys.stdout = stdout

    names = completed("indexes.v")
    assert all(f"indexes.videos.{verb}" in names for verb in ("list", "retrieve", "update", "delete"))
    assert "indexes.list" not in names
    assert "--index-id" in completed("indexes.retrieve", "--ind")
    assert "desc" in completed("indexes.list", "--sort-option", "de")


# --- a hostile platform

_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["_id", "data", "page_info", "next_page_token", "event_type", "text", "x"]), inner
        )
    ),
    max_leaves=12,
)
_ENDINGS = [
    {"event_type": "stream_end"},
    {"data": [{"_id": "a"}], "page_info": {"total_page": 10**30}},
    {"data": [{}], "page_info": {"next_page_token": "again"}},
    {"_id": "a", "deep": json.loads("[" * 600 + "]" * 600)},
    {"_id": "a", "big": 10**400, "odd": "\x1b\x9b\u202e\ud83d\ude00"},
]
_BODIES = (
    st.binary(max_size=40)
    | _VALUES.map(msgspec.json.encode)
    | st.sampled_from(_ENDINGS).map(json.dumps).map(str.encode)
)


def _least_arguments(method: Method) -> list[str]:
    """The required options, with values of the right kind."""
    values = {"models": "{}", "entities": "{}", "completed_chunks": "{}", "type": "summary", "types": "title"}
    values |= {"input_type": "audio" if "tasks" in method.name else "text", "method": "direct"}
    values |= {"total_size": "1", "start": "1", "count": "1"}
    needed = [name for name, one in method.signature.parameters.items() if one.default is one.empty]
    options = [word for name in needed for word in (f"--{name.replace('_', '-')}", values.get(name, "a"))]
    if method.name == "multipart_upload.create":
        options += ["--type", "video"]
    return options


@settings(
    max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(
    method=st.sampled_from(list(methods().values())),
    body=_BODIES,
    status=st.sampled_from([200, 200, 200, 200, 204, 400, 404, 410, 429, 500]),
)
def test_no_answer_can_break_the_command(
    wire: Wire, monkeypatch: pytest.MonkeyPatch, method: Method, body: bytes, status: int
) -> None:
    """Any answer ends in JSON on stdout or in one of the exit codes, never in a traceback."""
    monkeypatch.setattr("tlsync.api.pages._MOST_PAGES", 3)
    wire.replies = [httpx.Response(status, content=body)]
    has_pages = method.name.endswith(("list", "uploads", "get_status", "entities")) and "transfers" not in method.name
    outcome = run(method.name, *_least_arguments(method), "--yes", *(["--all"] if has_pages else []))
    assert outcome.code in (0, 1, 4, 5)
    assert (outcome.err == "") is (outcome.code == 0)
    assert KEY not in outcome.err and "Traceback" not in outcome.err
    if method.name == "analyze_stream":
        assert all(isinstance(json.loads(line), dict) for line in outcome.out.splitlines())
    elif outcome.out:
        assert outcome.code == 0
        json.loads(outcome.out)
