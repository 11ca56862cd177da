"""What has no place in the provider's dialect is dropped, named or refused, as the provider's entry says."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from support import wire
from support.gateway import Gateway, document, start
from support.upstream import Upstream

if TYPE_CHECKING:
    from collections.abc import Iterator

    from support.client import Answer

_MESSAGE: dict[str, Any] = {
    "id": "msg_1",
    "type": "message",
    "role": "assistant",
    "model": "claude",
    "content": [{"type": "text", "text": "Hi!"}],
    "stop_reason": "end_turn",
    "stop_sequence": None,
    "usage": {"input_tokens": 10, "output_tokens": 25},
}
_RESPONSE: dict[str, Any] = {
    "id": "resp_1",
    "object": "response",
    "created_at": 1_800_000_000,
    "status": "completed",
    "model": "o-pro",
    "output": [
        {
            "type": "message",
            "id": "msg_1",
            "status": "completed",
            "role": "assistant",
            "content": [{"type": "output_text", "text": "Hi!", "annotations": []}],
        }
    ],
    "usage": {"input_tokens": 10, "output_tokens": 25, "total_tokens": 35},
}
_ASKED: dict[str, Any] = {"messages": [{"role": "user", "content": "Hi"}], "seed": 7, "n": 1}


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory, upstream: Upstream) -> Iterator[Gateway]:
    config = document({})
    for wish in ("drop", "warn", "reject"):
        entry = {
            "name": wish,
            "type": "anthropic",
            "base_url": upstream.url,
            "api_key": "k",
            "on_unsupported": wish,
        }
        config["providers"].append(entry)
        config["routes"].append({"model_alias": wish, "targets": [{"provider": wish}]})
    config["providers"].append(
        {"name": "only", "type": "openai", "base_url": upstream.url, "api_key": "k", "dialect": "responses"}
    )
    config["routes"].append({"model_alias": "only", "targets": [{"provider": "only"}]})
    with start(tmp_path_factory.mktemp("gateway"), config) as running:
        yield running


def _ask(gateway: Gateway, model: str) -> Answer:
    return gateway.client.ask("POST", "/v1/chat/completions", json.dumps({"model": model, **_ASKED}).encode())


@pytest.mark.parametrize(("wish", "named"), [("drop", None), ("warn", "seed")])
def test_it_is_left_out_and_named_where_that_is_wished(
    gateway: Gateway, upstream: Upstream, wish: str, named: str | None
) -> None:
    upstream.script(wish, wire.answer(_MESSAGE))
    answer = _ask(gateway, wish)
    assert answer.status == 200
    assert answer.headers.get("x-headgate-dropped") == named
    assert "seed" not in upstream.request(wish).json


def test_it_is_refused_where_that_is_wished(gateway: Gateway) -> None:
    answer = _ask(gateway, "reject")
    assert answer.status == 400
    assert answer.json["error"]["code"] == "unsupported_parameter"
    assert answer.json["error"]["param"] == "seed"
    assert "seed" in answer.json["error"]["message"]


def test_a_provider_may_have_one_dialect_only(gateway: Gateway, upstream: Upstream) -> None:
    upstream.script("only", wire.answer(_RESPONSE))
    answer = _ask(gateway, "only")
    assert answer.status == 200
    assert answer.json["choices"][0]["message"]["content"] == "Hi!"
    assert answer.json["usage"]["total_tokens"] == 35
    asked = upstream.request("only")
    assert asked.path == "/v1/responses"
    assert asked.json["store"] is False
    assert asked.json["input"]
