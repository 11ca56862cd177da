"""A request head, from its bytes to an EdgeRequest: llhttp judges the bytes, `checks` holds what it does not.

Invariant: fields are cut only from bytes that llhttp has accepted, where a line has one meaning (no bare CR
or LF, no folding, tokens as names). It is given exactly one head and never a body, so where a message ends is
decided in one place, by `checks.framing`, and an Upgrade header cannot change it.
"""

import httptools

from headgate.edge import checks
from headgate.edge.checks import FRAMING
from headgate.edge.limits import BodyTooLarge, Limits, Refused
from headgate.edge.request import EdgeRequest, edge_request
from headgate.edge.request_id import RequestIds

_NO_CALLBACKS = object()
_END_BYTES = len(b"\r\n\r\n")


class HeadParser:
    """Reads heads, one after the other; nothing is kept between two, so a server needs one."""

    __slots__ = ("_ids", "_limits")

    def __init__(self, limits: Limits, ids: RequestIds) -> None:
        self._limits = limits
        self._ids = ids

    def parse(self, raw: bytes, received_ns: int) -> EdgeRequest:
        """Read one head, the empty line included.

        Raises:
            Refused: with the status that the client shall see. BodyTooLarge: by its content-length.
        """
        limits = self._limits
        lines = raw[:-_END_BYTES].split(b"\r\n")
        if len(lines) - 1 > limits.max_headers:
            raise Refused(431, "too_many_headers", f"More than {limits.max_headers} header fields")
        method, target, version = checks.request_line(lines[0], limits)
        _judge(raw)
        headers: list[tuple[bytes, bytes]] = []
        fields: dict[bytes, list[bytes]] = {}
        _cut(lines, headers, fields)
        length = checks.framing(raw, version, fields)
        host = fields.get(b"host")
        request = edge_request(method, checks.split_target(method, target, host[0] if host else b""), headers)
        request.received_ns = received_ns
        request.chunked = version == b"HTTP/1.1"
        request.keep_alive = checks.keeps_alive(fields.get(b"connection"), version)
        request.expects = checks.expects_continue(fields.get(b"expect"), version)
        offered = fields.get(b"x-request-id")
        request.request_id = self._ids.accept(offered[0] if offered else None)
        request.body_length = length
        request.whole = None if length else b""
        request.reader = None
        if length > limits.max_body_bytes:
            raise BodyTooLarge(f"The request body is larger than {limits.max_body_bytes} bytes")
        return request


def _cut(lines: list[bytes], headers: list[tuple[bytes, bytes]], fields: dict[bytes, list[bytes]]) -> None:
    # Cutting here costs half of what a callback for every field does.
    for line in lines[1:]:
        name, _, value = line.partition(b":")
        name = name.lower()
        value = value.strip(b" \t")
        headers.append((name, value))
        if name in FRAMING:
            if name in fields:
                fields[name].append(value)
            else:
                fields[name] = [value]


def _judge(raw: bytes) -> None:
    # A parser that has seen a body announced waits for it, and one that has seen "close" takes no more;
    # a new one (0.3 µs) is cheaper than feeding it the body.
    try:
        httptools.HttpRequestParser(_NO_CALLBACKS).feed_data(raw)
    except httptools.HttpParserUpgrade:
        return
    except httptools.HttpParserError as error:
        raise Refused(400, "invalid_request", f"The request head is malformed: {error}") from None
