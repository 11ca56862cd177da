"""The id of a request: the client's own where it is harmless, else a UUIDv7 (RFC 9562, section 5.7).

Invariant: whatever comes out is safe in a header line and in a log line.
"""

import os
import time
from collections.abc import Callable

MAX_CLIENT_ID_BYTES = 128
_ALLOWED = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-"
_POOL_BYTES = 4096
_ID_DIGITS = 19
_VARIANT = {digit: "89ab"[int(digit, 16) & 3] for digit in "0123456789abcdef"}


class RequestIds:
    """Makes ids; random bytes come in blocks, since a system call costs more than an id."""

    __slots__ = ("_at", "_entropy", "_pool", "_wall_ns")

    def __init__(
        self, wall_ns: Callable[[], int] = time.time_ns, entropy: Callable[[int], bytes] = os.urandom
    ) -> None:
        self._wall_ns = wall_ns
        self._entropy = entropy
        self._pool = ""
        self._at = 0

    def new(self) -> str:
        """A fresh UUIDv7: 48 bits of Unix time in milliseconds, 74 random bits."""
        at = self._at
        if at + _ID_DIGITS > len(self._pool):
            self._pool = self._entropy(_POOL_BYTES).hex()
            at = 0
        self._at = at + _ID_DIGITS
        noise = self._pool[at : at + _ID_DIGITS]
        time_ms = f"{self._wall_ns() // 1_000_000:012x}"
        return f"{time_ms[:8]}-{time_ms[8:]}-7{noise[:3]}-{_VARIANT[noise[3]]}{noise[4:7]}-{noise[7:]}"

    def accept(self, offered: bytes | None) -> str:
        """The client's id if it is 1 to 128 of [A-Za-z0-9._-], else a fresh one."""
        if offered and len(offered) <= MAX_CLIENT_ID_BYTES and not offered.translate(None, _ALLOWED):
            return offered.decode("ascii")
        return self.new()
