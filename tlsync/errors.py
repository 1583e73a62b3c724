"""Everything that can go wrong, on one screen.

Each class answers two questions that the engine asks: does it concern one file, one group of calls or
everything (`concerns`), and may waiting help (`is_temporary`)? Errors of libraries stop at the layer that
uses the library; above it there are only these.

    TlsyncError
    ├── ConfigError · UnknownPath · NotYet · AlreadyRunning · NotRunning · Interrupted · Overloaded · SafeMode
    ├── ServiceError · CapReached(cap, resets_at)
    ├── CatalogError      CatalogDamaged · CatalogBusy
    ├── FileError(path)   FileVanished · FileChanged · FileUnreadable · NotEligible · TooSlow · SidecarBlocked
    ├── ApiError(status, remote_code)
    │   ├── Transient     Unreachable · Untrusted · PlatformDown · RateLimited · ServerFault
    │   ├── Refused       Unauthorized · NotFound · Gone · Rejected · QuotaExceeded
    │   ├── BadAnswer     not the agreed shape
    │   └── InsecureUrl   a URL that no byte may be sent to
    └── ChunkRefused · SessionExpired · RemoteFailed(what, reason)
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

if TYPE_CHECKING:
    from datetime import datetime

Concern = Literal["file", "group", "everything"]


class TlsyncError(Exception):
    """Base of all. `str()` is the message for people; `hint` says what to do next."""

    code: ClassVar[str] = "error"
    concerns: Concern = "everything"
    is_temporary: bool = False

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class ConfigError(TlsyncError):
    """The settings, the key file or a path given by the user is not usable."""

    code = "config"


class UnknownPath(TlsyncError):
    """A path given by the user leads nowhere, or to nothing that tlsync knows."""

    code = "unknown_path"


class NotYet(TlsyncError):
    """What the command needs is on its way and can't be used yet: waiting helps."""

    code = "not_yet"
    is_temporary = True


class AlreadyRunning(TlsyncError):
    """Another tlsync works with the same state folder."""

    code = "already_running"


class NotRunning(TlsyncError):
    """The command needs the daemon, and there is none."""

    code = "not_running"


class ServiceError(TlsyncError):
    """The system's service manager is not there, or refused."""

    code = "service"


class CatalogError(TlsyncError):
    """The catalog can't be opened, is damaged, or was made by a newer tlsync."""

    code = "catalog"


class CatalogDamaged(CatalogError):
    """The catalog's file is not as tlsync left it, or SQLite can't read it: it is set aside and rebuilt."""

    code = "catalog_damaged"


class CatalogBusy(CatalogError):
    """The catalog's disk is full or another program holds the catalog: waiting helps."""

    code = "catalog_busy"
    is_temporary = True


class Interrupted(TlsyncError):
    """tlsync was asked to stop in the middle of this step. Nothing is wrong."""

    code = "interrupted"
    is_temporary = True


class Overloaded(TlsyncError):
    """This machine has no more memory, threads or open files for tlsync: fewer things at once help."""

    code = "overloaded"
    is_temporary = True


class SafeMode(TlsyncError):
    """tlsync made several mistakes in a short time and changes nothing on the platform any more."""

    code = "safe_mode"


