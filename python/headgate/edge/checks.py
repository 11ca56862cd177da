"""Rules for a head that llhttp does not hold (RULINGS: it lets duplicate Host, TE on HTTP/1.0 and more pass).

Invariant: two readers of the same bytes must not see two different requests; whatever is ambiguous is
refused.
"""

import re
from collections.abc import Mapping

import httptools

from headgate.edge.limits import Limits, Refused
from headgate.edge.request import CHUNKED

METHODS = {name.encode(): name for name in ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")}
FRAMING = frozenset(
    (b"host", b"content-length", b"transfer-encoding", b"expect", b"connection", b"x-request-id")
)
_SINGLE = (b"host", b"content-length", b"transfer-encoding", b"expect")
_VERSION = re.compile(rb"HTTP/[0-9]\.[0-9]")
_METHOD = re.compile(rb"[A-Z][A-Z-]{0,31}")
_ONE_CHUNKED = re.compile(rb"\r\ntransfer-encoding: ?chunked\r\n", re.IGNORECASE)
_CODINGS = re.compile(rb"(?:(?:gzip|x-gzip|deflate|compress|br|zstd), ?)+chunked", re.IGNORECASE)
_HOST_BYTES = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~:[]%!$&'()*+;="
_MAX_LENGTH_DIGITS = 18
_LINE_SLACK_BYTES = 64


def request_line(line: bytes, limits: Limits) -> tuple[str, bytes, bytes]:
    """Method, target and version of a request line (RFC 9112, section 3).

    Raises:
        Refused: 400, 414, 501 (unknown method) or 505.
    """
    parts = line.split(b" ")
    version = parts[-1]
    if version not in (b"HTTP/1.1", b"HTTP/1.0"):
        if _VERSION.fullmatch(version):
            raise Refused(505, "http_version_not_supported", "This server speaks HTTP/1.1 and HTTP/1.0")
        raise Refused(400, "invalid_request_line", "The request line is malformed")
    if len(parts) != len(("method", "target", "version")):
        raise Refused(400, "invalid_request_line", "The request line is malformed")
    name, target, _ = parts
    if len(target) > limits.max_target_bytes:
        raise Refused(414, "uri_too_long", "The request target is too long")
    method = METHODS.get(name)
    if method is None:
        if _METHOD.fullmatch(name):
            raise Refused(501, "method_not_implemented", "This method is not implemented")
        raise Refused(400, "invalid_request_line", "The method is malformed")
    return method, target, version


def partial_head(head: bytearray, since: int, limits: Limits) -> None:
    """Refuse a head before it is whole when nothing could repair it; bytes before `since` were looked at.

    Raises:
        Refused: 400, 414 or 431.
    """
    if len(head) > limits.max_header_bytes:
        raise Refused(431, "headers_too_large", "The request head is too large")
    if not head[:1].isalpha() and head[:2] != b"\r\n" and head != b"\r":
        raise Refused(400, "invalid_request_line", "The request line is malformed")
    if head.count(b"\n", since) != head.count(b"\r\n", since):
        raise Refused(400, "invalid_request", "A line ends without CR LF")
    if len(head) > limits.max_target_bytes + _LINE_SLACK_BYTES and head.find(b"\r\n") < 0:
        raise Refused(414, "uri_too_long", "The request target is too long")


def framing(raw: bytes, version: bytes, fields: Mapping[bytes, list[bytes]]) -> int:
    """Length of the body in bytes, or CHUNKED.

    Raises:
        Refused: 400 for anything ambiguous, 501 for a known coding that is not done here, 417 for Expect.
    """
    for name in _SINGLE:
        if len(fields.get(name, ())) > 1:
            raise Refused(400, "duplicate_header", f"The {name.decode()} header appears more than once")
    if b"host" in fields:
        check_host(fields[b"host"][0])
    elif version == b"HTTP/1.1":
        raise Refused(400, "missing_host", "The host header is missing")
    if b"transfer-encoding" in fields:
        return _coded(raw, version, fields)
    lengths = fields.get(b"content-length")
    if lengths is None:
        return 0
    length = lengths[0]
    if not length.isdigit() or len(length) > _MAX_LENGTH_DIGITS:
        raise Refused(400, "invalid_content_length", "The content-length header is malformed")
    return int(length)


def _coded(raw: bytes, version: bytes, fields: Mapping[bytes, list[bytes]]) -> int:
    if version == b"HTTP/1.0" or b"content-length" in fields:
        raise Refused(400, "ambiguous_length", "transfer-encoding is not allowed here")
    if len(_ONE_CHUNKED.findall(raw)) == 1:
        return CHUNKED
    if _CODINGS.fullmatch(fields[b"transfer-encoding"][0]):
        raise Refused(501, "unknown_transfer_encoding", "Only the chunked transfer coding is supported")
    raise Refused(400, "invalid_transfer_encoding", "The transfer-encoding header is malformed")


def check_host(host: bytes) -> None:
    """Refuse a host that is empty or has bytes that no authority has (RFC 3986, section 3.2.2)."""
    if not host or host.translate(None, _HOST_BYTES):
        raise Refused(400, "invalid_host", "The host header is malformed")


def expects_continue(values: list[bytes] | None, version: bytes) -> bool:
    """True when the client waits for 100 Continue (RFC 9110, section 10.1.1).

    Raises:
        Refused: 417 for any other expectation of an HTTP/1.1 client.
    """
    if not values or version == b"HTTP/1.0":
        return False
    if values[0].lower() == b"100-continue":
        return True
    raise Refused(417, "expectation_failed", "Only the 100-continue expectation is supported")


def keeps_alive(values: list[bytes] | None, version: bytes) -> bool:
    """Whether the client wants the connection kept (RFC 9112, section 9.3)."""
    if not values:
        return version == b"HTTP/1.1"
    options = {option.strip() for value in values for option in value.lower().split(b",")}
    return b"close" not in options and (version == b"HTTP/1.1" or b"keep-alive" in options)


def split_target(method: str, target: bytes, host: bytes) -> tuple[bytes, bytes]:
    """Path and query of a request target in origin, absolute or asterisk form (RFC 9112, section 3.2).

    Raises:
        Refused: any other form, or an absolute form for another host.
    """
    if b"#" in target:
        raise Refused(400, "invalid_target", "The request target has a fragment")
    if target.startswith(b"/"):
        path, _, query = target.partition(b"?")
        return path, query
    if target == b"*" and method == "OPTIONS":
        return target, b""
    try:
        parsed = httptools.parse_url(target)
    except httptools.HttpParserInvalidURLError:
        raise Refused(400, "invalid_target", "The request target is malformed") from None
    if parsed.schema not in (b"http", b"https") or parsed.userinfo is not None:
        raise Refused(400, "invalid_target", "The request target is malformed")
    authority = target.split(b"/", 3)[2].partition(b"?")[0]
    if host and authority.lower() != host.lower():
        raise Refused(400, "invalid_target", "The request target names another host than the host header")
    return parsed.path or b"/", parsed.query or b""
