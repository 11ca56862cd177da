"""The listings of models, and Azure's paths, with names that look like something else."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from support import wire
from support.gateway import Gateway, document, start
from support.upstream import Upstream

if TYPE_CHECKING:
    from collections.abc import Iterator

_COLON = "llama3:8b"


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory, upstream: Upstream) -> Iterator[Gateway]:
    config = document({"main": upstream})
    config["routes"] = [{"model_alias": _COLON, "targets": [{"provider": "main"}]}]
    with start(tmp_path_factory.mktemp("models"), config) as running:
        yield running


@pytest.mark.parametrize(
    ("path", "header", "member", "name"),
    [
        ("/v1/models/{}", "", "id", _COLON),
        ("/openai/v1/models/{}", "", "id", _COLON),
        ("/v1/models/{}", "anthropic-version", "id", _COLON),
        ("/v1/models/{}", "x-goog-api-key", "name", f"models/{_COLON}"),
        ("/v1beta/models/{}", "", "name", f"models/{_COLON}"),
    ],
)
def test_a_name_with_a_colon_is_no_action(
    gateway: Gateway, path: str, header: str, member: str, name: str
) -> None:
    headers = {header: gateway.client.key or ""} if header else {}
    found = gateway.client.ask("GET", path.format(_COLON), None, headers)
    assert (found.status, found.json.get(member)) == (200, name)


@pytest.mark.parametrize("header", ["", "anthropic-version", "x-goog-api-key"])
def test_no_model_is_called_none(gateway: Gateway, header: str) -> None:
    headers = {header: gateway.client.key or ""} if header else {}
    assert gateway.client.ask("GET", "/v1/models/None", None, headers).status == 404


@pytest.mark.parametrize(
    ("query", "kind"), [("alt=sse", "text/event-stream"), ("alt=ssex", "application/json")]
)
def test_events_are_asked_for_by_name(gateway: Gateway, upstream: Upstream, query: str, kind: str) -> None:
    upstream.script(_COLON, wire.stream(wire.chat_events()))
    body = {"contents": [{"parts": [{"text": "hello"}]}]}
    answer = gateway.client.post(f"/v1beta/models/{_COLON}:streamGenerateContent?{query}", body)
    assert (answer.status, answer.headers["content-type"].partition(";")[0]) == (200, kind)


@pytest.mark.parametrize("path", ["/openai/v1/completions", "/openai/deployments/{}/completions"])
def test_completions_are_served_below_azures_paths(gateway: Gateway, upstream: Upstream, path: str) -> None:
    upstream.script(_COLON, wire.answer(wire.completion("There.")))
    answer = gateway.client.post(path.format(_COLON), {"model": _COLON, "prompt": "hello"})
    assert (answer.status, answer.json["choices"][0]["text"]) == (200, "There.")
