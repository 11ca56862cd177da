"""A request head, from its bytes to an EdgeRequest: read natively, and judged by llhttp as well.

Invariant: a head is served only when both readers take it. llhttp is given exactly one head and never a body,
so where a message ends is decided in one place, by the native reader, and an Upgrade header cannot change it.
"""

from typing import Final

import httptools

from headgate.core import HeadReader
from headgate.edge.limits import Limits, Refused
from headgate.edge.request import EdgeRequest
from headgate.edge.request_id import RequestIds

CRLF = b"\r\n"
_NO_CALLBACKS = object()
_REFUSAL_PARTS: Final = 3
_LINE_SLACK_BYTES = 64


class HeadParser:
    """Reads heads, one after the other; nothing is kept between two, so a server needs one."""

    __slots__ = ("_cut", "_new_id")

    def __init__(self, limits: Limits, ids: RequestIds) -> None:
        reader = HeadReader(
            limits.max_header_bytes, limits.max_headers, limits.max_target_bytes, limits.max_body_bytes
        )
        self._cut = reader.cut
        self._new_id = ids.new

    def parse(self, data: bytes, at: int, received_ns: int) -> tuple[EdgeRequest, int] | None:
        """The request whose head begins at `at`, and where that head ends; None while the end has not come.

        Raises:
            Refused: with the status that the client shall see.
        """
        facts = self._cut(data, at)
        if facts is None:
            return None
        if len(facts) == _REFUSAL_PARTS:
            raise Refused(*facts)
        (
            end, method, path, query, headers, length, chunked, keep_alive, expects,
            special, vendor, own_id, key,
        ) = facts  # fmt: skip
        # A parser that has seen a body announced waits for it, and one that has seen "close" takes no more;
        # a new one (0.2 µs) is cheaper than feeding it the body.
        try:
            httptools.HttpRequestParser(_NO_CALLBACKS).feed_data(data[at:end])
        except httptools.HttpParserUpgrade:
            pass  # nobody is upgraded: the request is answered as it stands
        except httptools.HttpParserError as error:
            raise Refused(400, "invalid_request", f"The request head is malformed: {error}") from None
        request = EdgeRequest(method, None, headers)  # type: ignore[arg-type]  # no URL: as in `edge_request`
        request._path = path
        request._raw_query = query
        request.received_ns = received_ns
        request.chunked = chunked
        request.keep_alive = keep_alive
        request.expects = expects
        request.special = special
        request.vendor = vendor
        request.authorization = key
        request.request_id = own_id or self._new_id()
        request.body_length = length
        request.whole = None if length else b""
        request.reader = None
        return request, end


def check_partial(head: bytearray, since: int, limits: Limits) -> None:
    """Refuse a head before it is whole when nothing could repair it; bytes before `since` were looked at.

    Raises:
        Refused: 400, 414 or 431.
    """
    if len(head) > limits.max_header_bytes:
        raise Refused(431, "headers_too_large", "The request head is too large")
    start = len(CRLF) if head.startswith(CRLF) else 0
    first = head[start : start + 1]
    if first and not first.isalpha() and head != b"\r":
        raise Refused(400, "invalid_request_line", "The request line is malformed")
    if head.count(b"\n", since) != head.count(CRLF, since):
        raise Refused(400, "invalid_request", "A line ends without CR LF")
    if len(head) > limits.max_target_bytes + _LINE_SLACK_BYTES and head.find(CRLF, start) < 0:
        raise Refused(414, "uri_too_long", "The request target is too long")
