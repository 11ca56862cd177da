"""Answers as bytes: status line, header lines, and the body where it is there.

Invariant: the framing fields (content-length, transfer-encoding, connection) are written here and nowhere
else, so an application cannot contradict them; no header value carries a line break.
"""

from collections.abc import Callable, Iterable
from email.utils import formatdate
from http import HTTPStatus
from typing import NamedTuple

from headgate.edge.body import Prepared, Relayed

CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
BODILESS = (204, 304)
FIRST_FINAL = 200
_STATUS = {
    status.value: b"HTTP/1.1 %d %s\r\n" % (status.value, status.phrase.encode()) for status in HTTPStatus
}
SECURITY = b"x-content-type-options: nosniff\r\nx-frame-options: DENY\r\nreferrer-policy: no-referrer\r\n"
OWNED = frozenset(
    b"content-length transfer-encoding connection keep-alive date server x-request-id upgrade trailer".split()
)
CLOSE = b"connection: close\r\n"
KEEP = b"connection: keep-alive\r\n"

Header = tuple[bytes, bytes]


class CommonLines:
    """The lines that every answer has; the date is set anew by `refresh`, once a second is enough."""

    __slots__ = ("_starts", "_wall_s", "block")

    def __init__(self, wall_s: Callable[[], float]) -> None:
        self._wall_s = wall_s
        self._starts: dict[int, bytes] = {}
        self.block = b""
        self.refresh()

    def refresh(self) -> None:
        """Read the wall clock."""
        self.block = (
            SECURITY + b"server: headgate\r\ndate: %s\r\n" % formatdate(self._wall_s(), usegmt=True).encode()
        )
        self._starts.clear()

    def start(self, status: int) -> bytes:
        """The status line and the lines that every answer has; kept per status until the next `refresh`."""
        start = self._starts.get(status)
        if start is None:
            start = self._starts[status] = status_line(status) + self.block
        return start


class Framing(NamedTuple):
    """How a head announces its body: `length` in bytes, or None for chunked; neither when `bare`."""

    content_type: bytes | None
    length: int | None
    bare: bool = False


def status_line(status: int) -> bytes:
    """The status line (RFC 9112, section 4); codes without a name get an empty phrase."""
    return _STATUS.get(status) or b"HTTP/1.1 %d \r\n" % status


def bodiless(status: int) -> bool:
    """True for statuses that never have a body (RFC 9110, section 6.4.1)."""
    return status < FIRST_FINAL or status in BODILESS


def header_lines(headers: Iterable[Header]) -> bytes:
    """Header lines of an application's own headers, without those that are the edge's.

    Raises:
        ValueError: a name or value with a line break or NUL.
    """
    lines = []
    for name, value in headers:
        if name.lower() in OWNED:
            continue
        line = b"%b: %b" % (name, value)
        if b"\r" in line or b"\n" in line or b"\0" in line:
            message = f"header {name!r} carries a line break or NUL"
            raise ValueError(message)
        lines.append(line + b"\r\n")
    return b"".join(lines)


def head(start: bytes, framing: Framing, lines: bytes, request_id: str) -> bytes:
    """A whole head, the empty line included; `start` as CommonLines has it, `connection` among `lines`."""
    parts = [start]
    if framing.content_type:
        parts.append(b"content-type: %b\r\n" % framing.content_type)
    if framing.length is not None:
        parts.append(b"content-length: %d\r\n" % framing.length)
    elif not framing.bare:
        parts.append(b"transfer-encoding: chunked\r\n")
    parts.append(b"x-request-id: %b\r\n%b\r\n" % (request_id.encode(), lines))
    return b"".join(parts)


def whole(start: bytes, content: Prepared, lines: bytes, request_id: str) -> bytes:
    """A whole answer in one step: what `head` writes for it, and its body."""
    return b"%bcontent-type: %b\r\ncontent-length: %d\r\nx-request-id: %b\r\n%b\r\n%b" % (
        start, content.type, content.length, request_id.encode(), lines, content.body,
    )  # fmt: skip


def begun(start: bytes, content: Relayed, lines: bytes, request_id: str) -> bytes:
    """The head of a relayed answer, chunked where its size is not known."""
    size = content.sized
    framing = b"transfer-encoding: chunked" if size is None else b"content-length: %d" % size
    return b"%bcontent-type: %b\r\n%b\r\nx-request-id: %b\r\n%b\r\n" % (
        start, content.type, framing, request_id.encode(), lines,
    )  # fmt: skip


def parse_lines(lines: bytes) -> list[Header]:
    """Rendered header lines as pairs, for servers that want pairs."""
    pairs = []
    for line in lines.split(b"\r\n"):
        if line:
            name, _, value = line.partition(b":")
            pairs.append((name.strip().lower(), value.strip()))
    return pairs