class CapReached(TlsyncError):
    """A cap of the settings has no room for this now. Nothing was sent or ordered.

    Attributes:
        cap: Its name in the settings.
        resets_at: When it begins anew; None: this alone is more than the cap, so no day will do.
    """

    code = "cap_reached"
    concerns = "file"
    is_temporary = True

    def __init__(self, message: str, *, cap: str, resets_at: datetime | None, hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.cap = cap
        self.resets_at = resets_at


class FileError(TlsyncError):
    """Concerns one file only; the rest goes on."""

    code = "file"
    concerns = "file"

    def __init__(self, path: str, message: str, *, hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.path = path


class FileVanished(FileError):
    """The file is no longer where it was."""

    code = "vanished"


class FileChanged(FileError):
    """The file is not the one that was looked at before: it starts over."""

    code = "changed"
    is_temporary = True


class FileUnreadable(FileError):
    """The system refuses to read the file, or the disk fails."""

    code = "unreadable"
    is_temporary = True


class NotEligible(FileError):
    """The platform would not take this file, or it is not media. `message` is the reason."""

    code = "not_eligible"


class TooSlow(FileError):
    """Within the rates and hours that are allowed its upload would not end in time; `message` says by how much."""

    code = "too_slow"
    is_temporary = True


class SidecarBlocked(FileError):
    """Something that tlsync did not write has the sidecar's name; it is left alone."""

    code = "sidecar_blocked"


class ApiError(TlsyncError):
    """The platform or the way to it.

    Attributes:
        status: HTTP status, or None when no answer came.
        remote_code: The platform's own code, for example `parameter_invalid`.
        maybe_applied: The request may have taken effect although no good answer came.
        group: The calls that fail for the same reason; empty where that is not known.
        retry_after_s: When it is worth asking again; None where nobody said.
    """

    code = "api"
    group: str = ""
    retry_after_s: float | None = None

    def __init__(
        self,
        message: str,
        *,
        status: int | None = None,
        remote_code: str | None = None,
        maybe_applied: bool = False,
        hint: str = "",
    ) -> None:
        super().__init__(message, hint=hint)
        self.status = status
        self.remote_code = remote_code
        self.maybe_applied = maybe_applied


class Transient(ApiError):
    """Trying again later may help."""

    code = "temporary"
    is_temporary = True


class Unreachable(Transient):
    """No answer: no network, no such host, refused, timed out or cut off."""

    code = "unreachable"


class Untrusted(Unreachable):
    """The server's certificate is not trusted, so nothing is sent. Asking again does not make it better."""

    code = "untrusted"
    is_temporary = False


class PlatformDown(Transient):
    """Not sent: calls like this one failed again and again. One of them is made after `retry_after_s`."""

    code = "platform_down"
    concerns = "group"

    def __init__(self, message: str, *, retry_after_s: float, group: str = "", hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.retry_after_s = retry_after_s
        self.group = group


class RateLimited(Transient):
    """429. `retry_after_s` is what the platform asked for, None when it did not say."""

    code = "rate_limited"
    concerns = "group"

    def __init__(
        self, message: str, *, retry_after_s: float | None = None, remote_code: str | None = None, hint: str = ""
    ) -> None:
        super().__init__(message, status=429, remote_code=remote_code, hint=hint)
        self.retry_after_s = retry_after_s


class ServerFault(Transient):
    """5xx, 408 or 425: the platform's trouble, perhaps with this file only."""

    code = "server_fault"
    concerns = "file"


class Refused(ApiError):
    """The platform understood and said no; the same call again gives the same answer."""

    code = "refused"


class Unauthorized(Refused):
    """401, or 403 for the key as such."""

    code = "unauthorized"


class NotFound(Refused):
    """404, or 400 with `resource_not_exist`."""

    code = "not_found"
    concerns = "file"


class Gone(NotFound):
    """410: this endpoint or object existed once."""

    code = "gone"


class Rejected(Refused):
    """400, 409, 413, 415, 422: these parameters, this content."""

    code = "rejected"
    concerns = "file"


class QuotaExceeded(Refused):
    """402, 403, or a code that names the plan or its limits."""

    code = "quota"
    concerns = "group"


class BadAnswer(ApiError):
    """An answer that is not of the agreed shape."""

    code = "bad_answer"
    concerns = "file"
    is_temporary = True


class InsecureUrl(ApiError):
    """The platform named a URL to which no file may be sent."""

    code = "insecure_url"
    concerns = "file"


class ChunkRefused(ApiError):
    """Storage refused a chunk: its URL was used or is expired. A fresh URL helps."""

    code = "chunk_refused"
    concerns = "file"
    is_temporary = True


class SessionExpired(TlsyncError):
    """The upload session is over before the file was whole: a new one is needed."""

    code = "session_expired"
    concerns = "file"
    is_temporary = True


class RemoteFailed(TlsyncError):
    """The platform gave up on something it had accepted."""

    code = "remote_failed"
    concerns = "file"

    def __init__(self, what: str, reason: str, *, hint: str = "") -> None:
        super().__init__(f"{what}: {reason}", hint=hint)
        self.what = what
        self.reason = reason
