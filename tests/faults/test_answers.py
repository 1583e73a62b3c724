"""Rows about what the platform answers: expired URLs, limits, errors that last, a key that is revoked, wrong proofs,
and work that gets stuck or lost there."""

from __future__ import annotations

import math
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.api.helpers import BASE_URL, ID, KEY, SIGNED_URL, FakeClock
from tests.conftest import MakeClip
from tests.faults.conftest import Row
from tests.faults.fast_daemon import FastDaemon
from tests.workshop import HastyClock, Workshop, sha256_of
from tlsync.api import IndexModel, RetryPolicy, TwelveLabs
from tlsync.engine import scheduler
from tlsync.engine.progress import Silent
from tlsync.engine.tally import Summary
from tlsync.errors import ApiError

MakeDaemon = Callable[..., FastDaemon]


@pytest.fixture
def make_daemon(tmp_path: Path) -> Iterator[MakeDaemon]:
    yield lambda **how: FastDaemon(tmp_path, **how)


@pytest.fixture
def hasty(workshop: Workshop, monkeypatch: pytest.MonkeyPatch) -> Workshop:
    """Waits between attempts are real in their order, and short."""
    workshop.clock = HastyClock(20)
    monkeypatch.setattr(scheduler, "_LONGEST_NAP_S", 0.02)
    return workshop


def assert_arrived(workshop: Workshop, *clips: Path) -> None:
    assert set(workshop.states().values()) == {"enriched"}
    assert set(workshop.remote_contents()) == {sha256_of(clip) for clip in clips}
    workshop.assert_clean()


def sync(workshop: Workshop, progress: Silent | None = None) -> Summary:
    """A pass, and more of them while a clip is still settling: a busy machine makes it look as if it were written."""
    for _ in range(10):
        summary = workshop.sync(progress=progress)
        if "settling" not in workshop.states().values():
            return summary
    raise AssertionError(f"it does not settle: {workshop.files()}")


# --- F33


@pytest.mark.parametrize("what", ["used", "expired", "session"])
def test_f33_dead_urls_and_sessions(row: Row, hasty: Workshop, make_clip: MakeClip, what: str) -> None:
    """A fresh URL at once, at most two more attempts per chunk, and nothing is charged to the file."""
    workshop = hasty
    clip = make_clip(workshop.footage / "clip.mp4", duration_s=20)

    class Once(Silent):
        done = False

        def sent(self, path: Path, done_bytes: int, total_bytes: int) -> None:
            if done_bytes and not self.done:
                self.done = True
                if what == "expired":
                    workshop.server.world.expire_urls()
                if what == "session":
                    workshop.server.world.expire_sessions()

    if what == "used":
        for nth in (1, 9):
            workshop.server.faults.answer("storage.put", 403, nth=nth, times=2)
    summary = sync(workshop, Once())
    assert summary.failed == 0
    assert "failed" not in workshop.history("clip.mp4")
    assert_arrived(workshop, clip)
    puts = [chunk.puts for chunk in workshop.server.ledger.puts()]
    assert max(puts) <= 3
    if what == "used":
        assert workshop.counts()["storage.put"] == len(puts) + 4, "one more attempt for each refusal, no other"
    sessions = workshop.counts()["multipart_upload.create"]
    assert sessions == (2 if what == "session" else 1)
    row.say(f"{what}: {len(puts)} chunks, {max(puts) - 1} retries per chunk at most, 0 failures noted with the file")


# --- F36


