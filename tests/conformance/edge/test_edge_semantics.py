"""What both servers promise: statuses, bodies, HEAD, relays, departures, ids, limits."""

import asyncio
import re

import pytest
from headgate.edge import Limits

pytestmark = pytest.mark.asyncio

UUID7 = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")
GET = b"GET %b HTTP/1.1\r\nHost: a\r\n\r\n"


def post(path: bytes, body: bytes, *extra: bytes) -> bytes:
    lines = b"".join(line + b"\r\n" for line in extra)
    return b"POST %b HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n%b\r\n%b" % (path, len(body), lines, body)


def chunks(path: bytes, *parts: bytes) -> bytes:
    body = b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in parts)
    return b"POST %b HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n%b0\r\n\r\n" % (path, body)


async def test_get(serve):
    async with serve() as served:
        reply = await served.ask(GET % b"/")
    assert (reply.status, reply.body) == (200, b"hello")
    assert reply["content-length"] == "5"
    assert reply["content-type"] == "text/plain"
    assert reply["x-content-type-options"] == "nosniff"
    assert reply["date"]


async def test_not_found(serve):
    async with serve() as served:
        assert (await served.ask(GET % b"/nowhere")).status == 404


async def test_no_content(serve):
    async with serve() as served:
        reply = await served.ask(GET % b"/none")
    assert (reply.status, reply.body, reply["content-length"]) == (204, b"", None)


@pytest.mark.parametrize("path", [b"/echo", b"/read"])
@pytest.mark.parametrize("shape", [post, chunks])
async def test_body(serve, path, shape):
    async with serve() as served:
        reply = await served.ask(shape(path, b"hello there"))
    assert (reply.status, reply.body) == (200, b"hello there")


async def test_prepared_head(serve):
    async with serve() as served:
        reply = await served.ask(post(b"/echo", b"x"))
    assert (reply["x-head"], reply["x-kind"]) == ("one", "echo")


async def test_head(serve):
    async with serve() as served:
        client = await served.connect()
        client.send(b"HEAD / HTTP/1.1\r\nHost: a\r\n\r\n" + GET % b"/")
        first, second = await client.reply(head_only=True), await client.reply()
        client.close()
    assert (first.status, first["content-length"]) == (200, "5")
    assert (second.status, second.body) == (200, b"hello")


async def test_head_of_a_relay_lets_the_source_go(serve):
    async with serve() as served:
        reply = await served.ask(b"HEAD /relay HTTP/1.1\r\nHost: a\r\n\r\n")
        assert reply.status == 200
        await asyncio.wait_for(served.world.source.left.wait(), 1)
        assert served.world.source.log == ["gone"]


async def test_pipelined_in_order(serve):
    async with serve() as served:
        client = await served.connect()
        client.send(b"".join(post(b"/echo", b"%d" % n) for n in range(12)))
        bodies = [(await client.reply()).body for _ in range(12)]
        client.close()
    assert bodies == [b"%d" % n for n in range(12)]


async def test_big_body(serve):
    body = bytes(range(256)) * 20_000
    async with serve() as served:
        client = await served.connect()
        client.send(post(b"/length", body))
        assert (await client.reply()).body == b"%d" % len(body)
        client.send(chunks(b"/length", body[:70_000], body))
        assert (await client.reply()).body == b"%d" % (len(body) + 70_000)
        client.close()


@pytest.mark.parametrize("shape", [post, chunks])
async def test_body_over_the_limit(serve, shape):
    async with serve(Limits(max_body_bytes=1000)) as served:
        reply = await served.ask(shape(b"/echo", b"x" * 1001))
        assert reply.status == 413
        assert b"body_too_large" in reply.body
        assert (await served.ask(shape(b"/echo", b"x" * 1000))).status == 200


async def test_bodies_over_capacity(serve):
    async with serve(Limits(max_bodies_bytes=1000)) as served:
        reply = await served.ask(post(b"/echo", b"x" * 1001))
        assert (reply.status, reply["retry-after"]) == (503, "1")
        assert (await served.ask(post(b"/echo", b"x" * 1000))).status == 200


