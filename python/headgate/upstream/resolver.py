"""Host names to addresses, remembered for a while.

Invariant: every address of a name is offered, in the resolver's order; a failed look-up is never remembered.
"""

from __future__ import annotations

import asyncio
import socket
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

TTL_S = 30.0


class Resolver:
    """A DNS cache over the loop's resolver; `clock` gives monotonic seconds."""

    __slots__ = ("_clock", "_known", "_ttl_s")

    def __init__(self, clock: Callable[[], float], ttl_s: float = TTL_S) -> None:
        self._clock = clock
        self._ttl_s = ttl_s
        self._known: dict[tuple[str, int], tuple[float, list[str]]] = {}

    async def addresses(self, host: str, port: int) -> list[str]:
        """The IP addresses of `host`.

        Raises:
            OSError: the name does not resolve.
        """
        found = self._known.get((host, port))
        now = self._clock()
        if found is not None and now < found[0]:
            return found[1]
        loop = asyncio.get_running_loop()
        rows = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM, proto=socket.IPPROTO_TCP)
        addresses = list(dict.fromkeys(str(row[4][0]) for row in rows))
        self._known[host, port] = (now + self._ttl_s, addresses)
        return addresses

    def forget(self, host: str, port: int) -> None:
        """Drop a name whose addresses did not answer, so that the next look-up is fresh."""
        self._known.pop((host, port), None)
