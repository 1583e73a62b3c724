"""Settings: defaults, the example file, and mistakes told with their lines."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tlsync.config import (
    DEFAULT_INCLUDE,
    LimitSettings,
    RootSettings,
    Settings,
    check_base_url,
    load_settings,
    parse_settings,
)
from tlsync.config.places import data_folder
from tlsync.config.reading import Table
from tlsync.config.toml_lines import find_lines
from tlsync.engine.effective_limits import limits_for
from tlsync.errors import ConfigError
from tlsync.timetable import constant

EXAMPLE = Path(__file__).parent.parent / "config.example.toml"


def mistakes(text: str) -> list[str]:
    """What is wrong with these settings, one line each."""
    with pytest.raises(ConfigError) as caught:
        parse_settings(text, "config.toml")
    return caught.value.message.splitlines()


def only_mistake(text: str) -> str:
    (mistake,) = mistakes(text)
    return mistake


# Defaults and the example


def test_an_empty_file_gives_the_defaults() -> None:
    assert parse_settings("", "config.toml") == Settings(data_folder())


def test_the_example_holds_the_defaults(clean_environment: Path) -> None:
    root = RootSettings(path=clean_environment / "Footage")
    assert parse_settings(EXAMPLE.read_text("utf-8"), "x") == Settings(data_folder(), roots=(root,))


def uncommented() -> str:
    """The example with its optional settings switched on."""
    return re.sub(r"(?m)^# (?=[a-z_]+ = |\[\[)", "", EXAMPLE.read_text("utf-8"))


@pytest.mark.skipif(sys.platform != "linux", reason="the example names the Linux folder")
def test_the_commented_settings_of_the_example_are_the_defaults() -> None:
    settings = parse_settings(uncommented(), "x")
    assert settings.state_dir == data_folder()
    assert limits_for(settings) == limits_for(Settings(data_folder()))
    assert settings.limits != LimitSettings()


def test_the_example_names_every_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the code asks for and what the example names are the same."""
    asked: set[tuple[str, str]] = set()
    take = Table._take

    def noted(table: Table, key: str) -> object:
        asked.add((table.place(key)[0], key))
        return take(table, key)

    monkeypatch.setattr(Table, "_take", noted)
    parse_settings(uncommented(), "x")
    lines = find_lines(uncommented())
    named = {(table, key) for table, _, key in lines if key is not None}
    tables = {("", table) for table, _, key in lines if key is None}
    assert asked == named | tables
    sections = set(Settings._fields) - {"state_dir", "roots", "hooks"}
    assert {table for _, table in tables} == sections | {"root", "hook"}


def test_the_default_patterns_are_the_usual_types() -> None:
    assert {"*.mp4", "*.mov", "*.mxf", "*.wav", "*.mp3", "*.flac"} <= set(DEFAULT_INCLUDE)
    assert "*.jpg" not in DEFAULT_INCLUDE


