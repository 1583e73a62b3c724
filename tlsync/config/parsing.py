"""The text of a settings file → `Settings`. All mistakes are told at once, with their lines."""

from __future__ import annotations

import os
import tomllib
from pathlib import Path

from tlsync.config.places import data_folder
from tlsync.config.reading import Problems, Table
from tlsync.config.settings import (
    DEFAULT_INCLUDE,
    EVENTS,
    AnalysisSettings,
    CapSettings,
    DaemonSettings,
    HookSettings,
    IndexSettings,
    LimitSettings,
    LogSettings,
    NoticeSettings,
    PlatformSettings,
    PowerSettings,
    PriceSettings,
    RootSettings,
    Settings,
    SidecarSettings,
    SyncSettings,
    UploadSettings,
    WebhookSettings,
)
from tlsync.config.values import (
    absolute_path,
    bandwidth,
    check_base_url,
    check_currency,
    check_day,
    check_webhook_url,
    hours,
    log_file,
    span_or_forever,
)
from tlsync.errors import ConfigError
from tlsync.ids import ENRICHMENT_KINDS
from tlsync.patience import answers_within
from tlsync.units import parse_duration, parse_size

_PATIENCE_S = 0.2


def parse_settings(text: str, where: str) -> Settings:
    """Settings from the text of a file; `where` names it in errors.

    Raises:
        ConfigError: As `load_settings`.
    """
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{where}: not TOML: {error}", hint="texts stand in quotes; see toml.io") from error
    problems = Problems(where, text)
    top = Table(data, "", None, problems)
    defaults = Settings(data_folder())

    platform = top.table("platform")
    index = top.table("index")
    sync = top.table("sync")
    upload = top.table("upload")
    power = top.table("power")
    daemon = top.table("daemon")
    analysis = top.table("analysis")
    sidecar = top.table("sidecar")
    log = top.table("log")
    limits = top.table("limits")
    prices = top.table("prices")
    caps = top.table("caps")
    webhook = top.table("webhook")
    notices = top.table("notices")
    settings = Settings(
        state_dir=top.parsed("state_dir", absolute_path, None) or defaults.state_dir,
        platform=PlatformSettings(
            base_url=platform.parsed("base_url", check_base_url, defaults.platform.base_url),
            api_key_file=platform.parsed("api_key_file", absolute_path, None),
        ),
        index=IndexSettings(
            models=index.texts("models", defaults.index.models, least=1),
            model_options=index.texts(
                "model_options", defaults.index.model_options, among=("visual", "audio"), least=1
            ),
            addons=index.texts("addons", defaults.index.addons, among=("thumbnail",)),
        ),
        roots=tuple(_root(table, problems) for table in top.tables("root")),
        sync=SyncSettings(
            settle_s=sync.parsed("settle", parse_duration, defaults.sync.settle_s),
            rescan_s=sync.parsed("rescan", parse_duration, defaults.sync.rescan_s, least=1),
            poll_s=sync.parsed("poll", parse_duration, defaults.sync.poll_s, least=0.05),
        ),
        upload=UploadSettings(
            workers=upload.whole("workers", defaults.upload.workers, least=1, most=32),
            bandwidth=upload.parsed("bandwidth", bandwidth, None),
            hours=upload.parsed("hours", hours, None),
            verify_chunks=upload.flag("verify_chunks", defaults.upload.verify_chunks),
        ),
        power=PowerSettings(
            on_battery=power.choice("on_battery", defaults.power.on_battery, ("go on", "hold")),
            on_metered=power.choice("on_metered", defaults.power.on_metered, ("go on", "hold")),
        ),
        daemon=DaemonSettings(
            nice=daemon.whole("nice", defaults.daemon.nice, least=0, most=19),
            io_priority=daemon.choice("io_priority", defaults.daemon.io_priority, ("idle", "low", "normal")),
        ),
        analysis=AnalysisSettings(
            source=analysis.choice("source", defaults.analysis.source, ("auto", "predefined", "analyze")),
            kinds=analysis.texts("kinds", defaults.analysis.kinds, among=ENRICHMENT_KINDS),  # type: ignore[arg-type]
        ),
        sidecar=SidecarSettings(
            location=sidecar.choice("location", defaults.sidecar.location, ("beside", "hidden", "central")),
            captions=sidecar.texts("captions", (), among=("srt", "vtt")),
        ),
        log=LogSettings(
            file=log.parsed("file", log_file, defaults.log.file),
            level=log.choice("level", defaults.log.level, ("debug", "info", "warning", "error")),
            format=log.choice("format", defaults.log.format, ("text", "json")),
            max_size_bytes=log.parsed("max_size", parse_size, defaults.log.max_size_bytes, least=10_000),
            keep=log.whole("keep", defaults.log.keep, least=1, most=100),
            history_s=log.parsed("history", span_or_forever, defaults.log.history_s, least=86_400),
        ),
        limits=LimitSettings(
            max_size_bytes=limits.parsed("max_size", parse_size, None, least=1),
            min_duration_s=limits.parsed("min_duration", parse_duration, None),
            max_duration_s=limits.parsed("max_duration", parse_duration, None),
            min_side_px=limits.whole("min_side_px", None, least=1, most=100_000),
            max_width_px=limits.whole("max_width_px", None, least=1, most=100_000),
            max_height_px=limits.whole("max_height_px", None, least=1, most=100_000),
            max_aspect=limits.number("max_aspect", None, least=1.0),
        ),
        prices=_prices(prices),
        caps=_caps(caps),
        hooks=tuple(_hook(table, problems) for table in top.tables("hook")),
        webhook=WebhookSettings(
            url=webhook.parsed("url", check_webhook_url, defaults.webhook.url),
            on=webhook.one_or_more("on", defaults.webhook.on, among=EVENTS),
            secret_file=webhook.parsed("secret_file", absolute_path, None),
        ),
        notices=NoticeSettings(
            desktop=notices.flag("desktop", defaults.notices.desktop),
            every_s=notices.parsed("every", parse_duration, defaults.notices.every_s, least=10),
        ),
    )
    tables = (top, platform, index, sync, upload, power, daemon, analysis, sidecar, log, limits, prices, caps)
    for table in (*tables, webhook, notices):
        table.refuse_unknown()
    _check_roots(settings.roots, problems)
    _check_notices(settings, problems)
    _check_caps(settings, caps, problems)
    problems.raise_if_any()
    return settings


