"""Configuration that changes under traffic (SPEC A): taken whole, or not at all."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest
from support import wire
from support.gateway import Gateway, document, eventually, start
from support.upstream import Gate, Upstream

if TYPE_CHECKING:
    from collections.abc import Iterator

_EXTRA = "test-key-that-comes-and-goes-again"


@pytest.fixture
def config(upstream: Upstream) -> dict[str, Any]:
    return document({"main": upstream})


@pytest.fixture
def gateway(tmp_path_factory: pytest.TempPathFactory, config: dict[str, Any]) -> Iterator[Gateway]:
    with start(tmp_path_factory.mktemp("reload"), config) as running:
        yield running


def _with_key(config: dict[str, Any], **members: Any) -> dict[str, Any]:  # noqa: ANN401
    return {**config, "keys": [*config["keys"], {"name": "extra", "key": _EXTRA, **members}]}


@pytest.mark.parametrize("signalled", [False, True])
def test_a_key_comes_is_blocked_and_goes(
    gateway: Gateway, config: dict[str, Any], *, signalled: bool
) -> None:
    client = gateway.as_key(_EXTRA)
    assert client.chat("echo").code == "invalid_api_key"
    steps = [
        (_with_key(config), 200),
        (_with_key(config, blocked=True), 403),
        (_with_key(config, allowed_models=["gpt-*"]), 403),
        (_with_key(config), 200),
        (_with_key(config, expires_at="2020-01-31"), 401),
        (config, 401),
    ]
    for number, (document_, status) in enumerate(steps, 2):
        gateway.reconfigure(document_)
        if signalled:
            gateway.hang_up()
        # RULINGS 7: within a second on the host; the file's watcher may first have to notice.
        eventually(lambda wanted=status: client.chat("echo").status == wanted, 2.0)  # type: ignore[misc]
        if not signalled:
            gateway.generation(number)
    assert gateway.client.chat("echo").status == 200


@pytest.mark.parametrize(
    "wrong",
    [
        "providers: 7\n",
        "{",
        "routes: [{model_alias: x, targets: [{provider: nobody}]}]\n",
        "serverr: {}\n",
        "",
    ],
)
def test_a_bad_file_leaves_the_running_one(gateway: Gateway, config: dict[str, Any], wrong: str) -> None:
    (gateway.home / "headgate.yaml").write_text(wrong or "keys: [{name: a, key: short}]\n")
    gateway.hang_up()
    assert "headgate.yaml" in gateway.log("the running configuration stays")
    assert gateway.client.chat("echo").status == 200
    gateway.reconfigure(_with_key(config))
    gateway.hang_up()
    eventually(lambda: gateway.as_key(_EXTRA).chat("echo").status == 200, 2.0)


def test_a_stream_goes_on_through_a_reload(
    gateway: Gateway, upstream: Upstream, config: dict[str, Any]
) -> None:
    gate = Gate()
    events = wire.chat_events()
    upstream.script("through", wire.stream(events[:3], gate, *map(wire.chunk, [*events[3:], b""])))
    with gateway.client.open("through") as reading:
        reading.until(b"two")
        # Its key, its route and its provider all go.
        gateway.reconfigure({**_with_key(config), "keys": [], "routes": [], "providers": [{"name": "echo"}]})
        gateway.hang_up()
        eventually(lambda: gateway.client.chat("echo").status == 401, 2.0)
        gate.open()
        assert b"five" in reading.to_end()
        assert b"[DONE]" in reading.seen
    (record,) = gateway.settled(reading.request_id)
    assert (record["key"], record["outcome"], record["completion_tokens"]) == ("tester", "ok", 5)


def test_a_provider_that_moves_is_followed(
    gateway: Gateway, upstream: Upstream, config: dict[str, Any]
) -> None:
    upstream.script("moves", wire.answer(wire.chat("old home")))
    assert gateway.client.chat("moves").text == "old home"
    with Upstream() as elsewhere:
        elsewhere.script("moves", wire.answer(wire.chat("new home")))
        gateway.reconfigure({**config, "providers": document({"main": elsewhere})["providers"]})
        gateway.hang_up()
        eventually(lambda: gateway.client.chat("moves").text == "new home", 2.0)


def test_a_connection_in_use_while_its_provider_moves_is_not_kept(
    gateway: Gateway, upstream: Upstream, config: dict[str, Any]
) -> None:
    gate = Gate()
    upstream.script("in-use", [gate, *wire.answer(wire.chat("old home"))])
    with Upstream() as elsewhere, ThreadPoolExecutor(1) as pool:
        elsewhere.script("in-use", wire.answer(wire.chat("new home")))
        asked = pool.submit(gateway.client.chat, "in-use")
        gate.reached()
        gateway.reconfigure({**config, "providers": document({"main": elsewhere})["providers"]})
        gateway.hang_up()
        gateway.generation(2)
        gate.open()
        assert asked.result().text == "old home"
        assert gateway.client.chat("in-use").text == "new home"


def test_limits_keep_what_they_counted(gateway: Gateway, config: dict[str, Any]) -> None:
    """A reload is no way to get a full bucket."""
    gateway.reconfigure(_with_key(config, rpm=3))
    gateway.hang_up()
    client = gateway.as_key(_EXTRA)
    eventually(lambda: client.get("/v1/models").status == 200, 2.0)
    assert [client.chat("echo").status for _ in range(4)] == [200, 200, 200, 429]
    gateway.reconfigure(_with_key(config, rpm=3, allowed_models=["echo"]))
    gateway.hang_up()
    eventually(lambda: client.chat("gpt-4o").status == 403, 2.0)
    assert client.chat("echo").status == 429


def test_reloads_under_load_cost_no_request(gateway: Gateway, config: dict[str, Any]) -> None:
    done = threading.Event()

    def ask() -> set[int]:
        statuses = set()
        while not done.is_set():
            statuses.add(gateway.client.chat("echo").status)
        return statuses

    with ThreadPoolExecutor(4) as pool:
        asking = [pool.submit(ask) for _ in range(4)]
        try:
            for number in range(2, 7):
                gateway.reconfigure(_with_key(config, rpm=number))
                gateway.hang_up()
                gateway.generation(number)
        finally:
            done.set()
        assert [one.result() for one in asking] == [{200}] * 4


def test_a_reload_reaches_every_worker(
    tmp_path_factory: pytest.TempPathFactory, config: dict[str, Any]
) -> None:
    config["server"]["workers"] = 3
    with start(tmp_path_factory.mktemp("three"), config) as gateway:
        gateway.generation(1, 3)
        gateway.reconfigure(_with_key(config))
        gateway.hang_up()
        gateway.generation(2, 3)
        assert {gateway.as_key(_EXTRA).chat("echo").status for _ in range(24)} == {200}
