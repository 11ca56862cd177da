"""The request as the application sees it, the same under the edge's own server and under ASGI.

Invariant: a body is read through `body()` (or the standard `read()`), which is where its limits hold.
"""

from collections.abc import AsyncIterator
from typing import Protocol

from blacksheep import Request
from blacksheep.contents import ASGIContent

CHUNKED = -1
SPECIAL = b"x-headgate-"
VENDORS = (b"openai-", b"anthropic-")
VENDOR_NAMES = frozenset((b"idempotency-key", b"http-referer", b"x-title"))


class BodyReader(Protocol):
    """Where the rest of a body comes from."""

    async def read(self) -> bytes:
        """The whole body; raises an EdgeError when there will be none."""


class EdgeRequest(Request):
    """A BlackSheep request with what the edge knows about it.

    `received_ns`: monotonic time of the first byte. `chunked`: the client understands chunked coding.
    `body_length`: declared bytes, or CHUNKED. `keep_alive`: the client wants the connection kept.
    `authorization`: the first value of that header. `special`: some header's name begins with `x-headgate-`.
    `vendor`: some header is one that a provider could be meant by; without it there is nothing to pass on.
    """

    __slots__ = (
        "authorization",
        "body_length",
        "chunked",
        "expects",
        "keep_alive",
        "reader",
        "received_ns",
        "request_id",
        "special",
        "vendor",
        "whole",
    )

    _path: bytes
    _raw_query: bytes
    received_ns: int
    chunked: bool
    request_id: str
    authorization: bytes | None
    special: bool
    vendor: bool
    body_length: int
    keep_alive: bool
    expects: bool
    whole: bytes | None
    reader: BodyReader | None

    @property
    def raw_path(self) -> bytes:
        """The path as it came, undecoded and without the query."""
        return self._path

    def header_pairs(self) -> list[tuple[bytes, bytes]]:
        """All headers, names in lower case."""
        return self.headers.values  # type: ignore[return-value]  # the stub says tuple, the list itself is given

    async def body(self) -> bytes:
        """The whole body; waits for what is missing and sends 100-continue where the client waits for it.

        Raises:
            BodyTooLarge, BodyTimeout, ClientGone, OverCapacity, Refused: as the limits have it.
        """
        if self.whole is None and self.reader is not None:
            self.whole = await self.reader.read()
        return self.whole or b""


def edge_request(method: str, target: tuple[bytes, bytes], headers: list[tuple[bytes, bytes]]) -> EdgeRequest:
    """A request for `target`, a path and a query; the edge's own attributes are the caller's to set."""
    request = EdgeRequest(method, None, headers)  # type: ignore[arg-type]  # no URL: path and query are known
    request._path, request._raw_query = target  # as BlackSheep's own Request.incoming does
    return request


def note_headers(request: EdgeRequest, headers: list[tuple[bytes, bytes]]) -> None:
    """Set what the native reader tells of `headers`, names in lower case, where another server read them."""
    names = [name for name, _ in headers]
    request.authorization = next((value for name, value in headers if name == b"authorization"), None)
    request.special = any(name.startswith(SPECIAL) for name in names)
    request.vendor = any(name.startswith(VENDORS) or name in VENDOR_NAMES for name in names)


class BodyContent(ASGIContent):
    """A body that has not arrived yet, for code that reads in BlackSheep's own way."""

    __slots__ = ("_request",)

    def __init__(self, request: EdgeRequest) -> None:
        super().__init__(None)  # type: ignore[arg-type]  # no ASGI receive: read and stream are replaced
        self._request = request

    async def read(self) -> bytes:
        """The whole body, as `EdgeRequest.body()`."""
        return await self._request.body()

    async def stream(self) -> AsyncIterator[bytes]:
        """The whole body in one part: limits are checked before the application sees a byte."""
        yield await self._request.body()
        yield b""
