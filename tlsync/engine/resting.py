"""A file whose content was removed from the platform on purpose rests as `ineligible`, until it is named in a retry."""

from __future__ import annotations

from tlsync.states import FileState
from tlsync.store.catalog import Catalog, FileRow

REMOVED = "removed_remotely"
_REASON = "removed from the platform on purpose"
_HINT = "tlsync retry PATH sends it again"


def put_to_rest(catalog: Catalog, file: FileRow) -> None:
    """Take a file to rest, whatever its state. One that is missing stays so, and is looked at anew when it is back."""
    if file.state == FileState.MISSING:
        catalog.note(file, file.reason, came_from=FileState.SETTLING)
        return
    if file.state == FileState.INELIGIBLE and file.error_code == REMOVED:
        return
    with catalog.transaction():
        if file.state not in (FileState.SETTLING, FileState.IDENTIFIED):
            file = catalog.move(file, FileState.SETTLING, _REASON)
        catalog.move(file, FileState.INELIGIBLE, _REASON, error_code=REMOVED, hint=_HINT, attempts=0)
