"""The tree: catalog and platform listings as folders with stable names. Pure: it asks a library, and writes nothing.

    /INDEX/by-folder/ROOT/…/CLIP/      the folders of the user
    /INDEX/by-date/2026/2026-11-22/    links to clips, by the day of the file
    /INDEX/by-topic/TOPIC/             links to clips, from the gists
    /INDEX/by-person/ENTITY/           hits of a search for an entity
    /INDEX/remote-only/CLIP/           in the index, with no file on this machine
    /INDEX/search/QUERY/               hits of a search; a query that is not listed can be entered all the same

Kept here: a name depends on the texts and ids of its neighbours alone, so it is the same from run to run and no two
are equal; and no call waits for the network.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import TypeVar

from tlsync.errors import UnknownPath
from tlsync.mirror.clip_files import cues_of, files_of_clip, files_of_hit, files_of_remote_clip, stamp
from tlsync.mirror.library import Catalogued, Heard, Hit, Person, Pictures, Platform, RemoteClip
from tlsync.mirror.memo import Memo
from tlsync.mirror.nodes import File, Folder, Link, Node
from tlsync.names_on_disk import safe_name, unique_names
from tlsync.store.clips import Clip, Shelf

T = TypeVar("T")

LOADING = "…loading"
OFFLINE = "…offline"
_LONGEST_QUERY = 200
_NO_QUERIES = frozenset(
    {"desktop.ini", "autorun.inf", "thumbs.db", "icon\r", "$recycle.bin", "system volume information"}
)
"""Names that desktops look for in every folder. Nobody searches for them."""


class Tree:
    """All of it. May be used from many threads."""

    def __init__(self, catalog: Catalogued, platform: Platform, pictures: Pictures, memo: Memo, made_ns: int) -> None:
        """
        Args:
            made_ns: The time that folders show which have none of their own.
        """
        self._catalog = catalog
        self._platform = platform
        self._pictures = pictures
        self._memo = memo
        self._made_ns = made_ns
        self.root = self._folder("", self._indexes)

    def at(self, path: str) -> Node:
        """The node at a path from the top, with `/` between names.

        Raises:
            UnknownPath: There is nothing.
        """
        node: Node = self.root
        for name in path.split("/"):
            if name in ("", "."):
                continue
            found = child(node, name)
            if found is None:
                raise UnknownPath(f"/{path.strip('/')}: not in the tree", hint="tlsync ls shows what there is")
            node = found
        return node

    # The levels, from the top

    def _indexes(self) -> Iterator[tuple[str, Node]]:
        shelves: dict[str, list[Shelf]] = {}
        for shelf in self._shelves():
            shelves.setdefault(shelf.index_id, []).append(shelf)
        for name, (index_id, of_index) in _named(shelves.items(), lambda item: (item[1][0].index_name, item[0])):
            yield name, self._folder(name, partial(self._views, name, index_id, of_index))

    def _views(self, top: str, index_id: str, shelves: list[Shelf]) -> Iterator[tuple[str, Node]]:
        yield "by-folder", self._folder(f"{top}/by-folder", partial(self._roots, top, shelves))
        yield "by-date", self._folder(f"{top}/by-date", partial(self._years, top, index_id))
        yield "by-topic", self._folder(f"{top}/by-topic", partial(self._topics, top, index_id))
        yield "by-person", self._asking(partial(self._people, top, index_id))
        yield "remote-only", self._asking(partial(self._remote, top, index_id))
        enter = partial(self._enter, top, index_id)
        yield "search", Folder(self._made_ns, lambda: dict(self._searches(top, index_id)), enter)

    def _roots(self, top: str, shelves: list[Shelf]) -> Iterator[tuple[str, Node]]:
        for name, shelf in _roots(shelves):
            yield name, self._folder(f"{top}/by-folder/{name}", partial(self._below, top, name, shelf, b""))

    def _below(self, top: str, root: str, shelf: Shelf, relative: bytes) -> Iterator[tuple[str, Node]]:
        subfolders, clips = self._catalog.folder(shelf.root_id, relative)
        here = [relative + b"/" + name if relative else name for name in subfolders]
        for name, entry in self._names_below(here, clips):
            if isinstance(entry, Clip):
                yield name, self._clip(entry, shelf)
            else:
                key = f"{top}/by-folder/{root}/{entry.hex()}"
                yield name, self._folder(key, partial(self._below, top, root, shelf, entry))

    def _years(self, top: str, index_id: str) -> Iterator[tuple[str, Node]]:
        days: dict[str, dict[str, list[int]]] = {}
        for day, files in self._catalog.days(index_id).items():
            days.setdefault(day[:4], {})[day] = files
        for year, of_year in days.items():
            key = f"{top}/by-date/{year}"
            yield year, self._folder(key, partial(self._days, top, index_id, of_year), _noon_ns(max(of_year)))

    def _days(self, top: str, index_id: str, days: dict[str, list[int]]) -> Iterator[tuple[str, Node]]:
        for day, files in days.items():
            find = partial(self._catalog.clips, index_id, files=files)
            list_ = partial(self._links, top, 3, find)
            yield day, self._folder(f"{top}/by-date/{day[:4]}/{day}", list_, _noon_ns(day))

    def _topics(self, top: str, index_id: str) -> Iterator[tuple[str, Node]]:
        for name, (_, contents) in _named(self._catalog.topics(index_id).items(), lambda item: (item[0], item[0])):
            find = partial(self._catalog.clips, index_id, contents=contents)
            yield name, self._folder(f"{top}/by-topic/{name}", partial(self._links, top, 2, find))

    def _people(self, top: str, index_id: str) -> Iterator[tuple[str, Node]]:
        heard = self._platform.people(index_id)
        yield from self._heard(heard)
        for name, person in _named(heard.items, lambda person: (person.name, person.entity_id)):
            yield name, self._asking(partial(self._sightings, top, index_id, person))

    def _sightings(self, top: str, index_id: str, person: Person) -> Iterator[tuple[str, Node]]:
        yield from self._hits(top, index_id, self._platform.sightings(index_id, person))

    def _remote(self, top: str, index_id: str) -> Iterator[tuple[str, Node]]:
        heard = self._platform.remote_only(index_id)
        yield from self._heard(heard)
        for name, clip in _remote_names(heard):
            yield name, Folder(clip.modified_ns, partial(self._remote_files, index_id, clip))

    def _remote_files(self, index_id: str, clip: RemoteClip) -> Mapping[str, Node]:
        picture = self._pictures.remote_picture(clip)
        if picture is None:
            self._pictures.want_remote(index_id, clip)
        return files_of_remote_clip(clip, picture)

    def _searches(self, top: str, index_id: str) -> Iterator[tuple[str, Node]]:
        for query in self._platform.searches(index_id):
            node = self._enter(top, index_id, query)
            if node is not None:
                yield query, node

    def _enter(self, top: str, index_id: str, query: str) -> Node | None:
        """A folder for a query. The search is made when the folder is opened, not when its name is looked up."""
        if not is_query(query):
            return None
        return self._asking(partial(self._found, top, index_id, query))

    def _found(self, top: str, index_id: str, query: str) -> Iterator[tuple[str, Node]]:
        yield from self._hits(top, index_id, self._platform.search(index_id, query))

    # What the levels share

    def _folder(
        self,
        key: str,
        list_: Callable[[], Iterable[tuple[str, Node]]],
        modified_ns: int | None = None,
    ) -> Folder:
        """A folder whose entries are remembered for a moment under `key`."""
        remembered = partial(self._memo.get, key, lambda: dict(list_()))
        return Folder(self._made_ns if modified_ns is None else modified_ns, remembered)

    def _asking(self, list_: Callable[[], Iterable[tuple[str, Node]]]) -> Folder:
        """A folder of what the platform says. Not remembered here: each look decides anew whether to ask."""
        return Folder(self._made_ns, lambda: dict(list_()))

    def _clip(self, clip: Clip, shelf: Shelf) -> Folder:
        return Folder(
            clip.modified_ns, partial(self._clip_files, clip, shelf), stamp=partial(self._clip_stamp, clip, shelf)
        )

    def _clip_files(self, clip: Clip, shelf: Shelf) -> Mapping[str, Node]:
        key = f"clip {clip.file_id} {clip.index_id}"
        files, lacks_picture = self._memo.get(key, partial(self._read_clip, clip, shelf))
        if lacks_picture:
            self._pictures.want(clip, shelf)  # not remembered: the next look may come from somebody who wants one
        return files

    def _read_clip(self, clip: Clip, shelf: Shelf) -> tuple[Mapping[str, Node], bool]:
        facts, picture = self._catalog.facts(clip), self._pictures.picture(clip)
        lacks_picture = picture is None and facts is not None and facts.kind == "video"
        return files_of_clip(clip, facts, shelf, picture), lacks_picture

    def _clip_stamp(self, clip: Clip, shelf: Shelf) -> str:
        picture = self._pictures.picture(clip)
        return repr((clip, shelf.path, shelf.index_name, shelf.is_online, shelf.trouble, picture and picture.name))

    def _links(self, top: str, depth: int, find: Callable[[], list[Clip]]) -> Iterator[tuple[str, Node]]:
        """Clips as links from a folder that is `depth` levels below the index."""
        for name, clip in _named(find(), lambda clip: (clip.name, str(clip.file_id))):
            place = self._place(clip)
            if place is not None:
                yield name, Link("../" * depth + place, clip.modified_ns)

    def _shelves(self) -> list[Shelf]:
        return self._memo.get("shelves", self._catalog.shelves)

    def _place(self, clip: Clip) -> str | None:
        """Where a clip's folder is, from its index on: `by-folder/ROOT/…/CLIP`."""
        shelves = [shelf for shelf in self._shelves() if shelf.index_id == clip.index_id]
        for root, shelf in _roots(shelves):
            if shelf.root_id != clip.root_id:
                continue
            names = ["by-folder", root]
            folders = clip.relative.split(b"/")[:-1]
            for depth in range(len(folders) + 1):
                here = b"/".join(folders[:depth])
                listing = self._memo.get(f"names {shelf.root_id} {here.hex()}", partial(self._names_in, shelf, here))
                wanted: bytes | int = clip.file_id if depth == len(folders) else b"/".join(folders[: depth + 1])
                if wanted not in listing:
                    return None
                names.append(listing[wanted])
            return "/".join(names)
        return None

    def _names_in(self, shelf: Shelf, relative: bytes) -> Mapping[bytes | int, str]:
        subfolders, clips = self._catalog.folder(shelf.root_id, relative)
        here = [relative + b"/" + name if relative else name for name in subfolders]
        named = self._names_below(here, clips)
        return {entry.file_id if isinstance(entry, Clip) else entry: name for name, entry in named}

    def _names_below(self, folders: list[bytes], clips: list[Clip]) -> Iterator[tuple[str, Clip | bytes]]:
        entries: list[Clip | bytes] = [*folders, *clips]
        return _named(
            entries,
            lambda entry: (
                (entry.name, str(entry.file_id))
                if isinstance(entry, Clip)
                else (os.fsdecode(entry.rpartition(b"/")[2]), entry.hex()[-64:])
            ),
        )

    def _heard(self, heard: Heard[T]) -> Iterator[tuple[str, Node]]:
        """A file that says why a listing is not there yet, or not fresh."""
        if heard.status == "loading":
            yield LOADING, File(b"The platform is being asked. Open this folder again in a moment.\n", 0)
        elif heard.status != "ready":
            fresh = "This is from an earlier answer" if heard.status == "stale" else "There is no answer yet"
            yield OFFLINE, File(f"{fresh}: {heard.note}\n".encode("utf-8", "replace"), 0)

    def _hits(self, top: str, index_id: str, heard: Heard[Hit]) -> Iterator[tuple[str, Node]]:
        yield from self._heard(heard)
        local: dict[str, Clip | None] = {}
        for hit in heard.items:
            if hit.indexed_asset_id not in local:
                clips = self._catalog.clips_of(index_id, hit.indexed_asset_id)
                local[hit.indexed_asset_id] = min(clips, key=lambda clip: clip.state == "missing") if clips else None
        is_known = all(local.values())  # else the whole index has to be listed to say what the others are called
        remote = {} if is_known else self._memo.get(f"remote {index_id}", partial(self._remote_by_id, index_id))
        labels = [
            (self._hit_label(hit, local[hit.indexed_asset_id], remote), str(n)) for n, hit in enumerate(heard.items)
        ]
        for name, hit in zip(unique_names(labels), heard.items, strict=True):
            clip = local[hit.indexed_asset_id]
            modified_ns = clip.modified_ns if clip else self._made_ns
            yield name, Folder(modified_ns, partial(self._hit, index_id, hit, clip, remote.get(hit.indexed_asset_id)))

    def _remote_by_id(self, index_id: str) -> dict[str, str]:
        return {clip.indexed_asset_id: name for name, clip in _remote_names(self._platform.remote_only(index_id))}

    def _hit(self, index_id: str, hit: Hit, clip: Clip | None, remote: str | None) -> Mapping[str, Node]:
        place = self._place(clip) if clip else f"remote-only/{remote}" if remote else None
        facts = self._catalog.facts(clip) if clip else None
        spoken = facts.texts.get("transcription") if facts else None
        cues = cues_of(spoken)
        filename = clip.name if clip else remote or hit.indexed_asset_id
        modified_ns = clip.modified_ns if clip else self._made_ns
        return files_of_hit(hit, "../../../" + place if place else None, filename, cues, modified_ns)

    def _hit_label(self, hit: Hit, clip: Clip | None, remote: dict[str, str]) -> str:
        name = clip.name if clip else remote.get(hit.indexed_asset_id, hit.indexed_asset_id)
        start, end = stamp(hit.start_s, colon="-"), stamp(hit.end_s, colon="-")
        return f"{hit.rank:03d} {start}–{end} {safe_name(name, hit.indexed_asset_id, limit_bytes=120)}"


