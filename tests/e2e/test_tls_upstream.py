"""TLS to providers: who is trusted, sessions resumed, large bodies both ways, and how connections end."""

from __future__ import annotations

import ssl
from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest
from support import wire
from support.certificates import Authority
from support.gateway import Gateway, document, start
from support.upstream import End, Received, Step, Upstream

if TYPE_CHECKING:
    from collections.abc import Iterator

_MB = 1 << 20


@pytest.fixture(scope="module")
def ours(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("ours"), "ours")


@pytest.fixture(scope="module")
def providers(tmp_path_factory: pytest.TempPathFactory, ours: Authority) -> Iterator[dict[str, Upstream]]:
    other = Authority(tmp_path_factory.mktemp("other"), "other")
    v12, v13 = ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3
    contexts = {
        "good": ours.server("DNS:localhost", (v13, v13)),
        "older": ours.server("IP:127.0.0.1", (v12, v12)),
        "unknown": other.server("DNS:localhost"),
        "misnamed": ours.server("DNS:elsewhere.example"),
    }
    with ExitStack() as stack:
        found = {name: stack.enter_context(Upstream(context)) for name, context in contexts.items()}
        yield found


@pytest.fixture(scope="module")
def plain() -> Iterator[Upstream]:
    with Upstream() as provider:
        yield provider


@pytest.fixture(scope="module")
def gateway(
    tmp_path_factory: pytest.TempPathFactory, providers: dict[str, Upstream], plain: Upstream, ours: Authority
) -> Iterator[Gateway]:
    config = document(providers)
    for provider in config["providers"][1:]:
        provider["ca_file"] = str(ours.pem)
    # By its address: sessions are remembered by name.
    config["providers"][2]["base_url"] = providers["older"].url.replace("localhost", "127.0.0.1")
    mute = {**config["providers"][1], "name": "mute", "base_url": plain.url.replace("http:", "https:")}
    mute["timeouts"] = {"connect": "300ms"}
    system = {**config["providers"][1], "name": "system"}
    del system["ca_file"]
    config["providers"] += [mute, system]
    names = [*providers, "mute", "system"]
    config["routes"] = [{"model_alias": f"{name}-*", "targets": [{"provider": name}]} for name in names]
    with start(tmp_path_factory.mktemp("tls"), config) as running:
        yield running


@pytest.mark.parametrize("name", ["good", "older"])
def test_a_provider_behind_our_authority(gateway: Gateway, providers: dict[str, Upstream], name: str) -> None:
    providers[name].script(f"{name}-whole", wire.answer(wire.chat()))
    providers[name].script(f"{name}-stream", wire.stream(wire.chat_events()))
    assert gateway.client.chat(f"{name}-whole").text == wire.TEXT
    streamed = gateway.client.chat(f"{name}-stream", stream=True)
    assert (streamed.text, streamed.payloads[-1]) == (wire.TEXT, b"[DONE]")
    assert providers[name].request(f"{name}-whole").headers["authorization"] == "Bearer key-of-the-provider"


@pytest.mark.parametrize("name", ["unknown", "misnamed", "system"])
@pytest.mark.parametrize("stream", [False, True])
def test_a_provider_that_cannot_prove_itself(
    gateway: Gateway, providers: dict[str, Upstream], name: str, *, stream: bool
) -> None:
    answer = gateway.client.chat(f"{name}-any", stream=stream)
    assert (answer.status, answer.code) == (502, "upstream_connect")
    assert repr(name) in answer.json["error"]["message"]
    if name in providers:
        assert providers[name].requests(f"{name}-any") == []


def test_a_provider_that_says_nothing_to_a_handshake(gateway: Gateway) -> None:
    """A plain HTTP server waits for a blank line."""
    answer = gateway.client.chat("mute-any")
    assert (answer.status, answer.code) == (504, "upstream_timeout")


@pytest.mark.parametrize("name", ["good", "older"])
def test_sessions_are_resumed(gateway: Gateway, providers: dict[str, Upstream], name: str) -> None:
    upstream = providers[name]
    upstream.script(f"{name}-closing", wire.answer(wire.chat(), framing=wire.Framing.CLOSED))
    # The first may use a kept connection, the second may have lost its tickets to the impostors of this name.
    for _ in range(4):
        assert gateway.client.chat(f"{name}-closing").status == 200
    assert upstream.handshakes[-2:] == [True, True]


def test_connections_are_kept(gateway: Gateway, providers: dict[str, Upstream]) -> None:
    providers["good"].script("good-kept", wire.answer(wire.chat()))
    assert {gateway.client.chat("good-kept").status for _ in range(4)} == {200}
    assert len({request.connection for request in providers["good"].requests("good-kept")}) == 1


def test_five_megabytes_both_ways(gateway: Gateway, providers: dict[str, Upstream]) -> None:
    down = "d" * (5 * _MB)
    providers["good"].script("good-large", wire.answer(wire.chat(down)))
    up = "u" * (5 * _MB)
    answer = gateway.client.chat("good-large", content=up)
    assert answer.text == down
    assert providers["good"].request("good-large").json["messages"][0]["content"] == up


def test_a_five_megabyte_stream(gateway: Gateway, providers: dict[str, Upstream]) -> None:
    events = [wire.delta({"content": "x" * 10_000})] * 500
    providers["good"].script("good-long", wire.stream([*events, wire.delta({}, "stop"), wire.DONE]))
    assert len(gateway.client.chat("good-long", stream=True).text) == 5_000_000


@pytest.mark.parametrize("end", [End.RESET, End.CLOSE])
def test_a_cut_stream_ends_with_an_error_event(
    gateway: Gateway, providers: dict[str, Upstream], end: End
) -> None:
    providers["good"].script("good-cut", wire.stream(wire.chat_events()[:4], end))
    answer = gateway.client.chat("good-cut", stream=True)
    assert b'"upstream_truncated"' in answer.payloads[-1]
    assert b"[DONE]" not in answer.body


def test_a_stale_kept_connection_is_replaced(gateway: Gateway, providers: dict[str, Upstream]) -> None:
    def script(request: Received) -> list[Step]:
        return wire.answer(wire.chat()) if request.nth == 1 else [End.RESET]

    providers["good"].close_idle()
    providers["good"].script("good-stale", script)
    attempts = [gateway.client.chat("good-stale").headers["x-headgate-attempts"] for _ in range(2)]
    assert attempts == ["1", "2"]


def test_a_client_that_leaves_closes_the_provider(gateway: Gateway, providers: dict[str, Upstream]) -> None:
    providers["good"].script("good-left", wire.stream(wire.chat_events()[:4], End.HANG))
    with gateway.client.open("good-left") as reading:
        reading.until(b"three")
        reading.leave()
    assert providers["good"].request("good-left").closed.wait(1.0)
