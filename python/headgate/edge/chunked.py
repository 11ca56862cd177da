"""Chunked bodies (RFC 9112, section 7.1), strictly: CRLF only, hex sizes only, bounded lines and trailers.

Invariant: any split of the input gives the same body, the same end and the same refusal; a refusal is final.
"""

import re
from enum import Enum

from headgate.edge.limits import BodyTooLarge, Refused

MAX_LINE_BYTES = 256
MAX_EXTENSIONS_BYTES = 4096
MAX_TRAILERS_BYTES = 8192

_SIZE = re.compile(rb"([0-9A-Fa-f]{1,16})(;[\t\x20-\x7e\x80-\xff]*)?\r\n")
_TRAILER = re.compile(rb"([!#$%&'*+\-.^_`|~0-9A-Za-z]+):[\t\x20-\x7e\x80-\xff]*\r\n")
# Fields that frame, route or authenticate a message are not taken from behind it (RFC 9110, section 6.5.1).
_FORBIDDEN = frozenset(
    b"authorization cache-control connection content-encoding content-length content-range content-type "
    b"cookie expect forwarded host keep-alive max-forwards proxy-authorization proxy-connection range "
    b"set-cookie te trailer transfer-encoding upgrade "
    b"x-api-key x-forwarded-for x-forwarded-host x-forwarded-proto".split()
)


class _State(Enum):
    SIZE = 0  # -> DATA, or -> TRAILER after the last chunk
    DATA = 1  # -> DATA_END when the chunk is full
    DATA_END = 2  # -> SIZE after CRLF
    TRAILER = 3  # -> DONE after the empty line
    DONE = 4


class ChunkedDecoder:
    """Turns chunked bytes into body bytes; `body` holds what has come, `done` tells the end."""

    __slots__ = ("_extensions", "_left", "_line", "_max_bytes", "_state", "_trailers", "body")

    def __init__(self, max_bytes: int) -> None:
        self.body = bytearray()
        self._max_bytes = max_bytes
        self._state = _State.SIZE
        self._line = b""
        self._left = 0
        self._extensions = 0
        self._trailers = 0

    @property
    def done(self) -> bool:
        """True after the terminal chunk and its trailers."""
        return self._state is _State.DONE

    def feed(self, data: bytes) -> bytes:
        """Take `data`; returns what lies behind the end of the body.

        Raises:
            Refused: framing is broken. BodyTooLarge: more than `max_bytes`.
        """
        at = 0
        size = len(data)
        while at < size and self._state is not _State.DONE:
            at = self._take_data(data, at) if self._state is _State.DATA else self._take_line(data, at)
        return data[at:] if at < size else b""

    def _take_data(self, data: bytes, at: int) -> int:
        part = data[at : at + self._left]
        self.body += part
        self._left -= len(part)
        if not self._left:
            self._state = _State.DATA_END
        return at + len(part)

    def _take_line(self, data: bytes, at: int) -> int:
        end = data.find(b"\n", at, at + MAX_TRAILERS_BYTES) + 1
        line = self._line + (data[at:end] if end else data[at : at + MAX_TRAILERS_BYTES])
        self._check_partial(line)
        if not end:
            self._line = line
            return at + MAX_TRAILERS_BYTES
        self._line = b""
        if self._state is _State.SIZE:
            self._on_size(line)
        elif self._state is _State.TRAILER:
            self._on_trailer(line)
        elif line != b"\r\n":
            raise Refused(400, "invalid_chunk", "A chunk does not end where its size says")
        else:
            self._state = _State.SIZE
        return end

    def _check_partial(self, line: bytes) -> None:
        """Refuse as soon as no further byte could repair the line."""
        if self._state is _State.DATA_END:
            if not b"\r\n".startswith(line):
                raise Refused(400, "invalid_chunk", "A chunk does not end where its size says")
        elif self._state is _State.SIZE:
            if len(line) > MAX_LINE_BYTES:
                raise Refused(400, "invalid_chunk", "A chunk size line is too long")
        elif self._trailers + len(line) > MAX_TRAILERS_BYTES:
            raise Refused(431, "headers_too_large", "The trailers are too large")

    def _on_size(self, line: bytes) -> None:
        match = _SIZE.fullmatch(line)
        if match is None:
            raise Refused(400, "invalid_chunk", "A chunk size line is malformed")
        self._extensions += len(match[2] or b"")
        if self._extensions > MAX_EXTENSIONS_BYTES:
            raise Refused(400, "invalid_chunk", "Chunk extensions are too large")
        self._left = int(match[1], 16)
        if len(self.body) + self._left > self._max_bytes:
            raise BodyTooLarge(f"The request body is larger than {self._max_bytes} bytes")
        self._state = _State.DATA if self._left else _State.TRAILER

    def _on_trailer(self, line: bytes) -> None:
        if line == b"\r\n":
            self._state = _State.DONE
            return
        self._trailers += len(line)
        match = _TRAILER.fullmatch(line)
        if match is None or match[1].lower() in _FORBIDDEN:
            raise Refused(400, "invalid_trailer", "A trailer field is malformed or not allowed behind a body")
