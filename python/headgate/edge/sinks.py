"""The client's side of a relayed body, as a Source sees it.

Invariant: after `finish`, `abort` or the client's leaving, a sink is dead: nothing more reaches the
connection.
"""

from collections.abc import Callable
from typing import Protocol


class Relaying(Protocol):
    """What a sink needs of its connection."""

    def relay_finished(self) -> None:
        """The answer is over and whole."""

    def relay_broken(self) -> None:
        """The answer is over and broken."""


def _discard(_data: bytes) -> None:
    return


class ClientSink:
    """Writes straight to the transport: an event costs one call and nothing else of the edge's."""

    __slots__ = ("_connection", "chunked", "write")

    write: Callable[[bytes], None]

    def __init__(self, connection: Relaying, write: Callable[[bytes], None], *, chunked: bool) -> None:
        self._connection: Relaying | None = connection
        self.chunked = chunked
        self.write = write

    def finish(self) -> None:
        """The body is whole."""
        connection = self.close()
        if connection is not None:
            connection.relay_finished()

    def abort(self) -> None:
        """The body is broken."""
        connection = self.close()
        if connection is not None:
            connection.relay_broken()

    def close(self) -> Relaying | None:
        """Become dead; returns the connection the first time."""
        connection, self._connection = self._connection, None
        self.write = _discard
        return connection


class SizedSink(ClientSink):
    """Counts: a body that is shorter or longer than was announced is broken, never a quiet success."""

    __slots__ = ("_left", "_raw_write")

    def __init__(self, connection: Relaying, write: Callable[[bytes], None], size: int) -> None:
        super().__init__(connection, self._counted, chunked=False)
        self._raw_write = write
        self._left = size

    def finish(self) -> None:
        """The body is whole if it has the announced length."""
        if self._left:
            self.abort()
        else:
            super().finish()

    def _counted(self, data: bytes) -> None:
        self._left -= len(data)
        if self._left < 0:
            self.abort()
        else:
            self._raw_write(data)


def sink_for(
    connection: Relaying, write: Callable[[bytes], None], size: int | None, *, chunked: bool
) -> ClientSink:
    """The sink of a body of `size` bytes, or of one whose Source frames it."""
    if size is None:
        return ClientSink(connection, write, chunked=chunked)
    return SizedSink(connection, write, size)