def test_importing_settings_is_cheap() -> None:
    """Every command reads them: none pays for libraries that it may not need."""
    code = (
        "import sys, tlsync.config, tlsync.api_key, tlsync.logs;"
        "sys.exit(bool({'httpx', 'av', 'sqlite_utils', 'rich', 'msgspec', 'click'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


# Values


def test_every_setting_is_read(tmp_path: Path, clean_environment: Path) -> None:
    settings = parse_settings(
        f"""
        state_dir = "~/state"
        [platform]
        base_url = "http://127.0.0.1:8080/v1.3/"
        api_key_file = "{tmp_path}/key"
        [index]
        models = ["marengo3.0"]
        model_options = ["audio"]
        addons = []
        [[root]]
        path = "{tmp_path}/a/../footage/"
        index = "one"
        include = ["*.mov"]
        exclude = ["proxies/"]
        watch = "polling"
        [[root]]
        path = "{tmp_path}/more"
        [sync]
        settle = "2.5 s"
        rescan = "1h"
        poll = "500 ms"
        [upload]
        workers = 8
        bandwidth = "20 MB/s"
        verify_chunks = false
        [analysis]
        source = "analyze"
        kinds = ["gist"]
        [sidecar]
        location = "central"
        captions = ["srt", "vtt"]
        [limits]
        max_size = "10 GB"
        min_duration = "1 s"
        max_aspect = 3
        """,
        "config.toml",
    )
    assert settings.state_dir == clean_environment / "state"
    assert settings.platform.base_url == "http://127.0.0.1:8080/v1.3"
    assert settings.platform.api_key_file == tmp_path / "key"
    assert settings.index.models == ("marengo3.0",)
    assert (settings.index.model_options, settings.index.addons) == (("audio",), ())
    assert settings.roots == (
        RootSettings(tmp_path / "footage", "one", ("*.mov",), ("proxies/",), "polling"),
        RootSettings(tmp_path / "more"),
    )
    assert (settings.sync.settle_s, settings.sync.rescan_s, settings.sync.poll_s) == (2.5, 3600.0, 0.5)
    assert settings.upload.workers == 8
    assert settings.upload.bandwidth == constant(20_000_000)
    assert not settings.upload.verify_chunks
    assert (settings.analysis.source, settings.analysis.kinds) == ("analyze", ("gist",))
    assert (settings.sidecar.location, settings.sidecar.captions) == ("central", ("srt", "vtt"))
    assert settings.limits == LimitSettings(max_size_bytes=10**10, min_duration_s=1.0, max_aspect=3.0)


def test_a_limit_of_the_settings_replaces_that_of_the_models() -> None:
    limits = limits_for(parse_settings('[limits]\nmax_duration = "2 h"\n', "x"))
    assert (limits.max_duration_s, limits.min_side_px) == (7200.0, 360)


# Mistakes


def test_an_unknown_key_names_its_line_and_the_nearest_right_one() -> None:
    text = "\n" * 12 + "[upload]\nworker = 4\n"
    assert only_mistake(text) == "config.toml:14: [upload] unknown key 'worker'; did you mean 'workers'?"


def test_an_unknown_table_names_its_line() -> None:
    text = "[sync]\n\n[uploads]\nworkers = 3\n"
    assert only_mistake(text) == "config.toml:3: unknown key 'uploads'; did you mean 'upload'?"


def test_a_key_that_is_like_no_other_gets_the_list() -> None:
    assert only_mistake("[analysis]\nzzz = 1") == "config.toml:2: [analysis] unknown key 'zzz'; known are source, kinds"


@pytest.mark.parametrize(
    ("text", "mistake"),
    [
        ('[upload]\nworkers = "4"', ":2: [upload] workers: must be a whole number from 1 to 32, not '4'"),
        ("[upload]\nworkers = 0", ":2: [upload] workers: must be a whole number from 1 to 32, not 0"),
        ("[upload]\nworkers = true", ":2: [upload] workers: must be a whole number from 1 to 32, not True"),
        ("[upload]\nverify_chunks = 1", ":2: [upload] verify_chunks: must be true or false, not 1"),
        ('[upload]\nbandwidth = "20 MB"', ":2: [upload] bandwidth: '20 MB' is not a rate; write it like \"20 MB/s\""),
        ("[upload]\nbandwidth = 20", ":2: [upload] bandwidth: must be a text in quotes, not 20"),
        ('[sync]\nsettle = "10"', ":2: [sync] settle: '10' is not a duration; write it like \"10 s\""),
        ('[sync]\nrescan = "0 s"', ":2: [sync] rescan: '0 s' is too little"),
        ('[analysis]\nsource = "both"', ":2: [analysis] source: 'both' is not one of auto, predefined, analyze"),
        ('[analysis]\nkinds = ["gist", "poem"]', ":2: [analysis] kinds: 'poem' is not one of summary, chapters,"),
        ('[analysis]\nkinds = "gist"', ":2: [analysis] kinds: must be a list of texts"),
        ('[sidecar]\nlocation = ["beside"]', ":2: [sidecar] location: ['beside'] is not one of beside,"),
        ('[sidecar]\ncaptions = ["ass"]', ":2: [sidecar] captions: 'ass' is not one of srt, vtt"),
        ("[index]\nmodels = []", ":2: [index] models: needs at least 1"),
        ("[limits]\nmax_aspect = 0.5", ":2: [limits] max_aspect: must be a number from 1 on, not 0.5"),
        ("[limits]\nmax_aspect = nan", ":2: [limits] max_aspect: must be a number from 1 on, not nan"),
        ('[limits]\nmax_size = "0 B"', ":2: [limits] max_size: '0 B' is too little"),
        ('state_dir = "here"', ":1: state_dir: 'here' must be a whole path"),
        ("upload = 3", ":1: upload: must be a table, written [upload]"),
        ("root = 3", ":1: root: must be written [[root]]"),
        ('[root]\npath = "/a"', ":1: root: must be written [[root]]"),
        ('[[root]]\nindex = "a"', ":1: [[root]] a root needs a path"),
        ('[[root]]\npath = ""', ":2: [[root]] a root needs a path"),
        ("[[root]]\npath = 5", ":2: [[root]] path: must be a text in quotes, not 5"),
        ('[[root]]\npath = "footage"', ":2: [[root]] path: 'footage' must be a whole path"),
        ('[[root]]\npath = "~nobody-here/x"', ":2: [[root]] path: '~nobody-here/x': there is no such user"),
        ('[[root]]\npath = "/a"\nindex = " "', ":3: [[root]] an index needs a name"),
        ('[[root]]\npath = "/a"\nwatch = "pol"', ":3: [[root]] watch: 'pol' is not one of auto, events, polling"),
        ('[[root]]\npath = "/a"\n[[root]]\npath = "/b"\nindx = 1', ":5: [[root]] unknown key 'indx'; did you mean"),
    ],
)  # fmt: skip
def test_a_mistake_is_told_with_its_line_and_what_is_allowed(text: str, mistake: str) -> None:
    assert only_mistake(text).startswith("config.toml" + mistake)


def test_all_mistakes_are_told_at_once_in_order() -> None:
    found = mistakes('[sync]\nsettle = "x"\n[upload]\nworkers = 99\nspeed = 1\n[[root]]\nwatch = "x"\n')
    assert [line.split(":")[1] for line in found] == ["2", "4", "5", "6", "7"]


def test_what_is_no_toml_names_line_and_column() -> None:
    assert "not TOML: Invalid value (at line 2, column 11)" in only_mistake("[upload]\nworkers = \n")


@pytest.mark.parametrize(("first", "second"), [("/a/b", "/a"), ("/a", "/a/b/c"), ("/a/b/../c", "/a/c/d")])
def test_a_root_in_a_root_is_refused_and_both_are_named(first: str, second: str) -> None:
    """A file below both would be uploaded twice."""
    mistake = only_mistake(f'[[root]]\npath = "{first}"\n[[root]]\npath = "{second}"\n')
    assert mistake.startswith(f"config.toml:4: [[root]] {second} and ")
    assert mistake.endswith("one root must not lie in another")


def test_roots_whose_names_begin_alike_are_fine() -> None:
    assert len(parse_settings('[[root]]\npath = "/a/foo"\n[[root]]\npath = "/a/foobar"\n', "x").roots) == 2


def test_a_root_named_twice_is_refused() -> None:
    assert "/a is named twice" in only_mistake('[[root]]\npath = "/a"\n[[root]]\npath = "/a/"\n')


def test_links_do_not_hide_that_roots_are_the_same(tmp_path: Path) -> None:
    (tmp_path / "footage" / "day1").mkdir(parents=True)
    (tmp_path / "link").symlink_to(tmp_path / "footage")
    (tmp_path / "day").symlink_to(tmp_path / "footage" / "day1")
    roots = '[[root]]\npath = "{0}/footage"\n[[root]]\npath = "{0}/{1}"\n'
    assert "named twice, as" in only_mistake(roots.format(tmp_path, "link"))
    assert "must not lie in another" in only_mistake(roots.format(tmp_path, "day"))


def test_a_root_that_is_not_there_is_fine() -> None:
    """The drive may be unplugged."""
    settings = parse_settings('[[root]]\npath = "/media/nobody/drive"\n', "x")
    assert settings.roots[0].path == Path("/media/nobody/drive")


# Where the key goes


@pytest.mark.parametrize(
    "url", ["https://api.example/v1.3/", "http://localhost:5000/v1.3", "http://127.0.0.1:1", "http://[::1]:8080/v1.3"]
)
def test_base_urls_are_encrypted_or_this_machine(url: str) -> None:
    assert check_base_url(url) == url.rstrip("/")


@pytest.mark.parametrize(
    "url",
    [
        "http://api.example/v1.3",
        "http://127.0.0.1.evil.example/",
        "http://localhost.evil.example/",
        "ftp://api.example",
        "api.example/v1.3",
        "https://",
        "https://user:secret@api.example/",
        "https://api.example/?key=1",
        "https://api.example/#x",
        "https://[::1",
        "https://api.example:99999/",
        "",
    ],
)
def test_other_base_urls_are_refused(url: str) -> None:
    mistake = only_mistake(f'[platform]\nbase_url = "{url}"\n')
    assert mistake.startswith("config.toml:2: [platform] base_url: ")
    assert "secret" not in mistake


# Which file


def write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, "utf-8")
    return path


