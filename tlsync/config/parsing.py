"""The text of a settings file → `Settings`. All mistakes are told at once, with their lines."""

from __future__ import annotations

import os
import tomllib
from pathlib import Path

from tlsync.config.reading import Problems, Table
from tlsync.config.settings import (
    DEFAULT_INCLUDE,
    AnalysisSettings,
    IndexSettings,
    LimitSettings,
    PlatformSettings,
    RootSettings,
    Settings,
    SidecarSettings,
    SyncSettings,
    UploadSettings,
)
from tlsync.config.toml_lines import find_lines
from tlsync.config.values import absolute_path, check_base_url
from tlsync.errors import ConfigError
from tlsync.models import ENRICHMENT_KINDS
from tlsync.patience import answers_within
from tlsync.units import parse_duration, parse_rate, parse_size

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
    problems = Problems(where, find_lines(text))
    top = Table(data, "", None, problems)
    defaults = Settings()

    platform = top.table("platform")
    index = top.table("index")
    sync = top.table("sync")
    upload = top.table("upload")
    analysis = top.table("analysis")
    sidecar = top.table("sidecar")
    limits = top.table("limits")
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
            bandwidth_bytes_per_s=upload.parsed("bandwidth", parse_rate, None),
            verify_chunks=upload.flag("verify_chunks", defaults.upload.verify_chunks),
        ),
        analysis=AnalysisSettings(
            source=analysis.choice("source", defaults.analysis.source, ("auto", "predefined", "analyze")),
            kinds=analysis.texts("kinds", defaults.analysis.kinds, among=ENRICHMENT_KINDS),  # type: ignore[arg-type]
        ),
        sidecar=SidecarSettings(
            location=sidecar.choice("location", defaults.sidecar.location, ("beside", "hidden", "central")),
            captions=sidecar.texts("captions", (), among=("srt", "vtt")),
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
    )
    for table in (top, platform, index, sync, upload, analysis, sidecar, limits):
        table.refuse_unknown()
    _check_roots(settings.roots, problems)
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
