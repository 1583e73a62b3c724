"""`tlsync search`: ask the platform, answer with local files and times."""

from __future__ import annotations

import re
import threading
from typing import TYPE_CHECKING, Any

import click

from tlsync.cli.main import GlobalOptions
from tlsync.cli.output import json_text, note, print_json, shown, timecode
from tlsync.cli.paid import beyond_caps_option, paid
from tlsync.cli.wiring import absolute, platform_client, settings_of
from tlsync.errors import ConfigError, UnknownPath

if TYPE_CHECKING:
    from pathlib import Path

    from tlsync.ids import IndexId

_MODALITIES = ("visual", "audio", "transcription")
_MOST_PER_PAGE = 50
_MOST_IDS = 100
_CONDITION = re.compile(r"(?P<key>[^<>=]+)(?P<operator>>=|<=|=)(?P<value>.*)", re.DOTALL)


@click.command("search")
@click.argument("query", required=False, default="")
@click.option("--by", default="visual,audio,transcription", metavar="KINDS", help="Of visual, audio, transcription.")
@click.option("--operator", type=click.Choice(["or", "and"]), default="or", help="How the kinds combine.")
@click.option("--group-by", type=click.Choice(["clip", "video"]), default="clip", help="Best clips, or best videos.")
@click.option("--limit", type=click.IntRange(1), default=10, help="Most hits (with --group-by video: videos).")
@click.option("--filter", "filters", multiple=True, metavar="KEY=VALUE", help="Also KEY>=N and KEY<=N; repeatable.")
@click.option("--in", "folder", type=click.Path(), help="Only files at or below this path.")
@click.option("--image", metavar="FILE|URL", help="Search by a picture, alone or with QUERY.")
@click.option("--entity", "entity_names", multiple=True, metavar="NAME", help="Show this one, with QUERY; repeatable.")
@click.option("--collection", default="tlsync", metavar="NAME", help="The collection that holds the entities.")
@click.option("--index", "index_name", metavar="NAME", help="The index, where the folders use several.")
@click.option("--page-token", metavar="TOKEN", help="Go on where an earlier answer ended.")
@beyond_caps_option
@click.option("--json", "is_json", is_flag=True, help="Print it as JSON.")
@click.pass_obj
def command(
    options: GlobalOptions,
    query: str,
    by: str,
    operator: str,
    group_by: str,
    limit: int,
    filters: tuple[str, ...],
    folder: str | None,
    image: str | None,
    entity_names: tuple[str, ...],
    collection: str,
    index_name: str | None,
    page_token: str | None,
    is_beyond_caps: bool,
    is_json: bool,
) -> int:
    """Find moments by what is seen, heard or said, for example: tlsync search "red car at night"."""
    from pathlib import Path

    from tlsync.api import SearchPages
    from tlsync.engine.local_moments import LocalMoments
    from tlsync.engine.prices import search_micros
    from tlsync.store.reader import CatalogReader

    if not query and image is None and not entity_names and page_token is None:
        raise click.UsageError('what to search for? Give a QUERY, for example "red car at night", --image or --entity')
    settings = settings_of(options)
    below = absolute((Path(folder),))[0] if folder is not None else None
    wanted: dict[str, Any] = {
        "search_options": modalities(by),
        "operator": operator,
        "group_by": group_by,
        "page_limit": limit // -(-limit // _MOST_PER_PAGE),  # pages of equal size, which are taken whole
    } | image_query(image)
    conditions = parse_filters(filters)
    with CatalogReader(settings.state_dir) as reader, platform_client(settings) as client:
        index_id = _choose_index(reader.roots(), index_name, below)
        local = LocalMoments(reader, index_id)
        if below is not None:
            ids = local.ids_below(below)
            if not ids:
                raise UnknownPath(f"{shown(below)}: no searchable file there", hint="see tlsync ls and tlsync status")
            if len(ids) <= _MOST_IDS and "id" not in conditions:
                conditions["id"] = sorted(ids)
        if conditions:
            wanted["filter"] = conditions
        if entity_names and not page_token:
            from tlsync.clock import SystemClock
            from tlsync.engine.entities import Entities

            marks = Entities(client, SystemClock(), threading.Event(), collection).marks(entity_names)
            wanted["query_text"] = f"{marks} {query}".strip()
        elif query:
            wanted["query_text"] = query
        if page_token:
            pages = SearchPages(client.search.retrieve(page_token), client.search.retrieve)
        else:
            with paid(settings, "search", search_micros(settings.prices), is_beyond_caps=is_beyond_caps):
                pages = client.search.create(index_id=index_id, **wanted)
        moments, token = local.gather(pages, limit, folder=below, by_video=group_by == "video")
    if is_json:
        hits = [
            {
                "rank": moment.rank,
                "path": json_text(moment.path),
                "online": moment.is_online,
                "indexed_asset_id": moment.indexed_asset_id,
                "start_s": moment.start_s,
                "end_s": moment.end_s,
                "confidence": moment.confidence,
                "transcription": moment.transcription,
                "thumbnail_url": moment.thumbnail_url,
            }
            for moment in moments
        ]
        print_json({"v": 1, "query": query, "index_id": index_id, "hits": hits, "next_page_token": token})
        return 0
    for moment in moments:
        where = shown(moment.path) if moment.path else f"(not on this machine: {moment.indexed_asset_id})"
        away = "" if moment.is_online or moment.path is None else "  (offline)"
        said = f"  “{shown(moment.transcription)}”" if moment.transcription else ""
        click.echo(f"{timecode(moment.start_s)} – {timecode(moment.end_s)}  {where}{away}{said}")
    if not moments:
        note("nothing found")
    return 0