def test_the_named_file_wins_over_the_environment(tmp_path: Path) -> None:
    named = write(tmp_path / "a.toml", "[upload]\nworkers = 1\n")
    other = write(tmp_path / "b.toml", "[upload]\nworkers = 2\n")
    assert load_settings(named, profile=None, env={"TLSYNC_CONFIG": str(other)}).upload.workers == 1
    assert load_settings(None, profile=None, env={"TLSYNC_CONFIG": str(other)}).upload.workers == 2


@pytest.mark.skipif(sys.platform != "linux", reason="other systems have other places")
def test_the_users_file_is_found(clean_environment: Path) -> None:
    write(clean_environment / ".config/tlsync/config.toml", "[upload]\nworkers = 3\n")
    settings = load_settings(None, profile=None, env={})
    assert settings.upload.workers == 3
    assert settings.state_dir == clean_environment / ".local/share/tlsync"


@pytest.mark.skipif(sys.platform != "linux", reason="other systems have other places")
def test_a_profile_has_its_own_file_and_state_folder(clean_environment: Path) -> None:
    write(clean_environment / ".config/tlsync/config.nas.toml", "[upload]\nworkers = 3\n")
    settings = load_settings(None, profile="nas", env={})
    assert settings.upload.workers == 3
    assert settings.state_dir == clean_environment / ".local/share/tlsync/nas"