@pytest.mark.parametrize("offered", [b"abc-1._Z", b"x" * 128])
async def test_request_id_is_taken(serve, offered):
    async with serve() as served:
        reply = await served.ask(b"GET / HTTP/1.1\r\nHost: a\r\nX-Request-ID: %b\r\n\r\n" % offered)
        assert reply["x-request-id"] == offered.decode()
        assert served.world.seen[0].request_id == offered.decode()


@pytest.mark.parametrize("offered", [b"", b"x" * 129, b"a b", b"a/b", b"\xc3\xa9"])
async def test_request_id_is_made(serve, offered):
    async with serve() as served:
        reply = await served.ask(b"GET / HTTP/1.1\r\nHost: a\r\nX-Request-ID: %b\r\n\r\n" % offered)
    assert UUID7.fullmatch(reply["x-request-id"])


async def test_relay(serve):
    async with serve() as served:
        client = await served.connect()
        client.send(GET % b"/relay")
        source = served.world.source
        await source.attached.wait()
        source.emit(b"data: 1\n\n")
        source.emit(b"data: 2\n\n")
        source.end()
        reply = await client.reply()
        client.send(GET % b"/")
        again = await client.reply()
        client.close()
    assert (reply.body, reply["content-type"], reply["x-head"]) == (
        b"data: 1\n\ndata: 2\n\n",
        "text/event-stream",
        "two",
    )
    assert reply["transfer-encoding"] == "chunked"
    assert again.body == b"hello"
    assert "gone" not in source.log


async def test_relay_of_known_size(serve):
    async with serve() as served:
        served.world.sized = 6
        client = await served.connect()
        client.send(GET % b"/relay")
        source = served.world.source
        await source.attached.wait()
        assert not source.sink.chunked
        source.emit(b"abc")
        source.emit(b"def")
        source.end()
        reply = await client.reply()
        client.close()
    assert (reply.body, reply["content-length"], reply["transfer-encoding"]) == (b"abcdef", "6", None)


async def test_broken_relay_has_no_clean_end(serve):
    async with serve() as served:
        client = await served.connect()
        client.send(GET % b"/relay")
        source = served.world.source
        await source.attached.wait()
        source.emit(b"data: 1\n\n")
        source.sink.abort()
        data = await client.rest()
    assert b"data: 1" in data
    assert not data.endswith(b"0\r\n\r\n")


async def test_idle_relay_whose_client_left(serve):
    async with serve() as served:
        client = await served.connect()
        client.send(GET % b"/relay")
        source = served.world.source
        await source.attached.wait()
        source.emit(b"data: 1\n\n")
        await client.reply(head_only=True)
        client.close()
        async with asyncio.timeout(1):
            await source.left.wait()
        assert source.log.count("gone") == 1


async def test_handler_whose_client_left(serve):
    async with serve() as served:
        client = await served.connect()
        client.send(GET % b"/wait")
        await served.world.started.wait()
        client.close()
        async with asyncio.timeout(1):
            await served.world.cancelled.wait()


async def test_slow_reader_holds_the_source_back(serve):
    async with serve() as served:
        client = await served.connect()
        client.send(GET % b"/relay")
        source = served.world.source
        await source.attached.wait()
        sent = 0
        while not source.paused.is_set():
            source.emit(b"x" * 65_536)
            sent += 65_536
            await asyncio.sleep(0)
            assert sent < 64 * 1024 * 1024, "never held back"
        source.resumed.clear()
        received = asyncio.create_task(client.rest())
        async with asyncio.timeout(5):
            await source.resumed.wait()
        client.close()
        received.cancel()


async def test_streamed_content(serve):
    async with serve() as served:
        assert (await served.ask(GET % b"/stream")).body == b"one two three"


@pytest.mark.parametrize("path", [b"/boom", b"/panic"])
async def test_failing_handler(serve, path):
    async with serve() as served:
        reply = await served.ask(GET % path)
        assert reply.status == 500
        assert b"secret" not in reply.body
        assert (await served.ask(GET % b"/")).status == 200


async def test_answer_without_the_body(serve):
    async with serve() as served:
        assert (await served.ask(post(b"/refuse", b"x" * 10))).status == 401
