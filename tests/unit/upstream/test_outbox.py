"""Requests of one turn leave together and in order, none to a closed connection, none behind later bytes."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import TYPE_CHECKING, cast

from headgate.upstream.connection import OUTGOING, Connection
from headgate.upstream.outbox import Outbox

if TYPE_CHECKING:
    from headgate.core import Reader
    from headgate.plan import Step

_STEP = cast("Step", SimpleNamespace(timeouts=None, look_s=60.0))


class _Wire(asyncio.Transport):
    def __init__(self, log: list[bytes]) -> None:
        super().__init__()
        self.log = log
        self.closing = False

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.log.append(bytes(data))

    def is_closing(self) -> bool:
        return self.closing

    def abort(self) -> None:
        self.closing = True


class _Reader:
    """A session that has something to say to whatever it is fed."""

    flags = 0

    def feed(self, data: bytes) -> None:
        del data
        self.flags = OUTGOING

    def outgoing(self) -> bytes | None:
        said = b"key update" if self.flags & OUTGOING else None
        self.flags = 0
        return said


def _connection(outbox: Outbox, log: list[bytes]) -> tuple[Connection, _Wire]:
    loop = asyncio.get_running_loop()
    connection = Connection(cast("Reader", _Reader()), loop, outbox, lambda _: None)
    wire = _Wire(log)
    connection.connection_made(wire)
    return connection, wire


def _ask(connection: Connection, request: bytes) -> None:
    connection.begin(request, _STEP, float("inf"), None)


def test_a_turn_s_requests_go_together_and_the_next_turn_s_after_them() -> None:
    async def play() -> list[list[bytes]]:
        log: list[bytes] = []
        outbox = Outbox(asyncio.get_running_loop())
        seen = []
        for turn in (b"a", b"b"):
            for number in (b"1", b"2", b"3"):
                _ask(_connection(outbox, log)[0], turn + number)
            seen.append(list(log))
            await asyncio.sleep(0)
            seen.append(list(log))
        return seen

    first, second = [b"a1", b"a2", b"a3"], [b"b1", b"b2", b"b3"]
    assert asyncio.run(play()) == [[], first, first, first + second]


def test_a_connection_that_was_closed_meanwhile_gets_nothing() -> None:
    async def play() -> list[bytes]:
        log: list[bytes] = []
        outbox = Outbox(asyncio.get_running_loop())
        (aborted, _), (_closing, wire), (good, _) = made = [_connection(outbox, log) for _ in range(3)]
        for connection, _ in made:
            _ask(connection, b"request")
        aborted.abort()
        wire.closing = True
        assert good.transport is not None
        await asyncio.sleep(0)
        return log

    assert asyncio.run(play()) == [b"request"]


def test_what_the_session_says_later_goes_later() -> None:
    """A request is sealed when it begins: a record that is sealed after it must not overtake it."""

    async def play() -> list[bytes]:
        log: list[bytes] = []
        connection, _ = _connection(Outbox(asyncio.get_running_loop()), log)
        _ask(connection, b"request")
        connection.data_received(b"asks for new keys")
        await asyncio.sleep(0)
        return log

    assert asyncio.run(play()) == [b"request", b"key update"]
