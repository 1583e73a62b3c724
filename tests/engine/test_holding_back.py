"""A pause that comes in the middle of a step that makes several calls."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.workshop import Workshop
from tlsync.engine.engine import Engine
from tlsync.engine.texts import Text, Texts
from tlsync.models import EnrichmentKind, IndexedAssetId

MakeClip = Callable[..., Path]


def test_texts_are_not_asked_for_during_a_pause_and_those_that_came_are_kept(
    workshop: Workshop, make_clip: MakeClip, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_clip(workshop.footage / "clip.mp4")
    engines: list[Engine] = []
    asked: list[str] = []
    during_pause: list[list[str]] = []
    real = Texts._predefined

    def go_on() -> None:
        during_pause.append(list(asked))
        engines[0].hold_back(False)

    later = threading.Timer(0.4, go_on)

    def predefined(self: Texts, video_id: IndexedAssetId, kind: EnrichmentKind) -> Text:
        asked.append(kind)
        if len(asked) == 2:
            engines[0].hold_back(True)
            later.start()
        return real(self, video_id, kind)

    monkeypatch.setattr(Texts, "_predefined", predefined)
    summary = workshop.sync(before=engines.append)
    later.join()
    assert len(during_pause[0]) == 2
    assert summary.enriched == 1
    assert sorted(asked) == ["chapters", "gist", "highlights", "summary"]  # none twice: they are paid for
    workshop.assert_clean()