class _Limited(httpx.BaseTransport):
    """Answers one endpoint with 429 until an instant, everything else at once. Its clock is three hours ahead."""

    def __init__(self, clock: FakeClock, path: str, form: str, wait_s: float | None, body: bytes) -> None:
        self.clock = clock
        self.path = path
        self.form = form
        self.wait_s = wait_s
        self.body = body
        self.first_s: float | None = None
        self.asked_s: list[float] = []
        """When the endpoint was asked after its first 429."""
        self.others = 0
        self.told_s = 0.0

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        request.read()
        here = self.clock.monotonic_s()
        now = self.clock.now() + timedelta(hours=3)
        date = {"date": format_datetime(now.replace(microsecond=0), usegmt=True)}
        if not request.url.path.endswith(self.path):
            self.others += 1
            return httpx.Response(200, json={"_id": ID}, headers=date)
        if self.first_s is None:
            self.first_s = here
            return httpx.Response(429, headers={**date, **self._headers(now)}, content=self.body)
        self.asked_s.append(here)
        return httpx.Response(200, json={"_id": ID, "data": []}, headers={**date, "etag": '"abc"'})

    def _headers(self, now: Any) -> dict[str, str]:
        until = now + timedelta(seconds=self.wait_s or 0.0)
        whole = math.floor if self.form == "date" else math.ceil
        self.told_s = whole(until.timestamp()) - now.timestamp()  # instants on the wire are whole seconds
        return {
            "seconds": {"retry-after": f"{self.wait_s:.0f}"},
            "date": {"retry-after": format_datetime(until, usegmt=True)},
            "reset": {"x-ratelimit-remaining": "0", "x-ratelimit-reset": str(math.ceil(until.timestamp()))},
            "both": {"retry-after": "1", "x-ratelimit-reset": str(math.ceil(until.timestamp()))},
            "endless": {"retry-after": "1000000000"},
            "negative": {"retry-after": "-20"},
            "garbage": {"retry-after": "soon", "x-ratelimit-reset": "tomorrow"},
            "past": {"retry-after": "Mon, 01 Jan 2001 00:00:00 GMT"},
            "nothing": {},
        }[self.form]


_ENDPOINTS: dict[str, Callable[[TwelveLabs], object]] = {
    "/indexes": lambda client: client.indexes.create(index_name="n", models=[IndexModel("marengo3.0", ("visual",))]),
    f"/assets/{ID}": lambda client: client.assets.retrieve(ID),
    f"/indexes/{ID}/indexed-assets": lambda client: client.indexes.indexed_assets.create(ID, asset_id=ID),
    f"/assets/multipart-uploads/{ID}": lambda client: client.multipart_upload.get_status(ID).first,
    "/search": lambda client: client.search.create(index_id=ID, search_options=["visual"], query_text="a"),
    "/obj": lambda client: client.storage.put_chunk(SIGNED_URL, lambda: iter([b"12345"]), 5, {}),
}
_TOLD: list[tuple[str, float, float]] = [
    # how it is said, the span meant, what it amounts to
    ("seconds", 7.0, 7.0),
    ("seconds", 600.0, 600.0),
    ("date", 30.0, 30.0),
    ("reset", 45.0, 45.0),
    ("reset", 1200.0, 1200.0),
    ("both", 20.0, 20.0),
    ("endless", 1e9, 3600.0),
    ("negative", 0.0, 0.0),
    ("garbage", 0.0, 0.0),
    ("past", 0.0, 0.0),
    ("nothing", 0.0, 0.0),
]


def test_f36_limits_in_every_form(row: Row) -> None:
    """Never earlier than told, later by no more than a second and the jitter; other endpoints go on meanwhile."""
    late_s = 0.0
    cases = 0
    for path, call in _ENDPOINTS.items():
        for form, meant_s, told_s in _TOLD:
            for body in (b"", b'{"code":"too_many_requests","message":"slow down"}', b"<html>"):
                cases += 1
                clock = FakeClock()
                clock.elapsed_s = row.random.uniform(0, 1000)
                wire = _Limited(clock, path, form, meant_s, body)
                policy = RetryPolicy(jitter=row.random.random)
                with TwelveLabs(
                    KEY, BASE_URL, clock=clock, retries=policy, transport=wire, storage_transport=wire
                ) as client:
                    _ask_until_served(client, call, clock, wire)
                assert wire.first_s is not None and len(wire.asked_s) == 1
                waited_s = wire.asked_s[0] - wire.first_s
                if form in ("date", "reset", "both"):
                    told_s = wire.told_s
                assert waited_s > told_s - 0.001, f"{path} {form}: {waited_s} s instead of {told_s} s"
                # What was not told is backed off from, at random, below the first bound.
                late_s = max(late_s, waited_s - told_s * 1.1 if told_s else waited_s - 1.1)
                assert wire.others > 0
    assert late_s < 1.01
    row.say(f"{cases} forms x endpoints: 0 requests earlier than told, at most {late_s:.2f} s late beyond jitter")