def modalities(by: str) -> list[str]:
    """`visual,audio` as a list; unknown words are a usage error."""
    chosen = [word.strip() for word in by.split(",") if word.strip()]
    unknown = [word for word in chosen if word not in _MODALITIES]
    if unknown or not chosen:
        raise click.UsageError(f"--by takes {', '.join(_MODALITIES)}; not {', '.join(unknown) or 'nothing'}")
    return chosen


def parse_filters(texts: tuple[str, ...]) -> dict[str, Any]:
    """`KEY=VALUE`, `KEY>=N` and `KEY<=N` as the platform's filter object."""
    found: dict[str, Any] = {}
    for text in texts:
        match = _CONDITION.fullmatch(text)
        if match is None:
            raise click.UsageError(f"--filter {text!r}: write KEY=VALUE, KEY>=NUMBER or KEY<=NUMBER")
        key, value = match["key"].strip(), _value(match["value"].strip())
        if match["operator"] == "=":
            found[key] = value
            continue
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise click.UsageError(f"--filter {text!r}: {match['operator']} needs a number")
        bounds = found.setdefault(key, {})
        if not isinstance(bounds, dict):
            raise click.UsageError(f"--filter {text!r}: {key} was given an exact value already")
        bounds["gte" if match["operator"] == ">=" else "lte"] = value
    return found


def image_query(image: str | None) -> dict[str, Any]:
    """The parameters of a search by picture."""
    if image is None:
        return {}
    if image.startswith(("https://", "http://")):
        return {"query_media_type": "image", "query_media_url": image}
    from pathlib import Path

    path = Path(image).expanduser()
    if not path.is_file():
        raise UnknownPath(f"{shown(path)}: no such picture", hint="give a JPEG or PNG file, or a URL")
    return {"query_media_type": "image", "query_media_file": path}


def _value(text: str) -> str | int | float | bool:
    if text in ("true", "false"):
        return text == "true"
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text


def _choose_index(roots: list[dict[str, Any]], name: str | None, below: Path | None) -> IndexId:
    """The index to ask: the named one, that of `--in`, or the only one."""
    from pathlib import Path

    from tlsync.ids import IndexId

    known = {root["index"]: root["index_id"] for root in roots if root["index_id"]}
    if name is not None:
        if name not in known:
            raise UnknownPath(f"index {name!r}: not known here", hint=f"known: {', '.join(sorted(known)) or 'none'}")
        return IndexId(known[name])
    if below is not None:
        for root in roots:
            path = Path(root["path"])
            if root["index_id"] and (path == below or path in below.parents):
                return IndexId(root["index_id"])
    if not known:
        raise UnknownPath("nothing is indexed yet", hint="run tlsync sync first")
    if len(known) > 1:
        raise ConfigError(
            f"the folders use several indexes: {', '.join(sorted(known))}", hint="choose one with --index, or use --in"
        )
    return IndexId(next(iter(known.values())))
