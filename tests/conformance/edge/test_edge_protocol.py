"""What only a server of our own can promise: 100-continue, HTTP/1.0, half-close, timeouts, draining."""

import asyncio
import socket

import pytest
from headgate.edge import Limits, connection
from headgate.edge.probe import FIRST_S, Probe

pytestmark = pytest.mark.asyncio

GET = b"GET %b HTTP/1.1\r\nHost: a\r\n\r\n"
EXPECT = b"POST %b HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n"
SECOND_NS = 1_000_000_000


class Clock:
    """Time that moves when it is told."""

    def __init__(self) -> None:
        self.ns = 1000 * SECOND_NS

    def __call__(self) -> int:
        return self.ns


async def test_continue_is_sent_when_the_body_is_wanted(edge):
    async with edge() as served:
        client = await served.connect()
        client.send(EXPECT % b"/echo")
        assert (await client.reply()).status == 100
        client.send(b"hello")
        assert (await client.reply()).body == b"hello"
        client.send(GET % b"/")
        assert (await client.reply()).body == b"hello"
        client.close()


async def test_continue_is_not_sent_when_the_request_is_refused(edge):
    async with edge() as served:
        client = await served.connect()
        client.send(EXPECT % b"/refuse")
        answer = await client.rest()
    assert answer.startswith(b"HTTP/1.1 401 ")
    assert b"connection: close" in answer


async def test_continue_is_not_sent_when_the_body_is_there(edge):
    async with edge() as served:
        assert (await served.ask(EXPECT % b"/echo" + b"hello")).status == 200


async def test_unread_small_body_is_drained(edge):
    async with edge() as served:
        client = await served.connect()
        client.send(b"POST /refuse HTTP/1.1\r\nHost: a\r\nContent-Length: 50000\r\n\r\n")
        first = await client.reply()
        client.send(b"x" * 50_000 + GET % b"/")
        second = await client.reply()
        client.close()
    assert (first.status, first["connection"], second.body) == (401, None, b"hello")


async def test_unread_large_body_closes_and_the_answer_survives(edge):
    async with edge() as served:
        client = await served.connect()
        client.send(b"POST /refuse HTTP/1.1\r\nHost: a\r\nContent-Length: 9000000\r\n\r\n")
        client.send(b"x" * 9_000_000)
        answer = await client.rest()
        client.close()
    assert answer.startswith(b"HTTP/1.1 401 ")
    assert b"connection: close" in answer


