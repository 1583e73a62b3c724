"""Which models' limits count: those of the index once it is there, the most generous possible before."""

from __future__ import annotations

from pathlib import Path

from tlsync.clock import SystemClock
from tlsync.config import IndexSettings, LimitSettings, Settings
from tlsync.engine.effective_limits import limits_for, searching_models, widest_limits
from tlsync.models import IndexId
from tlsync.store.store import Store

HOUR_S = 3600.0


def test_the_index_has_the_last_word() -> None:
    settings = Settings(Path("state"))
    assert limits_for(settings).max_duration_s == HOUR_S
    assert limits_for(settings, ("marengo3.0", "pegasus1.2")).max_duration_s == HOUR_S
    assert limits_for(settings, ("marengo3.0",)).max_duration_s == 4 * HOUR_S
    assert widest_limits(settings) == limits_for(settings, ("marengo3.0",))


def test_the_settings_change_every_limit() -> None:
    settings = Settings(Path("state"), limits=LimitSettings(max_duration_s=600.0))
    assert limits_for(settings, ("marengo3.0",)).max_duration_s == 600.0
    assert widest_limits(settings).max_duration_s == 600.0


def test_an_index_for_texts_alone_has_no_other_models_to_fall_back_on() -> None:
    assert searching_models(("pegasus1.2",)) == ("pegasus1.2",)
    assert widest_limits(Settings(Path("state"), index=IndexSettings(models=("pegasus1.2",)))).max_duration_s == HOUR_S


def test_another_index_name_forgets_the_models_of_the_old_index(tmp_path: Path) -> None:
    with Store(tmp_path, SystemClock()) as store:
        store.roots.ensure(Path("/footage"), "clips")
        store.roots.set_index("clips", IndexId("65f0b0000000000000000a01"), ("marengo3.0",))
        assert store.roots.ensure(Path("/footage"), "clips").index_models == ("marengo3.0",)
        assert store.roots.ensure(Path("/footage"), "others").index_models == ()
