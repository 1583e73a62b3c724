from __future__ import annotations

from datetime import UTC, datetime

import pytest

from tlsync.api.server_time import ServerTime, asked_wait_s, http_date, retry_after_s

from .helpers import FakeClock

NOW = datetime(2025, 11, 22, 12, 0, tzinfo=UTC)
DATE = "Sat, 22 Nov 2025 12:00:00 GMT"
EPOCH = int(NOW.timestamp())


@pytest.mark.parametrize(
    ("headers", "wait_s"),
    [
        ({}, None),
        ({"retry-after": "7"}, 7.0),
        ({"retry-after": "1.5"}, 1.5),
        ({"retry-after": "0"}, 0.0),
        ({"retry-after": "Sat, 22 Nov 2025 12:00:30 GMT", "date": DATE}, 30.0),
        ({"retry-after": "Sat, 22 Nov 2025 11:00:00 GMT", "date": DATE}, 0.0),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "-5"}, None),
        ({"retry-after": "nan"}, None),
        ({"retry-after": "9" * 400}, None),
        ({"retry-after": ""}, None),
        ({"x-ratelimit-reset": str(EPOCH + 40), "date": DATE}, 40.0),
        ({"x-ratelimit-reset": str(EPOCH - 40), "date": DATE}, 0.0),
        ({"x-ratelimit-reset": str(EPOCH + 40), "date": DATE, "retry-after": "5"}, 40.0),
        ({"x-ratelimit-reset": str(EPOCH + 4), "date": DATE, "retry-after": "50"}, 50.0),
        ({"x-ratelimit-reset": "tomorrow"}, None),
        # The local clock is an hour off; the Date of the answer counts.
        ({"x-ratelimit-reset": str(EPOCH + 3610), "date": "Sat, 22 Nov 2025 13:00:00 GMT"}, 10.0),
    ],
)
def test_how_long_the_platform_wants_us_to_wait(headers: dict[str, str], wait_s: float | None) -> None:
    assert asked_wait_s(headers, NOW) == wait_s


@pytest.mark.parametrize("text", ["", "nonsense", "Sat, 99 Nov 2025 12:00:00 GMT", "0", "Sat, 22 Nov 99999 1:1:1 GMT"])
def test_what_is_no_date(text: str) -> None:
    assert http_date(text) is None


def test_the_platforms_clock_is_the_median_of_what_it_said(clock: FakeClock) -> None:
    server_time = ServerTime(clock)
    assert server_time.now() == clock.now()
    for minute in (10, 10, 59, 10, 0):
        server_time.note({"date": f"Sat, 22 Nov 2025 12:{minute:02}:00 GMT"})
    assert server_time.now() == datetime(2025, 11, 22, 12, 10, tzinfo=UTC)
    server_time.note({"date": "nonsense"})
    server_time.note({})
    assert server_time.now() == datetime(2025, 11, 22, 12, 10, tzinfo=UTC)


def test_a_fault_is_waited_for_as_retry_after_says_alone() -> None:
    """Times of a limit may stand on any answer."""
    headers = {"x-ratelimit-reset": str(int(NOW.timestamp()) + 900)}
    assert retry_after_s(headers, NOW) is None
    assert retry_after_s(headers | {"retry-after": "7"}, NOW) == 7