def _root(table: Table, problems: Problems) -> RootSettings:
    # A root without a usable path is noted as a mistake; the empty path only stands in until that is told.
    root = RootSettings(
        path=table.parsed("path", absolute_path, None) or Path(),
        index=table.text("index", "tlsync"),
        include=table.texts("include", DEFAULT_INCLUDE, least=1),
        exclude=table.texts("exclude", ()),
        watch=table.choice("watch", "auto", ("auto", "events", "polling")),
    )
    if not table.has_text("path"):
        problems.add(table.place("path"), "a root needs a path")
    if not root.index.strip():
        problems.add(table.place("index"), "an index needs a name")
    table.refuse_unknown()
    return root


def _prices(table: Table) -> PriceSettings:
    defaults = PriceSettings()
    return PriceSettings(
        as_of=table.parsed("as_of", check_day, defaults.as_of),
        currency=table.parsed("currency", check_currency, defaults.currency),
        indexing_per_minute=table.number("indexing_per_minute", defaults.indexing_per_minute, least=0.0),
        storage_per_minute_month=table.number("storage_per_minute_month", defaults.storage_per_minute_month, least=0.0),
        analysis_per_minute=table.number("analysis_per_minute", defaults.analysis_per_minute, least=0.0),
        output_per_1k_tokens=table.number("output_per_1k_tokens", defaults.output_per_1k_tokens, least=0.0),
        search_per_query=table.number("search_per_query", defaults.search_per_query, least=0.0),
    )


def _caps(table: Table) -> CapSettings:
    return CapSettings(
        minutes_per_day=table.number("minutes_per_day", None, least=0.0),
        minutes_per_month=table.number("minutes_per_month", None, least=0.0),
        bytes_per_day=table.parsed("bytes_per_day", parse_size, None),
        bytes_per_month=table.parsed("bytes_per_month", parse_size, None),
        money_per_day=table.number("money_per_day", None, least=0.0),
        money_per_month=table.number("money_per_month", None, least=0.0),
    )


def _check_caps(settings: Settings, table: Table, problems: Problems) -> None:
    """Money can only be kept within a cap where it is known what things cost."""
    prices, caps = settings.prices, settings.caps
    if any((prices.indexing_per_minute, prices.analysis_per_minute, prices.search_per_query)):
        return
    for name in ("money_per_day", "money_per_month"):
        if getattr(caps, name) is not None:
            problems.add(table.place(name), f"{name}: no price is set in [prices], so no money can be counted")


def _hook(table: Table, problems: Problems) -> HookSettings:
    program, *arguments = table.texts("command", (), least=1) or ("",)
    try:
        path = absolute_path(program)
    except ValueError as error:
        problems.add(table.place("command"), f"command: its program {error}")
        path = Path(program)
    if path is None:
        problems.add(table.place("command"), 'a hook needs a command, like ["/usr/local/bin/program", "argument"]')
    defaults = HookSettings(())
    hook = HookSettings(
        command=(str(path), *arguments),
        on=table.one_or_more("on", defaults.on, among=EVENTS),
        root=table.parsed("root", absolute_path, None),
        timeout_s=table.parsed("timeout", parse_duration, defaults.timeout_s, least=1),
    )
    table.refuse_unknown()
    return hook


def _check_notices(settings: Settings, problems: Problems) -> None:
    """What only shows when all is read: folders that nobody watches, and a webhook that could not be signed."""
    watched = {root.path for root in settings.roots}
    for number, hook in enumerate(settings.hooks):
        if hook.root is not None and watched.isdisjoint((hook.root, *hook.root.parents)):
            problems.add(("hook", number, "root"), f"root: {hook.root} is no watched folder, and below none")
    if settings.webhook.url and settings.webhook.secret_file is None:
        problems.add(("webhook", None, "url"), "a webhook needs a secret_file, so that its events can be signed")


def _check_roots(roots: tuple[RootSettings, ...], problems: Problems) -> None:
    """A file may be below one root only: otherwise it would be uploaded for both. Links lead where they lead."""
    # A volume that hangs must not hold up every command: its links are believed to lead where they are.
    answers = answers_within(_PATIENCE_S, os.path.realpath, [root.path for root in roots] if len(roots) > 1 else [])
    real = [Path(answers.get(root.path, root.path)) for root in roots]
    for number, root in enumerate(roots):
        for earlier, other in enumerate(roots[:number]):
            if Path() in (root.path, other.path):
                continue
            if real[number] == real[earlier]:
                also = "" if root.path == other.path else f", as {other.path}"
                problems.add(("root", number, "path"), f"{root.path} is named twice{also}")
            elif real[number] in real[earlier].parents or real[earlier] in real[number].parents:
                problems.add(
                    ("root", number, "path"), f"{root.path} and {other.path}: one root must not lie in another"
                )
