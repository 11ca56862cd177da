"""The id of a request: the client's own where it is harmless, else a UUIDv7 (RFC 9562, section 5.7).

Invariant: whatever comes out is safe in a header line and in a log line.
"""

import os
import time
from collections.abc import Callable

from headgate.core import request_id_tails

MAX_CLIENT_ID_BYTES = 128
_ALLOWED = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-"
_POOL_BYTES = 2560


class RequestIds:
    """Makes ids; random parts come in blocks, since a system call costs more than an id."""

    __slots__ = ("_entropy", "_ms", "_prefix", "_tails", "_wall_ns")

    def __init__(
        self, wall_ns: Callable[[], int] = time.time_ns, entropy: Callable[[int], bytes] = os.urandom
    ) -> None:
        self._wall_ns = wall_ns
        self._entropy = entropy
        self._tails: list[str] = []
        self._ms = -1
        self._prefix = ""

    def new(self) -> str:
        """A fresh UUIDv7: 48 bits of Unix time in milliseconds, 74 random bits."""
        if not self._tails:
            self._tails = request_id_tails(self._entropy(_POOL_BYTES))
        time_ms = self._wall_ns() // 1_000_000
        if time_ms != self._ms:
            self._ms = time_ms
            digits = f"{time_ms:012x}"
            self._prefix = f"{digits[:8]}-{digits[8:]}-"
        return self._prefix + self._tails.pop()

    def accept(self, offered: bytes | None) -> str:
        """The client's id if it is 1 to 128 of [A-Za-z0-9._-], else a fresh one."""
        if offered and len(offered) <= MAX_CLIENT_ID_BYTES and not offered.translate(None, _ALLOWED):
            return offered.decode("ascii")
        return self.new()
