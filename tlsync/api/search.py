"""Namespace `search`: moments in an index by text, image or both.

Source: API reference v1.3 of 2025-11-17, "Search".
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from tlsync.api.encoding import Upload
from tlsync.api.namespace import Namespace
from tlsync.api.pages import SearchPages
from tlsync.api.routes import Repeat, Route, serves
from tlsync.api.transport import Ask
from tlsync.api.types import Json, SearchResults
from tlsync.models import IndexId

CREATE = Route("POST", "/search", repeat=Repeat.COSTS, costs_money=True, group="search")
RETRIEVE = Route("GET", "/search/{page_token}")


class Search(Namespace):
    """`client.search`."""

    @serves(CREATE)
    def create(
        self,
        *,
        index_id: IndexId,
        search_options: Sequence[str],
        query_text: str | None = None,
        query_media_type: Literal["image"] | None = None,
        query_media_url: str | None = None,
        query_media_file: Upload | None = None,
        transcription_options: Sequence[str] | None = None,
        adjust_confidence_level: float | None = None,
        group_by: Literal["clip", "video"] | None = None,
        threshold: str | None = None,
        sort_option: str | None = None,
        operator: Literal["or", "and"] | None = None,
        page_limit: int | None = None,
        filter: Json | None = None,
        include_user_metadata: bool | None = None,
    ) -> SearchPages:
        """Search one index. The first page is asked for at once and counted by the platform, further ones are free.

        Args:
            search_options: One or more of visual, audio, transcription.
            query_text: At most 500 tokens; an entity is written `<@ID>`.
            query_media_type: Needed with an image, which comes from `query_media_url` or `query_media_file`.
            transcription_options: How to match speech: lexical, semantic.
            adjust_confidence_level: 0 to 1. Marengo 2.7 only, as `threshold` and `sort_option`.
            group_by: `clip` lists moments, `video` lists videos with moments in them.
            operator: How `search_options` combine.
            page_limit: Hits per page, 1 to 50.
            filter: `id`, `duration` (seconds), `width`, `height`, `size` (bytes), `filename` or user fields; numbers
                also as bounds `{"gte": 60}`.
        """
        form = {
            "index_id": index_id,
            "search_options": search_options,
            "query_text": query_text,
            "query_media_type": query_media_type,
            "query_media_url": query_media_url,
            "transcription_options": transcription_options,
            "adjust_confidence_level": adjust_confidence_level,
            "group_by": group_by,
            "threshold": threshold,
            "sort_option": sort_option,
            "operator": operator,
            "page_limit": page_limit,
            "filter": filter,
            "include_user_metadata": include_user_metadata,
        }
        ask = Ask(form=form, files={"query_media_file": query_media_file})
        first = self._transport.answer(CREATE, SearchResults, ask)
        return SearchPages(first, lambda token: self.retrieve(token, include_user_metadata=include_user_metadata))

    @serves(RETRIEVE)
    def retrieve(self, page_token: str, *, include_user_metadata: bool | None = None) -> SearchResults:
        """A further page of a search.

        Raises:
            Rejected: The token is unknown or has expired (`search_page_token_expired`): search again.
        """
        ask = Ask(path={"page_token": page_token}, query={"include_user_metadata": include_user_metadata})
        return self._transport.answer(RETRIEVE, SearchResults, ask)
