"""Same dialect in and out: what nobody knows and how it is written goes through unchanged, both ways.

Invariant: of a request only the model's name is another (where a route says so); of an answer nothing is,
down to white space, comments and line ends.
"""

from __future__ import annotations

from contextlib import closing
from http.client import HTTPConnection
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import urlsplit

import pytest
from support import wire
from support.gateway import document, start
from support.upstream import PATIENCE_S, Gate, Received, Upstream

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from support.gateway import Gateway
    from support.upstream import Step

ALIAS, REAL = "the-alias", "the-real-model"


class Way(NamedTuple):
    """A dialect: a type of provider, and the path, whose bodies are in verbatim/.

    MODEL stands for the model's name in paths and bodies, STREAM for what a request says of streaming:
    `streamed`, or nothing for a whole answer. `streaming` is the path of streams, where it is another one.
    """

    provider: str
    path: str
    streamed: tuple[str, str] = ("", ',"stream":true')
    streaming: str = ""
    base: str = "/v1"
    kind: str = "text/event-stream"


_NDJSON = "application/x-ndjson"
_GEMINI = "/v1beta/models/MODEL:"
WAYS = {
    "chat": Way(
        "openai_compatible",
        "/v1/chat/completions",
        ("", ',"stream": true, "stream_options":{"include_usage":true}'),
    ),
    "responses": Way("openai", "/v1/responses"),
    "messages": Way("anthropic", "/v1/messages"),
    "generate_content": Way(
        "gemini",
        f"{_GEMINI}generateContent",
        streaming=f"{_GEMINI}streamGenerateContent?alt=sse",
        base="/v1beta",
    ),
    "api_chat": Way("ollama", "/api/chat", (',"stream":false', ""), kind=_NDJSON),
    "api_generate": Way("ollama", "/api/generate", (',"stream":false', ""), kind=_NDJSON),
}
_FOLDER = Path(__file__).with_name("verbatim")


class Verbatim(Upstream):
    """A provider of every dialect that answers what it was given to answer."""

    def __init__(self) -> None:
        super().__init__()
        self.steps: list[Step] = []
        self.asked: list[Received] = []

    def take(self, request: Received) -> Iterable[Step]:
        self.asked.append(request)
        return self.steps


@pytest.fixture(scope="module")
def provider() -> Iterator[Verbatim]:
    with Verbatim() as running:
        yield running


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory, provider: Verbatim) -> Iterator[Gateway]:
    config = document({})
    root = f"http://localhost:{provider.port}"
    for name, way in WAYS.items():
        made = {"name": name, "type": way.provider, "base_url": root + way.base, "api_key": "k"}
        config["providers"].append(made)
    config["routes"] = [
        {"model_alias": f"{ALIAS}-{name}", "targets": [{"provider": name, "model": REAL}]} for name in WAYS
    ]
    home = tmp_path_factory.mktemp("verbatim")
    with start(home, config) as running:
        yield running


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize("name", WAYS)
def test_nothing_is_changed(gateway: Gateway, provider: Verbatim, name: str, *, stream: bool) -> None:
    way, alias = WAYS[name], f"{ALIAS}-{name}"
    said = (_FOLDER / name / ("stream.txt" if stream else "answer.json")).read_bytes()
    if stream:
        head = f"HTTP/1.1 200 OK\r\ncontent-type: {way.kind}\r\ntransfer-encoding: chunked\r\n\r\n"
        pieces = [wire.chunk(said[at : at + 11]) for at in range(0, len(said), 11)]
        provider.steps = [head.encode(), *pieces, wire.chunk(b"")]
    else:
        provider.steps = wire.answer(said)
    path = way.streaming if stream and way.streaming else way.path
    body = (_FOLDER / name / "request.json").read_bytes().replace(b"STREAM", way.streamed[stream].encode())
    answer = gateway.client.post(path.replace("MODEL", alias), body.replace(b"MODEL", alias.encode()))
    assert answer.status == 200, answer.body
    asked = provider.asked[-1]
    assert asked.path == path.replace("MODEL", REAL)
    assert asked.body == body.replace(b"MODEL", REAL.encode())
    assert answer.body == said


def test_an_array_of_geminis_is_read_as_it_grows(gateway: Gateway, provider: Verbatim) -> None:
    said = (_FOLDER / "generate_content" / "answer.json").read_bytes()
    more = said.replace(b',"finishReason":"STOP"', b"")
    head = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
    gate = Gate()
    events = [wire.chunk(b"data: " + each + b"\r\n\r\n") for each in (more, said)]
    provider.steps = [head, events[0], gate, events[1], wire.chunk(b"")]
    body = (_FOLDER / "generate_content" / "request.json").read_bytes()
    address = urlsplit(gateway.endpoints["listen"])
    connection = HTTPConnection(address.hostname or "", address.port, timeout=PATIENCE_S)
    with closing(connection):
        path = f"/v1beta/models/{ALIAS}-generate_content:streamGenerateContent"
        connection.request("POST", path, body, {"authorization": f"Bearer {gateway.client.key}"})
        response = connection.getresponse()
        seen = b""
        while seen.count(b"}") < more.count(b"}"):
            part = response.read1()
            assert part, seen
            seen += part
        assert seen == b"[" + more
        gate.open()
        assert seen + response.read() == b"[" + more + b",\r\n" + said + b"]"
