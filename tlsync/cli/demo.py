"""`tlsync demo`: the main job on three clips made on the spot, against the sandbox. Leaves nothing running."""

from __future__ import annotations

import tempfile
import threading
from pathlib import Path

import click

from tlsync.cli.main import GlobalOptions
from tlsync.cli.output import note, print_json, shown, size, timecode
from tlsync.cli.progress import shown_progress
from tlsync.models import Cue, IndexId

_CLIPS: tuple[tuple[str, str, tuple[str, ...]], ...] = (
    ("harbour_morning.mp4", "Harbour in the morning", ("The boats leave the harbour.", "A gull lands on the pier.")),
    ("night_drive.mp4", "Driving at night", ("A red car turns into the street.", "The rain gets heavier.")),
    ("interview_01.mp4", "Interview, take one", ("Tell us how it began.", "We built the first boat in a garage.")),
)
_QUERY = "boat"


@click.command("demo")
@click.option("--dir", "folder", type=click.Path(path_type=Path, file_okay=False), help="Where the clips are made.")
@click.option("--json", "is_json", is_flag=True, help="Print the outcome as JSON.")
@click.pass_obj
def command(options: GlobalOptions, folder: Path | None, is_json: bool) -> int:
    """Try everything without a key: make three clips, sync them with the sandbox, search them."""
    from tlsync.api import TwelveLabs
    from tlsync.clock import SystemClock
    from tlsync.config import PlatformSettings, RootSettings, Settings, SyncSettings
    from tlsync.daemon import stop_on_signals
    from tlsync.engine.engine import Engine
    from tlsync.engine.local_moments import LocalMoments
    from tlsync.media.probe import Prober
    from tlsync.media.samples import make_clip
    from tlsync.sandbox.server import SandboxServer
    from tlsync.store.process_lock import only_one
    from tlsync.store.reader import CatalogReader
    from tlsync.store.store import Store

    base = folder or Path(tempfile.mkdtemp(prefix="tlsync-demo-"))
    media = base / "footage"
    media.mkdir(parents=True, exist_ok=True)
    note("1. making three short clips (H.264, AAC, subtitles)")
    for number, (name, title, lines) in enumerate(_CLIPS):
        cues = [Cue(0.5 + 2.5 * at, 2.5 + 2.5 * at, line) for at, line in enumerate(lines)]
        make_clip(media / name, duration_s=6.0, cues=cues, title=title, pattern=number, tone_hz=220 * (number + 1))

    stop = threading.Event()
    clock = SystemClock()
    note("2. starting the sandbox, and syncing with it")
    with stop_on_signals(stop), SandboxServer() as server:
        settings = Settings(
            state_dir=base / "state",
            platform=PlatformSettings(base_url=server.base_url),
            roots=(RootSettings(path=media, index="demo"),),
            sync=SyncSettings(settle_s=0.5, poll_s=0.2),
        )
        with (
            only_one(settings.state_dir),
            Store(settings.state_dir, clock) as store,
            TwelveLabs(api_key=server.api_key, base_url=server.base_url, stop=stop) as client,
            Prober() as prober,
        ):
            with shown_progress(is_quiet=options.verbosity < 0) as progress:
                engine = Engine(
                    settings, store, client, prober, clock=clock, stop=stop, progress=progress, is_single_pass=True
                )
                summary = engine.run_once()
            sidecars = sorted(media.glob("*.tlsync.json"))
            with CatalogReader(settings.state_dir) as reader:
                index_id = IndexId(str(reader.roots()[0]["index_id"]))
                pages = client.search.create(
                    index_id=index_id, search_options=["transcription"], query_text=_QUERY, page_limit=10
                )
                moments = list(LocalMoments(reader, index_id).moments(pages))
    if is_json:
        hits = [{"path": str(hit.path), "start_s": hit.start_s, "end_s": hit.end_s} for hit in moments]
        print_json(summary.as_json() | {"sidecars": [str(path) for path in sidecars], "hits": hits})
        return 0 if summary.enriched == len(_CLIPS) and hits else 1
    click.echo(f"\nSent {summary.uploaded} clips ({size(summary.bytes_sent)}). What the platform understood is in")
    for path in sidecars:
        click.echo(f"  {shown(path)}")
    click.echo(f'\ntlsync search "{_QUERY}"')
    for hit in moments:
        said = shown(hit.transcription or "")
        click.echo(f"  {timecode(hit.start_s)} – {timecode(hit.end_s)}  {shown(hit.path or '')}  “{said}”")
    click.echo(f"\nNothing is left running. The files are in {shown(base)}; remove the folder when you are done.")
    return 0 if summary.enriched == len(_CLIPS) and moments else 1
