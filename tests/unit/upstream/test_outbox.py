"""Requests of one turn leave together, in order, and none to a closed connection."""

from __future__ import annotations

import asyncio

from headgate.upstream.outbox import Outbox


class _Wire(asyncio.Transport):
    def __init__(self, log: list[bytes]) -> None:
        super().__init__()
        self.log = log
        self.closing = False

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.log.append(bytes(data))

    def is_closing(self) -> bool:
        return self.closing


class _Sender:
    def __init__(self, log: list[bytes]) -> None:
        self.wire = _Wire(log)
        self.transport: asyncio.Transport | None = self.wire


def test_a_turn_s_requests_go_together_and_the_next_turn_s_after_them() -> None:
    async def play() -> list[list[bytes]]:
        log: list[bytes] = []
        outbox = Outbox(asyncio.get_running_loop())
        seen = []
        for turn in (b"a", b"b"):
            for number in (b"1", b"2", b"3"):
                outbox.put(_Sender(log), turn + number)
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
        lost, closing, good = _Sender(log), _Sender(log), _Sender(log)
        for sender in (lost, closing, good):
            outbox.put(sender, b"request")
        lost.transport = None
        closing.wire.closing = True
        await asyncio.sleep(0)
        return log

    assert asyncio.run(play()) == [b"request"]
