"""The rows of SPEC B's error table that no SDK can be brought to cause, and the headers of every answer."""

from __future__ import annotations

import json
import re
import socket
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest
from support import wire
from support.gateway import KEY, Gateway, document, start
from support.upstream import Gate, Upstream

if TYPE_CHECKING:
    from collections.abc import Iterator

_SECRET = "sk-abcdefghijklmnopqrstuvwxyz012345"
_UUID7 = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")
_SECURITY = {
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
}


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory, upstream: Upstream) -> Iterator[Gateway]:
    config = document({"main": upstream})
    config["server"] |= {"max_body": "64KiB", "header_timeout": "400ms", "body_timeout": "400ms"}
    with start(tmp_path_factory.mktemp("errors"), config) as running:
        yield running


def _raw(gateway: Gateway, request: bytes) -> tuple[int, dict[str, str], bytes]:
    """What comes back until the gateway closes the connection or has nothing more to say."""
    address = urlsplit(gateway.endpoints["listen"])
    with socket.create_connection((address.hostname, address.port), 5) as sock:
        sock.sendall(request)
        seen = b""
        while part := sock.recv(65536):
            seen += part
    head, _, body = seen.partition(b"\r\n\r\n")
    first, *lines = head.decode().split("\r\n")
    return int(first.split()[1]), dict(line.split(": ", 1) for line in lines), body


def _post(extra: str = "", length: int | str = 2, body: bytes = b"{}") -> bytes:
    head = (
        f"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {KEY}\r\n"
        f"{extra}connection: close\r\ncontent-length: {length}\r\n\r\n"
    )
    return head.encode() + body


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        (_post(length=100), 408),
        (_post(length=65537, body=b""), 413),
        (_post(extra=f"x-long: {'x' * 100_000}\r\n"), 431),
        (_post(extra="".join(f"x-{number}: 1\r\n" for number in range(1000))), 431),
        (_post(length="2\r\ncontent-length: 3"), 400),
        (_post(extra="transfer-encoding: chunked\r\n"), 400),
        (b"GET / HTTP/1.1\r\n\r\n", 400),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 400),
    ],
    ids=["slow", "large", "long-head", "many-headers", "two-lengths", "te-and-cl", "no-host", "tls"],
)
def test_the_edges_refusals_have_openais_shape(gateway: Gateway, request_: bytes, status: int) -> None:
    found, headers, body = _raw(gateway, request_)
    assert found == status
    assert headers["content-type"] == "application/json"
    assert headers["connection"] == "close"
    error = json.loads(body)["error"]
    assert set(error) == {"message", "type", "param", "code"}
    assert error["type"] == "invalid_request_error"


def test_a_body_in_chunks_is_bounded_too(gateway: Gateway) -> None:
    head = (
        f"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {KEY}\r\n"
        "transfer-encoding: chunked\r\n\r\n"
    )
    assert _raw(gateway, head.encode() + wire.chunk(b"x" * 70_000))[0] == 413


def test_the_key_is_checked_before_the_body(gateway: Gateway) -> None:
    """RULINGS 18: nobody without a key may send 64 KiB, nor wait."""
    head = b"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: 60000\r\n"
    status, _, body = _raw(gateway, head + b"expect: 100-continue\r\n\r\n")
    assert (status, json.loads(body)["error"]["code"]) == (401, "missing_api_key")


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/v1/chat/completions", (404, 405)),
        ("DELETE", "/v1/models/echo", (404, 405)),
        ("POST", "/v1/images/generations", (404,)),
        ("GET", "/metrics", (404,)),
        ("GET", "/admin/v1/keys", (404,)),
        ("GET", "/v1/responses/resp_1", (501,)),
    ],
)
def test_what_is_not_there(gateway: Gateway, method: str, path: str, status: tuple[int, ...]) -> None:
    answer = gateway.client.ask(method, path, b"{}" if method == "POST" else None)
    assert answer.status in status
    assert answer.json["error"]["type"] == "invalid_request_error"


def test_every_answer_has_the_security_headers(gateway: Gateway, upstream: Upstream) -> None:
    upstream.script("stream", wire.stream(wire.chat_events()))
    upstream.script("broken", wire.refusal(500))
    client = gateway.client
    answers = [
        client.chat("echo"),
        client.chat("stream", stream=True),
        client.chat("broken"),
        client.get("/healthz"),
        client.get("/readyz"),
        client.get("/v1/models"),
        client.get("/nowhere"),
        gateway.as_key(None).chat("echo"),
    ]
    for answer in answers:
        assert {name: answer.headers.get(name) for name in _SECURITY} == _SECURITY
        assert _UUID7.fullmatch(answer.request_id)
    _, headers, _ = _raw(gateway, _post(length="x"))
    assert {name: headers.get(name) for name in _SECURITY} == _SECURITY


@pytest.mark.parametrize(
    ("given", "kept"),
    [("abc", True), ("A.b_c-9", True), ("x" * 128, True), ("x" * 129, False), ("a b", False), ("a/b", False)],
)
def test_a_request_id_is_taken_or_made(gateway: Gateway, given: str, *, kept: bool) -> None:
    answer = gateway.client.chat("echo", {"x-request-id": given})
    assert (answer.request_id == given) is kept
    assert kept or _UUID7.fullmatch(answer.request_id)


def test_the_two_shares_of_server_timing(gateway: Gateway, upstream: Upstream) -> None:
    gate = Gate()
    upstream.script("timed", [gate, *wire.answer(wire.chat())])
    gate.open()
    timing = gateway.client.chat("timed").headers["server-timing"]
    parts = {name: float(value) for name, value in re.findall(r"(\w+);dur=([\d.]+)", timing)}
    assert parts["total"] == pytest.approx(parts["upstream"] + parts["gateway"], abs=0.01)
    assert 0 < parts["upstream"] < parts["total"]


def test_what_may_go_upstream(gateway: Gateway, upstream: Upstream) -> None:
    """RULINGS 22."""
    upstream.script("headers", wire.answer(wire.chat()))
    passed = {"openai-organization": "org-1", "openai-project": "p-1", "openai-beta": "assistants=v2"}
    stopped = {
        "cookie": "a=b",
        "x-headgate-cache": "no-store",
        "proxy-authorization": "Basic x",
        "te": "trailers",
        "x-forwarded-for": "10.0.0.1",
    }
    gateway.client.chat("headers", {**passed, **stopped})
    sent = upstream.request("headers").headers
    assert {name: sent.get(name) for name in passed} == passed
    assert [name for name in stopped if name in sent] == []
    assert KEY not in str(sent)


def test_an_upstreams_message_is_given_without_its_secrets(gateway: Gateway, upstream: Upstream) -> None:
    upstream.script("leaky", wire.refusal(400, f"Incorrect API key provided: {_SECRET}"))
    answer = gateway.client.chat("leaky")
    assert answer.status == 400
    assert answer.json["error"]["message"].startswith("Incorrect API key provided")
    assert _SECRET[8:] not in answer.body.decode()
