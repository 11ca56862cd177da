"""Send one request to one provider and wait until its answer can be judged.

Invariant: a kept connection that closes before any byte of an answer is replaced by a fresh one, once (RULINGS 21);
when the caller leaves, the connection is closed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from headgate.upstream.connection import FAILED, HEAD

if TYPE_CHECKING:
    from headgate.config.runtime import Provider, Timeouts
    from headgate.upstream.connection import Connection, Sink
    from headgate.upstream.pool import Pool


STREAM, CHUNKED, WANTS_USAGE, CAPTURE = 1, 2, 4, 8


class Call(NamedTuple):
    """One request to a provider, in bytes, and how its answer is to be read (`options`: the reader's bits)."""

    request: bytes
    options: int
    model: str
    slot: int
    prompt_tokens: int
    timeouts: Timeouts
    total_at: float


async def send(pool: Pool, provider: Provider, call: Call, sink: Sink | None) -> tuple[Connection, int]:
    """A connection whose answer can be judged, and how many stale ones were passed over.

    Raises:
        RequestError: no connection, no answer in time, or a broken one.
    """
    kept = pool.take_idle(provider)
    if kept is not None:
        try:
            await _exchange(kept, call, sink)
        except BaseException:
            pool.discard(kept)
            raise
        if kept.reader.flags & HEAD or not kept.reader.flags & FAILED:
            return _judged(pool, kept), 0
        pool.discard(kept)
    fresh = await pool.connect(provider)
    try:
        await _exchange(fresh, call, sink)
    except BaseException:
        pool.discard(fresh)
        raise
    return _judged(pool, fresh), int(kept is not None)


async def _exchange(connection: Connection, call: Call, sink: Sink | None) -> None:
    connection.sink = sink
    connection.reader.begin(call.options, call.model, call.slot, call.prompt_tokens)
    await connection.begin(call.request, call.timeouts, call.total_at)


def _judged(pool: Pool, connection: Connection) -> Connection:
    """Refuse a broken answer unless some of it was relayed already: then the relay tells."""
    error = connection.error()
    if error is not None and not (connection.parts or connection.sink):
        pool.discard(connection)
        raise error
    return connection


