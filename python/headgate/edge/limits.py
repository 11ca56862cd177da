"""What a client may send, and the refusals that follow when it sends more.

Invariant: every refusal names its status and its code here; nothing else in the room invents one.
"""

from dataclasses import dataclass

KIB = 1024
MIB = 1024 * KIB


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of one server; sizes in bytes, times in seconds."""

    max_header_bytes: int = 64 * KIB
    max_headers: int = 128
    max_target_bytes: int = 8 * KIB
    max_body_bytes: int = 32 * MIB
    max_bodies_bytes: int = 256 * MIB
    header_timeout_s: float = 10.0
    body_timeout_s: float = 60.0
    idle_timeout_s: float = 120.0
    linger_timeout_s: float = 2.0
    max_pipelined: int = 16
    max_queued_bytes: int = 64 * KIB
    write_high_bytes: int = 64 * KIB
    max_connections: int = 10_000


class EdgeError(Exception):
    """A request that the edge refuses: HTTP status, code for programs, message for people.

    Raised out of `EdgeRequest.body()` as well, where it is a property of the body and not of the application.
    """

    status = 400
    code = "bad_request"

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class Refused(EdgeError):
    """A head, or chunk framing, that breaks the rules of RFC 9112."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code


class BodyTooLarge(EdgeError):
    """The body is over `max_body_bytes`."""

    status = 413
    code = "body_too_large"


class BodyTimeout(EdgeError):
    """The body did not arrive within `body_timeout_s`."""

    status = 408
    code = "body_timeout"


class ClientGone(EdgeError):
    """The client closed its side before the body was whole."""

    status = 400
    code = "incomplete_body"


class OverCapacity(EdgeError):
    """The bodies of all requests in flight are over `max_bodies_bytes`, or there are too many connections."""

    status = 503
    code = "overloaded"


class Load:
    """Bytes of all request bodies held by one server at this moment."""

    __slots__ = ("bodies_bytes", "max_bytes")

    def __init__(self, max_bytes: int) -> None:
        self.max_bytes = max_bytes
        self.bodies_bytes = 0

    def take(self, size: int) -> bool:
        """Count `size` bytes as held; False when that would be over the limit (nothing is counted then)."""
        if self.bodies_bytes + size > self.max_bytes:
            return False
        self.bodies_bytes += size
        return True

    def give(self, size: int) -> None:
        """Return what `take` counted."""
        self.bodies_bytes -= size
