"""The two search calls: checks the question as strictly as the platform, keeps the answer for its further pages."""

from __future__ import annotations

import re
from typing import Any

import msgspec

from tlsync.sandbox.calls import Call, check_id
from tlsync.sandbox.core import Core, instant
from tlsync.sandbox.entities import Entities
from tlsync.sandbox.filters import from_search
from tlsync.sandbox.forms import Form
from tlsync.sandbox.indexed_assets import IndexedAssets
from tlsync.sandbox.indexes import Index, Indexes
from tlsync.sandbox.matching import Hit, Query, find
from tlsync.sandbox.paging import read_page_limit
from tlsync.sandbox.previews import Previews
from tlsync.sandbox.refusals import invalid, not_provided, refused
from tlsync.sandbox.sources import Sources
from tlsync.sandbox.wire import Response, json_response
from tlsync.sandbox.words import words_of

OPTIONS = ("visual", "audio", "transcription")
ENTITY = re.compile(r"<@([^>]*)>")
TOKEN = re.compile(r"([0-9a-f]{24})-([0-9]{1,9})\Z")
LEVELS = ("high", "medium", "low", "none")
TEXT_WORDS = {"marengo3.0": 500, "marengo2.7": 77}


class Kept(msgspec.Struct, frozen=True):
    """A search as it is kept for its further pages: each item is one clip, or the clips of one video."""

    limit: int
    is_grouped: bool
    has_scores: bool
    has_thumbnails: bool
    items: tuple[tuple[Hit, ...], ...]