async def test_http_1_0(edge):
    async with edge() as served:
        client = await served.connect()
        client.send(b"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
        first = await client.reply()
        assert (first.body, first["connection"]) == (b"hello", "keep-alive")
        client.send(b"GET / HTTP/1.0\r\n\r\n")
        answer = await client.rest()
    assert answer.endswith(b"hello")
    assert b"connection: close" in answer


@pytest.mark.parametrize("lines", [b"", b"Connection: keep-alive\r\n"])
async def test_relay_to_http_1_0_ends_with_the_connection(edge, lines):
    async with edge() as served:
        client = await served.connect()
        client.send(b"GET /relay HTTP/1.0\r\n%b\r\n" % lines)
        source = served.world.source
        await source.attached.wait()
        assert not source.sink.chunked
        source.emit(b"data: 1\n\n")
        source.end()
        answer = await client.rest()
    assert answer.endswith(b"\r\n\r\ndata: 1\n\n")
    assert b"transfer-encoding" not in answer


async def test_sized_relay_that_is_short_is_broken(edge):
    async with edge() as served:
        served.world.sized = 10
        client = await served.connect()
        client.send(GET % b"/relay" + GET % b"/")
        source = served.world.source
        await source.attached.wait()
        source.emit(b"abc")
        source.end()
        answer = await client.rest()
    assert answer.endswith(b"abc")
    assert answer.count(b"HTTP/1.1 ") == 1


async def test_half_close_still_gets_its_answer(edge):
    async with edge() as served:
        client = await served.connect()
        client.send(GET % b"/wait" + GET % b"/")
        await served.world.started.wait()
        client.writer.write_eof()
        await served.server.until(lambda: next(iter(served.server.connections))._half_closed)
        served.world.release.set()
        replies = [await client.reply() for _ in range(3)]
        assert [reply.status for reply in replies] == [100, 200, 200]
        assert [reply.body for reply in replies[1:]] == [b"waited", b"hello"]
        assert await client.rest() == b""
        assert not served.world.cancelled.is_set()


async def test_half_close_of_a_relay_still_gets_the_rest(edge, monkeypatch):
    looked_again = asyncio.Event()

    class WatchedProbe(Probe):
        def _look(self, waited_s: float) -> None:
            super()._look(waited_s)
            if waited_s > FIRST_S:
                looked_again.set()

    monkeypatch.setattr(connection, "Probe", WatchedProbe)
    async with edge() as served:
        client = await served.connect()
        client.send(GET % b"/relay")
        source = served.world.source
        await source.attached.wait()
        client.writer.write_eof()
        async with asyncio.timeout(5):
            await looked_again.wait()
        source.emit(b"data: 1\n\n")
        source.end()
        reply = await client.reply()
        assert (reply.body, reply.whole) == (b"data: 1\n\n", True)
        assert "gone" not in source.log
        client.close()


async def test_half_close_inside_the_body(edge):
    async with edge() as served:
        client = await served.connect()
        client.send(b"POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhel")
        client.writer.write_eof()
        answer = await client.rest()
    assert b"incomplete_body" in answer


async def test_late_head(edge):
    clock = Clock()
    async with edge(clock=clock) as served:
        client = await served.connect()
        client.send(b"GET / HT")
        await served.server.until(lambda: any(each.busy for each in served.server.connections))
        clock.ns += 9 * SECOND_NS
        served.server.deadlines.sweep()
        client.send(b"TP/1.1\r\n")
        clock.ns += 2 * SECOND_NS
        served.server.deadlines.sweep()
        answer = await client.rest()
        client.close()
    assert answer.startswith(b"HTTP/1.1 408 ")


@pytest.mark.parametrize("path", [b"/echo", b"/read"])
async def test_late_body(edge, path):
    clock = Clock()
    async with edge(clock=clock) as served:
        client = await served.connect()
        client.send(b"POST %b HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhel" % path)
        await served.server.until(lambda: any(each.deadline < 1061 for each in served.server.connections))
        clock.ns += 61 * SECOND_NS
        served.server.deadlines.sweep()
        answer = await client.rest()
        client.close()
    assert answer.startswith(b"HTTP/1.1 408 ")
    assert b"body_timeout" in answer


@pytest.mark.parametrize("before", [b"", GET % b"/"])
async def test_idle_connection_is_closed_silently(edge, before):
    clock = Clock()
    async with edge(clock=clock) as served:
        client = await served.connect()
        await served.server.until(lambda: served.server.connections)
        if before:
            client.send(before)
            assert (await client.reply()).status == 200
        clock.ns += 119 * SECOND_NS
        served.server.deadlines.sweep()
        assert served.server.connections
        clock.ns += 2 * SECOND_NS
        served.server.deadlines.sweep()
        assert await client.rest() == b""


async def test_reader_that_stopped_is_cut(edge):
    clock = Clock()
    async with edge(clock=clock) as served:
        client = await served.connect()
        client.send(GET % b"/relay")
        source = served.world.source
        await source.attached.wait()
        while not source.paused.is_set():
            source.emit(b"x" * 65_536)
            await asyncio.sleep(0)
        clock.ns += 121 * SECOND_NS
        served.server.deadlines.sweep()
        await asyncio.wait_for(source.left.wait(), 2)
        client.close()


async def test_a_handler_has_no_deadline_of_the_edges(edge):
    clock = Clock()
    async with edge(clock=clock) as served:
        client = await served.connect()
        client.send(GET % b"/wait")
        await served.world.started.wait()
        clock.ns += 10_000 * SECOND_NS
        served.server.deadlines.sweep()
        served.world.release.set()
        assert (await client.reply()).body == b"waited"
        client.close()


async def test_pipelining_stops_reading_and_goes_on(edge):
    async with edge(Limits(max_pipelined=4)) as served:
        client = await served.connect()
        client.send(GET % b"/wait")
        await served.world.started.wait()
        client.send((GET % b"/") * 5000)
        await served.server.until(lambda: next(iter(served.server.connections))._paused)
        served.world.release.set()
        assert (await client.reply()).body == b"waited"
        client.send(b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        answers = await client.rest()
    assert answers.count(b"HTTP/1.1 200 OK") == 5001


async def test_too_many_connections(edge):
    async with edge(Limits(max_connections=1)) as served:
        first = await served.connect()
        await served.server.until(lambda: served.server.connections)
        second = await served.connect()
        assert (await second.rest()).startswith(b"HTTP/1.1 503 ")
        first.send(GET % b"/")
        assert (await first.reply()).status == 200
        first.close()


async def test_drain_finishes_what_is_in_flight(edge):
    async with edge() as served:
        idle, busy = await served.connect(), await served.connect()
        busy.send(GET % b"/wait")
        await served.world.started.wait()
        await served.server.until(lambda: len(served.server.connections) == 2)
        draining = asyncio.create_task(served.server.drain(5))
        assert await idle.rest() == b""
        with pytest.raises(OSError):
            await served.connect()
        served.world.release.set()
        answer = await busy.rest()
        assert answer.endswith(b"waited")
        assert b"connection: close" in answer
        assert await draining == (1, 0)


async def test_drain_aborts_what_does_not_finish(edge):
    async with edge() as served:
        client = await served.connect()
        client.send(GET % b"/wait")
        await served.world.started.wait()
        assert await served.server.drain(0.05) == (0, 1)
        assert served.world.cancelled.is_set()
        client.close()


async def test_a_body_before_its_reader_is_held_back(edge):
    async with edge() as served:
        client = await served.connect()
        client.send(b"POST /refuse HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n")
        answer = await client.rest()
        client.close()
    assert answer.startswith(b"HTTP/1.1 401 ")
    assert b"connection: close" in answer


async def test_small_answers_leave_at_once(edge):
    async with edge() as served:
        client = await served.connect()
        await served.server.until(lambda: served.server.connections)
        transport = next(iter(served.server.connections))._transport
        option = transport.get_extra_info("socket").getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
        client.close()
    assert option


async def test_received_time_is_that_of_the_first_byte(edge):
    clock = Clock()
    async with edge(clock=clock) as served:
        client = await served.connect()
        client.send(b"GET / HTTP/1.1\r\n")
        await served.server.until(lambda: any(each.busy for each in served.server.connections))
        began = clock.ns
        clock.ns += SECOND_NS
        client.send(b"Host: a\r\n\r\n")
        await client.reply()
        assert served.world.seen[0].received_ns == began
        client.close()