def _ask_until_served(
    client: TwelveLabs, call: Callable[[TwelveLabs], object], clock: FakeClock, wire: _Limited
) -> None:
    """As the engine does: what is to be waited for long is waited for outside, while other calls go on."""
    for _ in range(10):
        try:
            call(client)
        except ApiError as error:
            assert error.retry_after_s is not None
            before = clock.monotonic_s()
            client.entity_collections.retrieve(ID)
            assert clock.monotonic_s() == before, "another group was held back"
            clock.elapsed_s += error.retry_after_s
        else:
            client.entity_collections.retrieve(ID)
            return
    raise AssertionError("never served")


def test_f36_a_used_up_limit_is_not_run_into(row: Row) -> None:
    """With X-Ratelimit-* on good answers there is no 429 at all, however much there is to do."""
    clock = FakeClock()
    used: Counter[int] = Counter()
    refused = 0

    def answer(request: httpx.Request) -> httpx.Response:
        nonlocal refused
        server_s = clock.monotonic_s() + 5000.5
        window = int(server_s // 50)
        used[window] += 1
        refused += used[window] > 10
        clock.elapsed_s += 0.2
        instant = clock.now() + timedelta(seconds=5000.5)
        shift_s = instant.timestamp() - (clock.monotonic_s() + 5000.5)
        headers = {
            "date": format_datetime(instant.replace(microsecond=0), usegmt=True),
            "x-ratelimit-limit": "10",
            "x-ratelimit-remaining": str(max(0, 10 - used[window])),
            "x-ratelimit-reset": f"{(window + 1) * 50 + shift_s:.0f}",
        }
        return httpx.Response(429 if used[window] > 10 else 200, json={"data": []}, headers=headers)

    with TwelveLabs(KEY, BASE_URL, clock=clock, transport=httpx.MockTransport(answer)) as client:
        for _ in range(200):
            client.search.create(index_id=ID, search_options=["visual"], query_text="a")
    assert refused == 0
    row.say(f"200 calls at a limit of 10 in 50 s: {refused} refused, {clock.elapsed_s / 60:.1f} min")
    assert clock.elapsed_s < 50 * 20 * 1.15


@pytest.mark.merge
def test_f36_other_groups_go_on(row: Row, make_daemon: MakeDaemon, make_clip: MakeClip) -> None:
    """While one group of calls is paused for most of an hour, clips are uploaded and checked as before."""
    with make_daemon(factor=200) as daemon:
        name = "indexes.indexed_assets.create"
        rule = daemon.server.faults.answer(name, 429, headers={"Retry-After": "3000"})
        make_clip(daemon.footage / "first.mp4")
        daemon.start()
        daemon.wait_for(lambda: rule.hits, "the limit")
        clips = [make_clip(daemon.footage / f"{n}.mp4", pattern=n + 1) for n in range(3)]
        daemon.wait_for(lambda: len(daemon.workshop.remote_contents()) == 4, "the uploads during the pause")
        told = daemon.engine.report()["troubles"][0]
        assert told is not None and told["code"] == "rate_limited"
        asked = [entry.at_ms / 1000 for entry in daemon.server.ledger.calls(name)]
        assert len(asked) == 1, "the uploads were done before the pause was over"
        daemon.wait_for(daemon.all_done, "the end")
        asked = [entry.at_ms / 1000 for entry in daemon.server.ledger.calls(name)]
        assert asked[1] - asked[0] > 2999
        assert not any("failed" in daemon.workshop.history(clip.name) for clip in clips)
        row.say(f"indexing paused 3000 s: asked again after {asked[1] - asked[0]:.0f} s, 3 clips uploaded meanwhile")
        daemon.workshop.assert_clean()


# --- F37


def test_f37_half_an_hour_of_errors(row: Row) -> None:
    """While it lasts a handful of requests a minute; soon after it everything works; no burst then."""
    minutes_down, back_s, peaks = [], [], []
    for _ in range(row.times(every=2, merge=20, long=1000)):
        per_minute, until_well_s, peak = _outage(row, files=40)
        minutes_down.append(per_minute)
        back_s.append(until_well_s)
        peaks.append(peak)
    back_s.sort()
    middle_s, worst_s = back_s[len(back_s) // 2], back_s[-1]
    row.say(
        f"30 min of 503, {len(back_s)} times: at most {max(minutes_down):.1f} requests/min while down after the first "
        f"minute, first success after {middle_s:.0f} s (median), {worst_s:.0f} s (worst), "
        f"peak {max(peaks)} requests in the second of recovery"
    )
    assert max(minutes_down) < 15
    assert worst_s <= 900
    assert max(peaks) <= 100


def _outage(row: Row, *, files: int) -> tuple[float, float, int]:
    """Files that each poll one of six groups; the platform is down from minute 5 to minute 35."""
    clock = FakeClock()
    times: list[float] = []
    served: list[float] = []

    def answer(request: httpx.Request) -> httpx.Response:
        times.append(clock.monotonic_s())
        clock.elapsed_s += 0.02
        if 300 <= clock.monotonic_s() < 2100:
            return httpx.Response(503)
        served.append(clock.monotonic_s())
        return httpx.Response(200, json={"_id": ID, "data": []})

    calls: list[Callable[[TwelveLabs], object]] = [
        lambda client: client.assets.retrieve(ID),
        lambda client: client.indexes.retrieve(ID),
        lambda client: client.indexes.indexed_assets.retrieve(ID, ID),
        lambda client: client.multipart_upload.get_status(ID).first,
        lambda client: client.indexes.list().first,
        lambda client: client.indexes.indexed_assets.update(ID, ID, user_metadata={"a": 1}),
    ]
    due = [row.random.uniform(0, 60) for _ in range(files)]
    policy = RetryPolicy(jitter=row.random.random)
    with TwelveLabs(KEY, BASE_URL, clock=clock, retries=policy, transport=httpx.MockTransport(answer)) as client:
        while (at_s := min(due)) < 4000:
            number = due.index(at_s)
            clock.elapsed_s = max(clock.elapsed_s, at_s)
            try:
                calls[number % len(calls)](client)
                due[number] = clock.elapsed_s + 60
            except ApiError as error:
                wait_s = error.retry_after_s if error.retry_after_s is not None else 60.0
                due[number] = clock.elapsed_s + max(wait_s, 0.5) + row.random.uniform(0, 1)
    down = [one for one in times if 360 <= one < 2100]
    back = next(one for one in served if one >= 2100)
    per_second = Counter(int(one) for one in times if back <= one < back + 120)
    return len(down) / 29, back - 2100, max(per_second.values())


@pytest.mark.merge
@pytest.mark.long
def test_f37_the_whole_engine_recovers(row: Row, make_daemon: MakeDaemon, make_clip: MakeClip) -> None:
    """The same with the engine: nothing fails, nothing is charged, and all clips arrive soon after."""
    clips = row.times(every=4, merge=8, long=40)
    with make_daemon(factor=120) as daemon:
        for number in range(clips):
            make_clip(daemon.footage / f"{number}.mp4", pattern=number)
        daemon.start()
        daemon.wait_for(lambda: daemon.workshop.counts().get("storage.put", 0) >= 2, "the first chunks")
        daemon.server.faults.answer("*", 503, times=None)
        began = daemon.clock.now()
        daemon.wait_s(1800)
        daemon.server.faults.clear()
        ended = daemon.clock.now()
        daemon.wait_for(daemon.all_done, "the recovery", at_most_s=60)
        took_s = (daemon.clock.now() - ended).total_seconds()
        at_s = [entry.at_ms / 1000 for entry in daemon.server.ledger.calls()]
        down = [one for one in at_s if began.timestamp() + 60 <= one < ended.timestamp()]
        peak = max(Counter(int(one) for one in at_s if one >= ended.timestamp()).values())
        assert not any("failed" in daemon.workshop.history(name) for name in daemon.workshop.states())
        assert len(down) / 29 < 20
        assert took_s < 1800
        daemon.workshop.assert_clean()
        row.say(
            f"{clips} clips, 30 min of 503: {len(down) / 29:.1f} requests/min while down, all done "
            f"{took_s:.0f} s after, peak {peak} requests/s, 0 failures noted with files"
        )


# --- F38


@pytest.mark.merge
@pytest.mark.parametrize(("status", "code"), [(401, "unauthorized"), (402, "quota"), (403, "quota")])
def test_f38_key_revoked_or_plan_used_up(
    row: Row, make_daemon: MakeDaemon, make_clip: MakeClip, status: int, code: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Asking stops, but for once in a quarter of an hour; it is told once; after the fix it goes on by itself."""
    name = "*" if status == 401 else "multipart_upload.create"
    with make_daemon(factor=600) as daemon:
        daemon.server.faults.answer(name, status, times=None)
        for number in range(4):
            make_clip(daemon.footage / f"{number}.mp4", pattern=number)
        daemon.start()
        calls = daemon.server.ledger.calls
        daemon.wait_for(lambda: [entry for entry in calls() if entry.status == status], "the first refusal")
        first_s = next(entry.at_ms for entry in calls() if entry.status == status) / 1000
        daemon.wait_s(3000)
        refused = [entry.at_ms / 1000 for entry in calls() if entry.status == status]
        now_s = daemon.clock.now().timestamp()
        told = daemon.engine.report()["troubles"][0]
        assert told is not None and told["code"] == code
        later = [one for one in refused if one > first_s + 60]
        assert len(later) <= (now_s - first_s) / 900, f"asked at {[one - first_s for one in refused]}"
        assert len(refused) - len(later) <= 4, "those that were under way when the first came"
        warnings = [record for record in caplog.records if "waiting wait_s" in record.getMessage()]
        assert len([record for record in warnings if record.levelname == "WARNING"]) == 1
        daemon.server.faults.clear()
        daemon.wait_for(daemon.all_done, "the work after the fix")
        assert daemon.engine.report()["troubles"] == []
        assert not any("failed" in daemon.workshop.history(file) for file in daemon.workshop.states())
        daemon.workshop.assert_clean()
        row.say(f"{status}: {len(later)} requests in {(now_s - first_s) / 60:.0f} min after the first, told once")


# --- F39


@pytest.mark.parametrize("etag", ["0" * 32, None, "opaque-not-md5"])
def test_f39_wrong_missing_and_opaque_proofs(row: Row, hasty: Workshop, make_clip: MakeClip, etag: str | None) -> None:
    """A proof that is wrong or missing sends the chunk again; one that proves nothing is taken as it is."""
    workshop = hasty
    clip = make_clip(workshop.footage / "clip.mp4")
    rule = workshop.server.faults.etag(etag, nth=2)
    sync(workshop)
    assert rule.hits == 1
    puts = [chunk.puts for chunk in workshop.server.ledger.puts()]
    if etag == "opaque-not-md5":
        # The sandbox compares proofs and refuses the report; what matters is that storage was believed.
        assert set(workshop.remote_contents()) <= {sha256_of(clip)} and max(puts) == 1
    else:
        assert_arrived(workshop, clip)
        assert sum(puts) == len(puts) + 1
    row.say(f"etag {etag!r}: {sum(puts) - len(puts)} chunks sent again, 0 wrong assembled hashes")


@pytest.mark.merge
def test_f39_bits_flipped_on_the_way(row: Row, make_daemon: MakeDaemon, make_clip: MakeClip) -> None:
    """A line to storage that changes a bit in half of the connections: the right bytes arrive in the end."""
    with make_daemon(factor=20, proxied="storage") as daemon:
        assert daemon.proxy is not None
        daemon.proxy.line.fault, daemon.proxy.line.after_bytes, daemon.proxy.line.share = "flip", 10_000, 0.5
        clips = [make_clip(daemon.footage / f"{n}.mp4", pattern=n) for n in range(3)]
        daemon.start()
        daemon.wait_for(daemon.all_done, "the clips")
        assert set(daemon.workshop.remote_contents()) == {sha256_of(clip) for clip in clips}
        daemon.workshop.assert_clean()
        row.say(f"{daemon.proxy.struck} bits flipped: 0 wrong assembled hashes of {len(clips)}")
        assert daemon.proxy.struck > 0


# --- F41


def _polls(daemon: FastDaemon, name: str) -> list[float]:
    return [entry.at_ms / 1000 for entry in daemon.server.ledger.calls(name)]


@pytest.mark.merge
@pytest.mark.parametrize(
    ("kind", "poll"),
    [("asset", "assets.retrieve"), ("indexed_asset", "indexes.indexed_assets.retrieve")],
)
def test_f41_stuck_on_the_platform(
    row: Row, make_daemon: MakeDaemon, make_clip: MakeClip, kind: str, poll: str
) -> None:
    """What does not get ready is asked for as scheduled, more and more seldom, and never sent again."""
    with make_daemon(factor=100, poll_s=5.0) as daemon:
        daemon.server.faults.stall(kind)
        make_clip(daemon.footage / "clip.mp4")
        daemon.start()
        daemon.wait_for(lambda: len(_polls(daemon, poll)) >= 2, "the first polls")
        daemon.wait_s(600)
        asked = _polls(daemon, poll)
        due_s, faster = 0.0, 0
        for number, at_s in enumerate(asked):
            faster += at_s - asked[0] < due_s - 1.0
            due_s += min(5.0 * 1.5**number, 60.0)
        assert faster == 0, f"{[at_s - asked[0] for at_s in asked]}"
        assert daemon.workshop.counts()["multipart_upload.create"] == 1
        row.say(f"{kind} stuck: {len(asked)} polls in 10 min, {faster} faster than scheduled, 0 uploads more")


@pytest.mark.merge
@pytest.mark.parametrize("what", ["asset failed", "index failed", "asset vanished", "entry vanished"])
def test_f41_failed_or_gone_on_the_platform(row: Row, make_daemon: MakeDaemon, make_clip: MakeClip, what: str) -> None:
    """It is told with the file, and neither uploaded nor indexed again until somebody asks for it."""
    kind = "asset" if what.startswith("asset") else "indexed_asset"
    with make_daemon(factor=100) as daemon:
        faults = daemon.server.faults
        rule = faults.fail(kind) if what.endswith("failed") else faults.stall(kind)
        make_clip(daemon.footage / "clip.mp4")
        daemon.start()
        daemon.wait_for(lambda: rule.hits, "the work")
        if what.endswith("vanished"):
            waiting = "uploaded" if kind == "asset" else "indexing"
            daemon.wait_for(lambda: daemon.workshop.states() == {"clip.mp4": waiting}, "the wait")
            _remove(daemon, kind)
        daemon.wait_for(lambda: daemon.workshop.states() == {"clip.mp4": "failed"}, "the failure")
        before = daemon.workshop.counts()
        daemon.wait_s(600)
        after = daemon.workshop.counts()
        for name in ("multipart_upload.create", "storage.put", "indexes.indexed_assets.create"):
            assert after.get(name) == before.get(name), f"{name} again"
        view = daemon.workshop.files()["clip.mp4"]
        assert "retry" in view.hint
        row.say(f"{what}: told with the file ({view.reason}), 0 calls that make something in 10 min after")


def _remove(daemon: FastDaemon, kind: str) -> None:
    with TwelveLabs(daemon.server.api_key, daemon.server.base_url) as other:
        if kind == "asset":
            for sessions in daemon.server.ledger.sessions():
                other.assets.delete(sessions["asset_id"])
            return
        (index,) = list(other.indexes.list())
        for entry in other.indexes.indexed_assets.list(str(index.id)):
            other.indexes.indexed_assets.delete(str(index.id), str(entry.id))


def test_f41_a_stop_event_ends_every_wait(row: Row, make_daemon: MakeDaemon, make_clip: MakeClip) -> None:
    """With everything down and held back, the daemon still stops at once."""
    with make_daemon(factor=20) as daemon:
        daemon.server.faults.answer("*", 503, times=None)
        make_clip(daemon.footage / "clip.mp4")
        daemon.start()
        daemon.wait_for(lambda: daemon.engine.report()["troubles"], "the trouble")
    assert not [one for one in threading.enumerate() if one.name.startswith("tlsync-") and one.is_alive()]
