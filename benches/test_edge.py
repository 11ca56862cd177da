"""The edge alone: bytes in, BlackSheep, bytes out."""

from __future__ import annotations

from blacksheep import Application, Request, Response
from blacksheep.server.routing import Router
from headgate.edge.body import Prepared
from headgate.edge.limits import Limits
from headgate.edge.server import Server

from benches.conftest import Blocks, Timed
from benches.support import Loop, kept_blocks, served

RUNS = 200
BODY = b'{"model":"gpt-4o-mini","messages":[{"role":"user","content":"hi"}]}'
ANSWER = b'{"object":"chat.completion"}'
REQUEST = (
    b"POST /v1/chat/completions HTTP/1.1\r\nhost: 127.0.0.1:8080\r\nuser-agent: OpenAI/Python 2.8.0\r\n"
    b"accept: application/json\r\naccept-encoding: gzip, deflate\r\nconnection: keep-alive\r\n"
    b"authorization: Bearer bench-key-0123456789abcdef\r\nx-stainless-lang: python\r\n"
    b"content-type: application/json\r\ncontent-length: %d\r\n\r\n%b" % (len(BODY), BODY)
)


def render(_status: int, code: str, message: str, _path: bytes) -> tuple[bytes, bytes]:
    """Plain text."""
    return b"text/plain", f"{code}: {message}".encode()


def app() -> Application:
    """One endpoint that answers what it always answers."""
    application = Application(router=Router())

    @application.router.post("/v1/chat/completions")
    async def answer(_request: Request) -> Response:
        return Response(200, None, Prepared(b"application/json", ANSWER))

    return application


def test_edge_round_trip(timed: Timed, blocks: Blocks, loop: Loop) -> None:
    with loop.within(lambda: served(Server(app(), Limits(), render))) as client:
        loop.run(client.ask(REQUEST, ANSWER))
        (written,) = client.wire.written
        assert written.startswith(b"HTTP/1.1 200 OK\r\n")
        assert b"\r\ncontent-length: %d\r\n" % len(ANSWER) in written

        def work(runs: int = RUNS) -> None:
            loop.run(client.repeat(REQUEST, ANSWER, runs))

        timed(work, RUNS)
        blocks("kept", kept_blocks(work))
        blocks("held", min(loop.run(client.held(REQUEST, ANSWER)) for _ in range(20)))
