"""A request body that has not arrived whole: sized or chunked, counted, held back until somebody wants it.

Invariant: every byte held is counted in `Load` once and given back by `release`; `read` ends with the body or
with one EdgeError, whichever order bytes, errors and the reader come in.
"""

import asyncio
from collections.abc import Callable

from headgate.edge.chunked import ChunkedDecoder
from headgate.edge.limits import EdgeError, Limits, Load, OverCapacity
from headgate.edge.request import CHUNKED


class PendingBody:
    """Collects one body. `on_wanted` is called when the application asks for it the first time."""

    __slots__ = (
        "_buffer",
        "_decoder",
        "_held",
        "_left",
        "_load",
        "_on_wanted",
        "_waiter",
        "complete",
        "error",
        "wanted",
    )

    def __init__(self, length: int, limits: Limits, load: Load, on_wanted: Callable[[], None]) -> None:
        self.complete = False
        self.wanted = False
        self.error: EdgeError | None = None
        self._decoder = ChunkedDecoder(limits.max_body_bytes) if length == CHUNKED else None
        self._buffer = bytearray() if self._decoder is None else self._decoder.body
        self._left = length
        self._held = 0
        self._load = load
        self._on_wanted = on_wanted
        self._waiter: asyncio.Future[None] | None = None

    @property
    def received_bytes(self) -> int:
        """Body bytes that have arrived."""
        return len(self._buffer)

    @property
    def remaining(self) -> int:
        """Bytes that are missing; CHUNKED when nobody can know."""
        return self._left

    def feed(self, data: bytes) -> bytes:
        """Take bytes; returns what lies behind the body. After an error everything is thrown away."""
        if self.error is not None:
            return b""
        if self._decoder is None:
            rest = self._feed_sized(data)
        else:
            try:
                rest = self._decoder.feed(data)
            except EdgeError as error:
                self.fail(error)
                return b""
            self.complete = self._decoder.done
        grown = len(self._buffer) - self._held
        if not self._load.take(grown):
            self.complete = False
            self.fail(OverCapacity("Too many request bodies are in flight; try again"))
            return b""
        self._held += grown
        if self.complete:
            self._wake()
        return rest

    def fail(self, error: EdgeError) -> None:
        """There will be no whole body."""
        if self.complete or self.error is not None:
            return
        self.error = error
        self._wake()

    def release(self) -> None:
        """Give back what was counted; bytes that were read live on with the reader."""
        self._load.give(self._held)
        self._held = 0

    async def read(self) -> bytes:
        """The whole body.

        Raises:
            EdgeError: there is none.
        """
        if not self.wanted:
            self.wanted = True
            self._on_wanted()
        while not self.complete:
            if self.error is not None:
                raise self.error
            if self._waiter is None or self._waiter.done():  # done: an earlier reader was cancelled
                self._waiter = asyncio.get_running_loop().create_future()
            await self._waiter
        return bytes(self._buffer)

    def _feed_sized(self, data: bytes) -> bytes:
        left = self._left
        part = data if len(data) <= left else data[:left]
        self._buffer += part
        self._left = left - len(part)
        self.complete = not self._left
        return data[left:]

    def _wake(self) -> None:
        waiter, self._waiter = self._waiter, None
        if waiter is not None and not waiter.done():
            waiter.set_result(None)