class Searching:
    def __init__(
        self,
        core: Core,
        sources: Sources,
        entities: Entities,
        indexes: Indexes,
        indexed: IndexedAssets,
        previews: Previews,
    ) -> None:
        self._core = core
        self._sources = sources
        self._entities = entities
        self._indexes = indexes
        self._indexed = indexed
        self._previews = previews

    def create(self, call: Call) -> Response:
        form = call.form(self._core.settings.image_limit_bytes)
        fields = form.fields
        index = self._indexes.get(check_id("index_id", fields.need("index_id")))
        model = index.model("marengo")
        if model is None:
            raise refused("index_not_supported_for_search", "The index has no Marengo model.")
        query = self._read_query(form, index, model)
        is_grouped = fields.optional_text("group_by", choices=("clip", "video")) == "video"
        limit = read_page_limit(fields)
        is_wanted = from_search(fields.optional_text("filter"))
        has_metadata = fields.boolean("include_user_metadata", default=False)
        is_27 = model == "marengo2.7"
        threshold, by_count = self._read_confidence(form, is_27=is_27, is_grouped=is_grouped)
        fields.done()
        now_ms = self._core.now_ms()
        videos = [
            video
            for video in self._indexed.of_index(index.id)
            if video.timeline.status(now_ms) == "ready" and is_wanted(video)
        ]
        hits = find(self._core, index.id, query, videos)
        hits = [hit for hit in hits if LEVELS.index(_confidence(hit)) <= LEVELS.index(threshold)]
        items = _group(hits) if is_grouped else [(hit,) for hit in hits]
        if by_count:
            items.sort(key=lambda clips: -len(clips))
        kept = Kept(limit, is_grouped, is_27, index.has_thumbnails, tuple(items))
        search_id = self._core.new_id()
        expires_ms = now_ms + round(self._core.timings.page_token_life_s * 1000)
        self._core.db.execute(
            "INSERT INTO searches VALUES (?, ?, ?, ?)",
            (search_id, index.id, expires_ms, msgspec.json.encode(kept).decode()),
        )
        answer = self._page(call, search_id, index.id, kept, expires_ms, 0, has_metadata=has_metadata)
        return json_response(200, answer)

    def retrieve(self, call: Call) -> Response:
        query = call.query()
        has_metadata = query.boolean("include_user_metadata", default=False)
        query.done()
        token = TOKEN.match(call.path["page_token"])
        row = self._core.db.row("SELECT * FROM searches WHERE id = ?", (token.group(1),)) if token else None
        if token is None or row is None or row["expires_ms"] <= self._core.now_ms():
            raise refused("search_page_token_expired", "The page token is expired or unknown. Search again.")
        kept = msgspec.json.decode(row["kept"], type=Kept)
        page = self._page(
            call, row["id"], row["index_id"], kept, row["expires_ms"], int(token.group(2)), has_metadata=has_metadata
        )
        return json_response(200, page)

    # -- the question -----------------------------------------------------------------------------------

    def _read_query(self, form: Form, index: Index, model: str) -> Query:
        fields = form.fields
        options = fields.items("search_options", choices=OPTIONS)
        if options is None:
            raise not_provided("search_options")
        for option in options:
            if (option == "transcription" and model != "marengo3.0") or (
                ("audio" if option == "transcription" else option) not in index.models[model]
            ):
                raise refused("search_option_not_supported", f"The index does not support the {option} search option.")
        speech = fields.items("transcription_options", choices=("lexical", "semantic"))
        if speech is not None and "transcription" not in options:
            raise refused(
                "search_option_combination_not_supported",
                "transcription_options needs transcription among the search options.",
            )
        text = fields.optional_text("query_text")
        aspect = self._read_image(form)
        if not (text and text.strip()) and aspect is None:
            raise not_provided("query_text")
        if text and len(words_of(text)) > TEXT_WORDS[model]:
            raise invalid(f"The query_text is longer than the {TEXT_WORDS[model]} tokens that {model} takes.")
        if aspect is not None and text and model != "marengo3.0":
            raise invalid("Text and image together need Marengo 3.0.")
        return Query(
            options=tuple(options),
            operator=fields.optional_text("operator", choices=("or", "and")) or "or",
            text=self._with_entities(text, model) if text else None,
            aspect=aspect,
            is_semantic=speech is None or "semantic" in speech,
            has_speech_in_audio=model == "marengo2.7",
        )

    def _read_image(self, form: Form) -> float | None:
        """The shape of the query image, width by height; the URL wins over the file."""
        kind = form.fields.optional_text("query_media_type", choices=("image",))
        url = form.fields.optional_text("query_media_url")
        file = form.files.get("query_media_file")
        if url is None and file is None:
            if kind is not None:
                raise not_provided("query_media_url or query_media_file")
            return None
        if kind is None:
            raise not_provided("query_media_type")
        if url is not None:
            facts = self._sources.read_url(url, ("image",)).facts
        else:
            assert file is not None
            facts = self._sources.read_part(file, ("image",)).facts
        return facts.width / facts.height

    def _with_entities(self, text: str, model: str) -> str:
        """Put the names of entities in place of their marks."""

        def name_of(mark: re.Match[str]) -> str:
            if model != "marengo3.0":
                raise invalid("Entities in a query need Marengo 3.0.")
            return self._entities.name_for_search(mark.group(1))

        return ENTITY.sub(name_of, text)

    def _read_confidence(self, form: Form, *, is_27: bool, is_grouped: bool) -> tuple[str, bool]:
        """Parameters that only Marengo 2.7 knows and newer platforms no longer have: threshold, and sort by count."""
        fields = form.fields
        if self._core.settings.is_later:
            return "none", False
        if not is_27 and (
            fields.has("threshold") or fields.has("adjust_confidence_level") or fields.has("sort_option")
        ):
            raise invalid("threshold, adjust_confidence_level and sort_option need Marengo 2.7.")
        threshold = fields.optional_text("threshold", choices=LEVELS) or "none"
        fields.number("adjust_confidence_level", low=0, high=1)
        by_count = fields.optional_text("sort_option", choices=("score", "clip_count")) == "clip_count"
        if by_count and not is_grouped:
            raise invalid("sort_option=clip_count needs group_by=video.")
        return threshold, by_count

    # -- the answer -------------------------------------------------------------------------------------

    def _page(
        self,
        call: Call,
        search_id: str,
        index_id: str,
        kept: Kept,
        expires_ms: int,
        number: int,
        *,
        has_metadata: bool,
    ) -> dict[str, Any]:
        count, total_s = self._indexes.pool(index_id)
        start = number * kept.limit
        rank = 1 + sum(len(clips) for clips in kept.items[:start])
        data = []
        for clips in kept.items[start : start + kept.limit]:
            views = [
                self._clip(call, kept, hit, rank + position, has_metadata=has_metadata)
                for position, hit in enumerate(clips)
            ]
            rank += len(clips)
            data.append({"id": clips[0].video_id, "clips": views} if kept.is_grouped else views[0])
        page_info: dict[str, Any] = {
            "limit_per_page": kept.limit,
            "total_results": len(kept.items),
            "page_expires_at": instant(expires_ms),
        }
        if kept.is_grouped:
            page_info["total_inner_matches"] = sum(len(clips) for clips in kept.items)
        if start + kept.limit < len(kept.items):
            page_info["next_page_token"] = f"{search_id}-{number + 1}"
        if number:
            page_info["prev_page_token"] = f"{search_id}-{number - 1}"
        pool = {"total_count": count, "total_duration": total_s, "index_id": index_id}
        return {"search_pool": pool, "data": data, "page_info": page_info}

    def _clip(self, call: Call, kept: Kept, hit: Hit, rank: int, *, has_metadata: bool) -> dict[str, Any]:
        view: dict[str, Any] = {"start": hit.start_s, "end": hit.end_s, "video_id": hit.video_id, "sandbox": hit.why}
        if kept.has_scores:
            view |= {"score": round(hit.score * 50, 2), "confidence": _confidence(hit)}
        else:
            view["rank"] = rank
        if kept.has_thumbnails:
            view["thumbnail_url"] = self._previews.thumbnail_link(hit.video_id, hit.start_s, call.request.origin)
        if hit.transcription is not None:
            view["transcription"] = hit.transcription
        if has_metadata:
            row = self._core.db.row("SELECT user_metadata FROM indexed_assets WHERE id = ?", (hit.video_id,))
            view["user_metadata"] = msgspec.json.decode(row["user_metadata"]) if row is not None else {}
        return view


def _confidence(hit: Hit) -> str:
    if hit.score >= 1.5:
        return "high"
    return "medium" if hit.score >= 1.0 else "low"


def _group(hits: list[Hit]) -> list[tuple[Hit, ...]]:
    """By video, in the order of each one's best hit."""
    groups: dict[str, list[Hit]] = {}
    for hit in hits:
        groups.setdefault(hit.video_id, []).append(hit)
    return [tuple(clips) for clips in groups.values()]