def child(node: Node, name: str) -> Node | None:
    """An entry of a folder by its name, None when there is none."""
    if not isinstance(node, Folder):
        return None
    found = node.list().get(name)
    if found is None and node.enter is not None:
        found = node.enter(name)
    return found


def is_query(name: str) -> bool:
    """Whether a name below `search/` is meant as a query, and not looked for by some program in every folder."""
    is_plain = len(name) <= _LONGEST_QUERY and name.isprintable() and "/" not in name and any(map(str.isalnum, name))
    return is_plain and not name.startswith((".", "…")) and name.lower() not in _NO_QUERIES


def _roots(shelves: Sequence[Shelf]) -> list[tuple[str, Shelf]]:
    return list(_named(shelves, lambda shelf: (shelf.path.name or "root", str(shelf.root_id))))


def _remote_names(heard: Heard[RemoteClip]) -> list[tuple[str, RemoteClip]]:
    return list(_named(heard.items, lambda clip: (clip.filename, clip.indexed_asset_id)))


def _named(items: Iterable[T], label: Callable[[T], tuple[str, str]]) -> Iterator[tuple[str, T]]:
    """Items with names of their own, from a text and an id of each."""
    kept = list(items)
    return zip(unique_names([label(item) for item in kept]), kept, strict=True)


def _noon_ns(day: str) -> int:
    """Noon of a day, local time: a time that shows as this day everywhere near."""
    return int(datetime.fromisoformat(f"{day}T12:00").timestamp()) * 10**9
