"""Send one request to one provider and wait until its answer can be judged.

Invariant: a kept connection that closes before any byte of an answer is replaced by a fresh one, once (RULINGS 21);
when the caller leaves, the connection is closed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from headgate.upstream.connection import FAILED, HEAD

if TYPE_CHECKING:
    from headgate.config.runtime import Provider, Timeouts
    from headgate.upstream.connection import Connection, Sink
    from headgate.upstream.pool import Pool

STREAM, CHUNKED, WANTS_USAGE, CAPTURE = 1, 2, 4, 8


class Call:
    """One request to a provider, in bytes, and how its answer is to be read (`options`: the reader's bits).

    `total_at` is the loop's second at which the whole request must be over.
    """

    __slots__ = ("model", "options", "prompt_tokens", "request", "slot", "timeouts", "total_at")

    def __init__(
        self, request: bytes, options: int, model: str, journal: tuple[int, int], timeouts: Timeouts, total_at: float
    ) -> None:
        """`journal` is the journal's slot and the prompt tokens to begin with."""
        self.request = request
        self.options = options
        self.model = model
        self.slot, self.prompt_tokens = journal
        self.timeouts = timeouts
        self.total_at = total_at


async def send(pool: Pool, provider: Provider, call: Call, sink: Sink | None) -> tuple[Connection, bool]:
    """A connection whose answer can be judged, and whether a stale one was passed over.

    Raises:
        RequestError: no connection, no answer in time, or a broken one.
    """
    kept = connection = pool.take_idle(provider)
    if connection is None:
        connection = await pool.connect(provider)
    while True:
        try:
            connection.sink = sink
            connection.reader.begin(call.options, call.model, call.slot, call.prompt_tokens)
            await connection.begin(call.request, call.timeouts, call.total_at)
        except BaseException:
            pool.discard(connection)
            raise
        flags = connection.reader.flags
        if not flags & FAILED and (flags & HEAD or connection.alive):
            return connection, connection is not kept and kept is not None
        if connection is kept and not flags & HEAD and connection.reader.failure == "no_response":
            pool.discard(connection)
            connection = await pool.connect(provider)
            continue
        error = connection.error()
        if error is not None and not connection.passed:
            pool.discard(connection)
            raise error
        return connection, connection is not kept and kept is not None
