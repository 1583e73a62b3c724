"""All settings, frozen. Their defaults are here and in config.example.toml.

Named tuples, whose annotations are no strings: every command waits for all of them to be made, and a dataclass takes
six times as long, a string in an annotation as long as the rest of its field.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Literal, NamedTuple

from tlsync.ids import ENRICHMENT_KINDS, EnrichmentKind

if TYPE_CHECKING:
    from tlsync.hours import Hours
    from tlsync.timetable import Timetable

DEFAULT_INCLUDE = tuple(
    f"*.{ending}"
    for ending in (
        *("mp4", "mov", "m4v", "mkv", "webm", "avi", "mxf", "mts", "m2ts", "ts", "mpg", "mpeg", "wmv", "flv", "3gp"),
        *("wav", "mp3", "flac"),
    )
)
"""The usual video and audio types (reference, "Media by model": what FFmpeg reads; WAV, MP3, FLAC)."""

FILE_EVENTS = ("discovered", "uploaded", "ready", "enriched", "failed", "ineligible", "missing")
"""States of a file whose beginning can be told; the events have the names of the states."""
DAEMON_EVENTS = ("paused", "resumed", "root_offline", "root_online", "trouble", "cap_reached", "idle")
EVENTS = FILE_EVENTS + DAEMON_EVENTS

Watch = Literal["auto", "events", "polling"]
Source = Literal["auto", "predefined", "analyze"]
Location = Literal["beside", "hidden", "central"]
LogLevel = Literal["debug", "info", "warning", "error"]
LogFormat = Literal["text", "json"]
Rule = Literal["go on", "hold"]
IoPriority = Literal["idle", "low", "normal"]


class PlatformSettings(NamedTuple):
    """Where the platform is, and where the key is when it is not in the environment.

    `login_file` lies beside the settings and is where `tlsync auth login` notes keys, `profile` whose they are;
    neither is a setting.
    """

    base_url: str = "https://api.twelvelabs.io/v1.3"
    api_key_file: Path | None = None
    login_file: Path | None = None
    profile: str | None = None


class IndexSettings(NamedTuple):
    """Used when an index has to be created; none of it can be changed afterwards."""

    models: tuple[str, ...] = ("marengo3.0", "pegasus1.2")
    model_options: tuple[str, ...] = ("visual", "audio")
    addons: tuple[str, ...] = ("thumbnail",)


class RootSettings(NamedTuple):
    """One watched folder."""

    path: Path
    index: str = "tlsync"  # type: ignore[assignment]  # in place of tuple.index, which nobody asks a root for
    include: tuple[str, ...] = DEFAULT_INCLUDE
    exclude: tuple[str, ...] = ()
    watch: Watch = "auto"


class SyncSettings(NamedTuple):
    """When a file counts as quiet, how often all is looked at, and the first interval of polls."""

    settle_s: float = 10.0
    rescan_s: float = 900.0
    poll_s: float = 5.0


class UploadSettings(NamedTuple):
    """`workers` chunks are in flight over all files; `bandwidth` None is unlimited, `hours` None is always."""

    workers: int = 4
    bandwidth: "Timetable | None" = None
    hours: "Hours | None" = None
    verify_chunks: bool = True


class PowerSettings(NamedTuple):
    """What becomes of uploads while the computer runs on its battery, or its line is paid for by the byte."""

    on_battery: Rule = "go on"
    on_metered: Rule = "hold"


class DaemonSettings(NamedTuple):
    """How `tlsync run` stands back behind other programs: `nice` from 0 to 19, most to least important."""

    nice: int = 10
    io_priority: IoPriority = "low"


class AnalysisSettings(NamedTuple):
    """Which texts are wanted, and by which way."""

    source: Source = "auto"
    kinds: tuple[EnrichmentKind, ...] = ENRICHMENT_KINDS


class SidecarSettings(NamedTuple):
    """Where sidecars are written, and whether captions are written too."""

    location: Location = "beside"
    captions: tuple[str, ...] = ()


class LogSettings(NamedTuple):
    """The log of `tlsync run`, and how long the history of files is kept.

    `file` None is no file, "auto" that in the state folder; `level` and `format` hold for stderr too, unless the
    command line says otherwise; `history_s` None is for ever.
    """

    file: Path | Literal["auto"] | None = None
    level: LogLevel = "info"
    format: LogFormat = "text"
    max_size_bytes: int = 10_000_000
    keep: int = 5
    history_s: float | None = 90 * 86_400.0


class LimitSettings(NamedTuple):
    """Changes to the limits of the index's models; None keeps the limit that the models are known to have."""

    max_size_bytes: int | None = None
    min_duration_s: float | None = None
    max_duration_s: float | None = None
    min_side_px: int | None = None
    max_width_px: int | None = None
    max_height_px: int | None = None
    max_aspect: float | None = None


class HookSettings(NamedTuple):
    """A program that is run for events. `command` begins with its whole path; `root` limits it to files below."""

    command: tuple[str, ...]
    on: tuple[str, ...] = ("enriched",)
    root: Path | None = None
    timeout_s: float = 30.0


class WebhookSettings(NamedTuple):
    """Where events are posted to, signed with the secret of a private file; `url` "" is nowhere."""

    url: str = ""
    on: tuple[str, ...] = ("enriched", "failed")
    secret_file: Path | None = None


class NoticeSettings(NamedTuple):
    """Notices on the desktop, at most one in `every_s`."""

    desktop: bool = False
    every_s: float = 900.0


class PriceSettings(NamedTuple):
    """What the platform takes for its work, by day; 0: no price set.

    Source: the public prices of the Developer plan, as they were published on that day. An estimate: contracts differ.
    """

    as_of: str = "2026-06-20"
    currency: str = "USD"
    indexing_per_minute: float = 0.042
    storage_per_minute_month: float = 0.0015
    analysis_per_minute: float = 0.0292
    output_per_1k_tokens: float = 0.0075
    search_per_query: float = 0.004


class CapSettings(NamedTuple):
    """How much may be used up in a day and in a month; None: no cap."""

    minutes_per_day: float | None = None
    minutes_per_month: float | None = None
    bytes_per_day: int | None = None
    bytes_per_month: int | None = None
    money_per_day: float | None = None
    money_per_month: float | None = None


class Settings(NamedTuple):
    """All settings, with their defaults."""

    state_dir: Path
    platform: PlatformSettings = PlatformSettings()
    index: IndexSettings = IndexSettings()  # type: ignore[assignment]  # as in a root
    roots: tuple[RootSettings, ...] = ()
    sync: SyncSettings = SyncSettings()
    upload: UploadSettings = UploadSettings()
    power: PowerSettings = PowerSettings()
    daemon: DaemonSettings = DaemonSettings()
    analysis: AnalysisSettings = AnalysisSettings()
    sidecar: SidecarSettings = SidecarSettings()
    log: LogSettings = LogSettings()
    limits: LimitSettings = LimitSettings()
    prices: PriceSettings = PriceSettings()
    caps: CapSettings = CapSettings()
    hooks: tuple[HookSettings, ...] = ()
    webhook: WebhookSettings = WebhookSettings()
    notices: NoticeSettings = NoticeSettings()
