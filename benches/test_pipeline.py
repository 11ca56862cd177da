"""A whole request: edge, identify, admit, route, echo, settle, spool, metrics; streamed and not."""

from __future__ import annotations

from pathlib import Path

import orjson

from benches.conftest import Blocks, Timed
from benches.support import KEY, Loop, gateway, kept_blocks

RUNS = 100
HEAD = (
    b"POST /v1/chat/completions HTTP/1.1\r\nhost: 127.0.0.1:8080\r\nuser-agent: OpenAI/Python 2.8.0\r\n"
    b"accept: application/json\r\naccept-encoding: gzip, deflate\r\nconnection: keep-alive\r\n"
    b"authorization: Bearer %b\r\nx-stainless-lang: python\r\ncontent-type: application/json\r\n"
    b"content-length: %d\r\n\r\n"
)
TEXT = "Explain in two sentences what a gateway does with a request."


def request(**fields: object) -> bytes:
    """A chat request on the wire."""
    message = {"role": "user", "content": TEXT}
    body = orjson.dumps({"model": "gpt-4o-mini", "messages": [message], "max_tokens": 128, **fields})
    return HEAD % (KEY.encode(), len(body)) + body


def test_pipeline_echo(timed: Timed, blocks: Blocks, loop: Loop, tmp_path: Path) -> None:
    ask, end = request(), b"}"
    with loop.within(lambda: gateway(tmp_path)) as client:
        loop.run(client.ask(ask, end))
        head, _, body = b"".join(client.wire.written).partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 200 OK\r\n")
        assert b"\r\nx-ratelimit-remaining-tokens: " in head
        assert orjson.loads(body)["choices"][0]["message"]["content"] == TEXT

        def work(runs: int = RUNS) -> None:
            loop.run(client.repeat(ask, end, runs))

        timed(work, RUNS)
        blocks("kept", kept_blocks(work))
        blocks("held", min(loop.run(client.held(ask, end)) for _ in range(20)))


def test_pipeline_echo_stream(timed: Timed, blocks: Blocks, loop: Loop, tmp_path: Path) -> None:
    ask, end = request(stream=True), b"\r\n0\r\n\r\n"
    with loop.within(lambda: gateway(tmp_path)) as client:
        loop.run(client.ask(ask, end))
        written = b"".join(client.wire.written)
        assert written.startswith(b"HTTP/1.1 200 OK\r\n")
        assert b"data: [DONE]\n\n" in written

        def work(runs: int = RUNS) -> None:
            loop.run(client.repeat(ask, end, runs))

        timed(work, RUNS)
        blocks("kept", kept_blocks(work))
