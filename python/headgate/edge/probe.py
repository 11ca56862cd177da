"""Is a client that shut its side waiting for its answer, or gone?

Both send the same FIN; only the answer to new data tells (a closed socket resets). So bytes without a meaning
are sent and the socket's error is looked at, soon and then ever less often.

Invariant: a probe never changes what a client that is still there reads.
"""

import asyncio
from collections.abc import Callable
from socket import SO_ERROR, SOL_SOCKET

from headgate.edge.request import EdgeRequest
from headgate.edge.sinks import ClientSink

FIRST_S = 0.02
LAST_S = 0.5
# Any number of 1xx answers may precede the final one (RFC 9110, section 15.2).
BEFORE_THE_HEAD = b"HTTP/1.1 100 Continue\r\n\r\n"
# Between two chunks: a leading zero of the next chunk size (RFC 9112, section 7.1).
BETWEEN_CHUNKS = b"0"


def harmless_bytes(request: EdgeRequest, sink: ClientSink | None, *, answered: bool) -> bytes | None:
    """What may be sent at this point of the answer; None where every byte has a meaning."""
    if not answered:
        return BEFORE_THE_HEAD if request.chunked else b""
    if sink is None:
        return b""
    return BETWEEN_CHUNKS if sink.chunked else None


class Probe:
    """Watches the peer of `transport` while `concerned` says that somebody still works for it."""

    __slots__ = ("_concerned", "_loop", "_transport")

    def __init__(
        self, loop: asyncio.AbstractEventLoop, transport: asyncio.Transport, concerned: Callable[[], bool]
    ) -> None:
        self._loop = loop
        self._transport = transport
        self._concerned = concerned

    def start(self, harmless: bytes) -> None:
        """Send `harmless` and look for the reset that it causes."""
        self._transport.write(harmless)
        self._loop.call_later(FIRST_S, self._look, FIRST_S)

    def _look(self, waited_s: float) -> None:
        if not self._concerned():
            return
        if self._transport.get_extra_info("socket").getsockopt(SOL_SOCKET, SO_ERROR):
            self._transport.abort()
            return
        delay_s = min(waited_s * 2, LAST_S)
        self._loop.call_later(delay_s, self._look, delay_s)