@pytest.mark.parametrize("name", ["", "../x", "a/b", "a b", "a\0b", "."])
def test_a_profile_name_is_no_path(name: str) -> None:
    with pytest.raises(ConfigError, match="no name for a profile"):
        load_settings(None, profile=name, env={})


def test_no_file_at_all_says_where_to_put_it(clean_environment: Path) -> None:
    with pytest.raises(ConfigError, match=r"config\.toml: there is no settings file") as caught:
        load_settings(None, profile=None, env={})
    assert str(clean_environment) in caught.value.message
    assert "config.example.toml" in caught.value.hint


def test_a_file_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    (tmp_path / "broken.toml").write_bytes(b"\xff\xfe")
    for path in (tmp_path, tmp_path / "broken.toml"):
        with pytest.raises(ConfigError, match="can't be read"):
            load_settings(path, profile=None, env={})


def test_the_environment_wins_over_the_file(tmp_path: Path) -> None:
    path = write(tmp_path / "a.toml", 'state_dir = "/a"\n[platform]\nbase_url = "https://one.example"\n')
    env = {"TLSYNC_STATE_DIR": str(tmp_path / "state"), "TWELVELABS_BASE_URL": "http://127.0.0.1:9/v1.3/"}
    settings = load_settings(path, profile=None, env=env)
    assert settings.state_dir == tmp_path / "state"
    assert settings.platform.base_url == "http://127.0.0.1:9/v1.3"


def test_a_wrong_base_url_of_the_environment_is_told_by_its_name(tmp_path: Path) -> None:
    path = write(tmp_path / "a.toml", "")
    with pytest.raises(ConfigError, match="TWELVELABS_BASE_URL"):
        load_settings(path, profile=None, env={"TWELVELABS_BASE_URL": "http://api.example"})


# Lines


def test_lines_are_found_in_files_as_people_write_them() -> None:
    text = 'a = 1  # first\n\n[ one ] # table\n"b" = [\n  1,\n]\n  [[two]]\nc.d = 1\n[[two]]\nc = 2\n'
    assert find_lines(text) == {
        ("", None, "a"): 1,
        ("one", None, None): 3,
        ("one", None, "b"): 4,
        ("two", 0, None): 7,
        ("two", 0, "c"): 8,
        ("two", 1, None): 9,
        ("two", 1, "c"): 10,
    }


@given(st.text(alphabet="[]=\"#ab.\n \\'", max_size=60))
def test_any_text_gives_settings_or_a_config_error(text: str) -> None:
    find_lines(text)
    try:
        parse_settings(text, "config.toml")
    except ConfigError:
        pass


def test_settings_that_are_yet_to_be_made_are_the_defaults(tmp_path: Path) -> None:
    """`tlsync init` and `tlsync auth` come before the file, also where one is named."""
    file = tmp_path / "config.work.toml"
    settings = load_settings(file, profile="work", env={}, is_to_be_made=True)
    assert settings.roots == ()
    assert settings.platform.login_file == tmp_path / "config.work.keys.json"
    assert settings.platform.profile == "work"
    with pytest.raises(ConfigError, match="no settings file") as caught:
        load_settings(file, profile=None, env={}, may_be_missing=True)
    assert "tlsync init" in caught.value.hint
