"""Scripts for `Upstream` in OpenAI's shapes, whole and streamed, in every framing that HTTP/1.1 has.

Source: platform.openai.com/docs/api-reference/chat, /chat-streaming, /completions, /embeddings.
"""

from __future__ import annotations

import base64
import json
import struct
from collections.abc import Iterable, Iterator
from enum import Enum
from typing import Any

from support.upstream import End, Step

USAGE = {"prompt_tokens": 11, "completion_tokens": 5, "total_tokens": 16}
TEXT = "one two three four five"
DONE = b"data: [DONE]\n\n"
HEALTHY = "the second answers"


class Framing(Enum):
    """How the end of a body is told."""

    SIZED = "content-length"
    CHUNKED = "chunked"
    CLOSED = "until the connection closes"


def answer(
    body: bytes | dict[str, Any],
    status: int = 200,
    headers: Iterable[str] = (),
    framing: Framing = Framing.SIZED,
) -> list[Step]:
    """A whole answer."""
    payload = body if isinstance(body, bytes) else json.dumps(body).encode()
    lines = [f"HTTP/1.1 {status} Whatever", "content-type: application/json", *headers]
    if framing is Framing.SIZED:
        return [_head([*lines, f"content-length: {len(payload)}"]) + payload]
    if framing is Framing.CHUNKED:
        return [_head([*lines, "transfer-encoding: chunked"]) + chunk(payload) + chunk(b"")]
    return [_head([*lines, "connection: close"]) + payload, End.CLOSE]


def refusal(status: int, message: str = "no", headers: Iterable[str] = ()) -> list[Step]:
    """An error in OpenAI's shape."""
    return answer({"error": {"message": message, "type": "t", "param": None, "code": "c"}}, status, headers)


def stream(events: Iterable[bytes], *ends: Step) -> list[Step]:
    """A chunked event stream, each event a write of its own; with `ends` it has no regular end."""
    return [stream_head(), *(chunk(event) for event in events), *(ends or (chunk(b""),))]


def stream_head(*headers: str) -> bytes:
    """The head of a chunked event stream."""
    return _head(
        [
            "HTTP/1.1 200 OK",
            "content-type: text/event-stream; charset=utf-8",
            "transfer-encoding: chunked",
            *headers,
        ]
    )


def stream_until_close(events: Iterable[bytes]) -> list[Step]:
    """An event stream whose end is the end of the connection."""
    head = _head(["HTTP/1.1 200 OK", "content-type: text/event-stream", "connection: close"])
    return [head, *events, End.CLOSE]


def bytewise(steps: Iterable[Step]) -> Iterator[Step]:
    """The same bytes, one a write."""
    for step in steps:
        if isinstance(step, bytes):
            yield from (step[at : at + 1] for at in range(len(step)))
        else:
            yield step


def chunk(data: bytes) -> bytes:
    """One chunk (RFC 9112, 7.1); an empty one is the last."""
    return b"%x\r\n%b\r\n" % (len(data), data)


def event(payload: dict[str, Any]) -> bytes:
    """One server-sent event."""
    return b"data: " + json.dumps(payload).encode() + b"\n\n"


def delta(content: dict[str, Any], finish: str | None = None, model: str = "m") -> bytes:
    """A chunk of a streamed chat answer."""
    choice = {"index": 0, "delta": content, "finish_reason": finish}
    return event(_chunk(model, [choice]))


def usage_event(usage: dict[str, int] | None = None, model: str = "m") -> bytes:
    """The chunk that `stream_options.include_usage` asks for."""
    return event({**_chunk(model, []), "usage": usage or USAGE})


def chat_events(text: str = TEXT, *, usage: bool = True, model: str = "m") -> list[bytes]:
    """A whole streamed chat answer, with [DONE], one event a word."""
    words = text.split(" ")
    parts = [word if at == 0 else " " + word for at, word in enumerate(words)]
    return [
        delta({"role": "assistant", "content": ""}, model=model),
        *(delta({"content": part}, model=model) for part in parts),
        delta({}, "stop", model),
        *([usage_event(model=model)] if usage else []),
        DONE,
    ]


def chat(text: str = TEXT, usage: dict[str, int] | None = None, **message: Any) -> dict[str, Any]:  # noqa: ANN401
    """A whole chat answer; `message` adds members to the message."""
    finish = "tool_calls" if "tool_calls" in message else "stop"
    choice = {
        "index": 0,
        "message": {"role": "assistant", "content": text, **message},
        "finish_reason": finish,
    }
    return {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1,
        "model": "m",
        "choices": [choice],
        "usage": USAGE if usage is None else usage,
    }


def completion(text: str = TEXT) -> dict[str, Any]:
    """An answer of the completions endpoint."""
    choice = {"index": 0, "text": text, "finish_reason": "stop", "logprobs": None}
    return {
        "id": "cmpl-1",
        "object": "text_completion",
        "created": 1,
        "model": "m",
        "choices": [choice],
        "usage": USAGE,
    }


def embeddings(vector: list[float], encoding: str) -> dict[str, Any]:
    """An answer of the embeddings endpoint, `encoding` float or base64 (little-endian float32)."""
    packed = base64.b64encode(struct.pack(f"<{len(vector)}f", *vector)).decode()
    row = {"object": "embedding", "index": 0, "embedding": packed if encoding == "base64" else vector}
    usage = {"prompt_tokens": 4, "total_tokens": 4}
    return {"object": "list", "model": "m", "data": [row], "usage": usage}


def _chunk(model: str, choices: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "id": "chatcmpl-1",
        "object": "chat.completion.chunk",
        "created": 1,
        "model": model,
        "choices": choices,
    }


def _head(lines: Iterable[str]) -> bytes:
    return ("\r\n".join(lines) + "\r\n\r\n").encode()
