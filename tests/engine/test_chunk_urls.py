"""Presigned URLs: each once, in time, and never more asked for than a call gives."""

from __future__ import annotations

from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.conftest import FakeClock
from tlsync.api.types import AdditionalPresignedUrls, PresignedUrlChunk
from tlsync.clock import to_text
from tlsync.engine.chunk_urls import ChunkUrls
from tlsync.errors import BadAnswer
from tlsync.models import UploadId


class Platform:
    """Makes URLs and remembers what was asked for."""

    def __init__(self, clock: FakeClock, *, gives: bool = True) -> None:
        self.asked: list[tuple[int, int]] = []
        self.multipart_upload = SimpleNamespace(get_additional_presigned_urls=self._more)
        self._clock = clock
        self._gives = gives

    def _more(self, upload_id: str, *, start: int, count: int) -> AdditionalPresignedUrls:
        self.asked.append((start, count))
        numbers = range(start, start + count) if self._gives else ()
        return AdditionalPresignedUrls(upload_urls=tuple(self.url(number) for number in numbers))

    def url(self, number: int, life_s: float = 3600) -> PresignedUrlChunk:
        expires_at = to_text(self._clock.now() + timedelta(seconds=life_s))
        return PresignedUrlChunk(chunk_index=number, url=f"https://s/{number}/{len(self.asked)}", expires_at=expires_at)


def urls_of(platform: Any, clock: FakeClock, wanted: range, first: tuple[PresignedUrlChunk, ...] = ()) -> ChunkUrls:
    return ChunkUrls(platform, UploadId("u"), wanted, first, clock)


def test_first_urls_are_used_before_more_are_asked_for(fake_clock: FakeClock) -> None:
    platform = Platform(fake_clock)
    urls = urls_of(platform, fake_clock, range(1, 4), (platform.url(1), platform.url(2)))
    assert [urls.take(1), urls.take(2)] == ["https://s/1/0", "https://s/2/0"]
    assert platform.asked == []
    assert urls.take(3) == "https://s/3/1"
    assert platform.asked == [(3, 1)]


def test_a_url_is_handed_out_once(fake_clock: FakeClock) -> None:
    platform = Platform(fake_clock)
    urls = urls_of(platform, fake_clock, range(1, 3), (platform.url(1),))
    assert urls.take(1) != urls.take(1)


@pytest.mark.parametrize(("age_s", "asks"), [(2800, 0), (2900, 1), (4000, 1)])
def test_a_url_is_not_used_in_the_last_fifth_of_its_hour(fake_clock: FakeClock, age_s: float, asks: int) -> None:
    platform = Platform(fake_clock)
    urls = urls_of(platform, fake_clock, range(1, 2), (platform.url(1),))
    fake_clock.advance(age_s)
    urls.take(1)
    assert len(platform.asked) == asks


def test_a_shorter_life_is_kept_to(fake_clock: FakeClock) -> None:
    platform = Platform(fake_clock)
    urls = urls_of(platform, fake_clock, range(1, 2), (platform.url(1, life_s=100),))
    fake_clock.advance(90)
    urls.take(1)
    assert platform.asked == [(1, 1)]


def test_no_url_at_all_is_an_answer_that_was_not_agreed(fake_clock: FakeClock) -> None:
    with pytest.raises(BadAnswer, match="chunk 1"):
        urls_of(Platform(fake_clock, gives=False), fake_clock, range(1, 2)).take(1)


@given(st.integers(1, 300))
def test_every_call_asks_for_one_to_fifty_within_the_file(total: int) -> None:
    clock = FakeClock()
    platform = Platform(clock)
    urls = urls_of(platform, clock, range(1, total + 1))
    for number in range(1, total + 1):
        urls.take(number)
    assert all(1 <= count <= 50 and start + count - 1 <= total for start, count in platform.asked)
    assert len(platform.asked) == -(-total // 50)


def test_a_url_that_nothing_was_sent_to_is_given_back(fake_clock: FakeClock) -> None:
    """The call was held back: no fresh one is asked for when it may go."""
    platform = Platform(fake_clock)
    urls = urls_of(platform, fake_clock, range(1, 3), (platform.url(1), platform.url(2)))
    taken = urls.take(1)
    urls.give_back(1)
    assert urls.take(1) == taken
    urls.used(1)
    urls.give_back(1)
    assert urls.take(1) != taken
    assert len(platform.asked) == 1


def test_a_url_that_was_given_back_is_not_used_past_its_time(fake_clock: FakeClock) -> None:
    platform = Platform(fake_clock)
    urls = urls_of(platform, fake_clock, range(1, 2), (platform.url(1),))
    taken = urls.take(1)
    urls.give_back(1)
    fake_clock.advance(3600)
    assert urls.take(1) != taken


def test_urls_that_will_be_needed_are_asked_for_ahead(fake_clock: FakeClock) -> None:
    platform = Platform(fake_clock)
    urls = urls_of(platform, fake_clock, range(1, 100), tuple(platform.url(number) for number in range(1, 4)))
    urls.ask_ahead([1, 2, 3])
    assert platform.asked == []
    urls.ask_ahead([2, 3, 4])
    urls.ask_ahead([3, 4, 5])
    assert platform.asked == [(4, 50)]
    assert [urls.take(number) for number in range(3, 6)] == ["https://s/3/0", "https://s/4/1", "https://s/5/1"]
    assert platform.asked == [(4, 50)]


def test_urls_that_grow_old_are_asked_for_ahead_again(fake_clock: FakeClock) -> None:
    platform = Platform(fake_clock)
    urls = urls_of(platform, fake_clock, range(1, 3), (platform.url(1), platform.url(2)))
    fake_clock.advance(3000)
    urls.ask_ahead([2])
    assert platform.asked == [(2, 1)]


def test_trouble_with_asking_ahead_is_left_to_whoever_needs_the_url(fake_clock: FakeClock) -> None:
    platform = Platform(fake_clock)

    def refuse(upload_id: str, *, start: int, count: int) -> AdditionalPresignedUrls:
        platform.asked.append((start, count))
        raise BadAnswer("no")

    platform.multipart_upload = SimpleNamespace(get_additional_presigned_urls=refuse)
    urls = urls_of(platform, fake_clock, range(1, 3))
    urls.ask_ahead([1, 2])
    urls.ask_ahead([1, 2])
    assert platform.asked == [(1, 2)]
    with pytest.raises(BadAnswer):
        urls.take(1)
