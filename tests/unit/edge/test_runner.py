"""One task answers the requests of a connection in order, forgets each, and survives what they do."""

from __future__ import annotations

import asyncio
import gc
import weakref
from typing import TYPE_CHECKING, cast

from blacksheep import Request, Response
from headgate.edge.body import Prepared
from headgate.edge.request import EdgeRequest, edge_request
from headgate.edge.runner import Runner

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from headgate.edge.server import Server


class _Server:
    contained = (Exception,)

    def __init__(self, handle: Callable[[Request], Awaitable[Response]]) -> None:
        self.handle = handle


class _Client:
    """Notes what it is told; `then` is called in the middle of an answer."""

    def __init__(self) -> None:
        self.log: list[str] = []
        self.then: Callable[[], None] | None = None

    def send(self, request: EdgeRequest, response: Response, content: object) -> None:
        del response, content
        self.log.append(f"sent {request.request_id}")
        then, self.then = self.then, None
        if then is not None:
            then()

    def answer(self, request: EdgeRequest, answer: object) -> None:
        del answer
        self.log.append(f"answered {request.request_id}")

    async def stream(self, request: EdgeRequest, answer: object) -> None:
        del answer
        self.log.append(f"streamed {request.request_id}")

    def failed(self, request: EdgeRequest) -> None:
        self.log.append(f"failed {request.request_id}")

    def broken(self) -> None:
        self.log.append("broken")


def _request(name: str) -> EdgeRequest:
    request = edge_request("GET", (b"/", b""), [])
    request.request_id = name
    return request


def _runner(handle: Callable[[Request], Awaitable[Response]]) -> tuple[Runner, _Client]:
    client = _Client()
    return Runner(cast("Server", _Server(handle)), asyncio.get_running_loop(), client), client


async def _settle() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


async def _ok(request: Request) -> Response:
    del request
    return Response(200, None, Prepared(b"text/plain", b"ok"))


def test_requests_are_answered_in_order_by_one_task() -> None:
    async def play() -> None:
        tasks = set()

        async def handle(request: Request) -> Response:
            tasks.add(asyncio.current_task())
            await asyncio.sleep(0)
            return await _ok(request)

        runner, client = _runner(handle)
        runner.run(_request("1"))
        await _settle()
        client.then = lambda: runner.run(_request("3"))
        runner.run(_request("2"))
        await _settle()
        assert client.log == ["sent 1", "sent 2", "sent 3"]
        assert len(tasks) == 1
        runner.cancel()

    asyncio.run(play())


def test_a_connection_that_waits_holds_nothing_of_the_last_request() -> None:
    async def play() -> None:
        runner, _ = _runner(_ok)
        request = _request("1")
        gone = weakref.ref(request)
        runner.run(request)
        del request
        await _settle()
        gc.collect()
        assert gone() is None
        runner.cancel()

    asyncio.run(play())


def test_a_failing_handler_ends_its_request_only() -> None:
    async def play() -> None:
        async def handle(request: Request) -> Response:
            if cast("EdgeRequest", request).request_id == "1":
                message = "broken"
                raise ValueError(message)
            return await _ok(request)

        runner, client = _runner(handle)
        runner.run(_request("1"))
        await _settle()
        runner.run(_request("2"))
        await _settle()
        assert client.log == ["failed 1", "sent 2"]
        runner.cancel()

    asyncio.run(play())


def test_a_lost_connection_stops_its_handler() -> None:
    async def play() -> None:
        stopped = asyncio.Event()

        async def handle(request: Request) -> Response:
            del request
            try:
                return await asyncio.get_running_loop().create_future()
            finally:
                stopped.set()

        runner, client = _runner(handle)
        runner.run(_request("1"))
        await _settle()
        runner.cancel()
        await stopped.wait()
        await _settle()
        assert client.log == ["broken"]

    asyncio.run(play())


def test_a_lost_connection_that_waited_just_ends() -> None:
    async def play() -> None:
        runner, client = _runner(_ok)
        before = len(asyncio.all_tasks())
        runner.run(_request("1"))
        await _settle()
        assert len(asyncio.all_tasks()) == before + 1
        runner.cancel()
        await _settle()
        assert len(asyncio.all_tasks()) == before
        assert client.log == ["sent 1"]

    asyncio.run(play())
