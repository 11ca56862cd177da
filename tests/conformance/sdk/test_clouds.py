"""Every SDK through one gateway with clouds behind it, by every way in; losses are those of the dialects.

Invariant: no cloud gets a request that it would refuse, and no SDK sees more or less than `losses` says.
"""

from __future__ import annotations

from contextlib import ExitStack, closing
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import unquote

import pytest
from conformance.sdk import clouds, pairs, scenes
from support.cloud import cloud
from support.gateway import KEY, Gateway, eventually, start

if TYPE_CHECKING:
    from collections.abc import Iterator

    from _pytest.mark import ParameterSet
    from conformance.sdk.scenes import Scene
    from support.fakes.server import Fake

_TEXT = scenes.SCENES[0]
_THINKS = next(scene for scene in scenes.SCENES if scene.name == "think")


class Case(NamedTuple):
    """A scene that a client asks of a provider."""

    client: str
    provider: str
    scene: Scene
    stream: bool


def _case(client: str, provider: str, scene: Scene, *, stream: bool) -> ParameterSet:
    name = f"{client}-{provider}-{scene.name}-{'stream' if stream else 'whole'}"
    return pytest.param(Case(client, provider, scene, stream), id=name)


_CASES = [
    _case(client, provider, scene, stream=stream)
    for client in clouds.CLIENTS
    for provider in clouds.PROVIDERS
    for scene in scenes.SCENES
    for stream in (False, True)
    if (stream or not scene.only_streamed) and clouds.wanted(scene, client, provider) is not None
]


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory, fakes: dict[str, Fake]) -> Iterator[Gateway]:
    """A gateway with clouds behind it, whose credentials have all come."""
    home = tmp_path_factory.mktemp("clouds")
    with cloud() as here, start(home, clouds.configuration(fakes), clouds.surroundings(home, here)) as found:
        for provider in clouds.PROVIDERS | clouds.WAYS:
            eventually(lambda name=provider: found.client.chat(f"{name}/text").status == 200)  # type: ignore[misc]
        yield found


@pytest.fixture(scope="module")
def clients(gateway: Gateway) -> Iterator[dict[str, Any]]:
    with ExitStack() as stack:
        root = gateway.endpoints["listen"]
        yield {
            name: stack.enter_context(closing(pairs.CLIENTS[name].connect(root, KEY)))
            for name in (*clouds.CLIENTS, "ollama")
        }


@pytest.mark.parametrize("case", _CASES)
def test_a_pair(clients: dict[str, Any], fakes: dict[str, Fake], case: Case) -> None:
    client, provider, scene, stream = case
    fake = fakes[clouds.PROVIDERS[provider].fake]
    before = len(fake.refusals)
    seen = clients[client].play(scene, f"{provider}/{scene.name}", stream=stream)
    wanted = clouds.wanted(scene, client, provider)
    assert wanted is not None
    refused = fake.refusals[before:]
    assert refused == [] or scene.answers[0].failure, refused
    for one, other in zip(seen, wanted, strict=True):
        assert scenes.same(one, other, json_text=scene.json), (one, other)


@pytest.mark.parametrize("provider", clouds.WAYS)
@pytest.mark.parametrize("stream", [False, True])
def test_every_way_in(clients: dict[str, Any], provider: str, *, stream: bool) -> None:
    seen = clients["openai_chat"].play(_TEXT, f"{provider}/text", stream=stream)
    assert seen == list(_TEXT.answers)


def test_a_session_s_token_is_sent_and_signed(clients: dict[str, Any], fakes: dict[str, Fake]) -> None:
    for provider in ("bedrock_container", "claude_container"):
        assert clients["openai_chat"].play(_TEXT, f"{provider}/text", stream=False) == list(_TEXT.answers)
        headers = fakes["bedrock"].requests[-1].headers
        assert headers["x-amz-security-token"] == clouds.SESSION
        assert "x-amz-security-token" in headers["authorization"].partition("SignedHeaders=")[2]


@pytest.mark.parametrize("client", ["openai_chat", "google", "ollama"])
@pytest.mark.parametrize("model", clouds.EMBEDDINGS)
def test_embeddings(clients: dict[str, Any], fakes: dict[str, Fake], client: str, model: str) -> None:
    several = "titan" not in model
    texts = ["a", "b"] if several else ["a"]
    rows = clients[client].embed(model, texts)
    assert [row[0] for row in rows] == [(97 - 64 - 32) / 32, (98 - 64 - 32) / 32][: len(texts)]
    asked = fakes[clouds.PROVIDERS[clouds.EMBEDDINGS[model][0]].fake].requests[-1]
    assert clouds.EMBEDDINGS[model][1] in unquote(asked.path) + str(asked.body)


@pytest.mark.parametrize("client", ["anthropic", "google"])
@pytest.mark.parametrize("provider", clouds.PROVIDERS)
def test_tokens_are_counted_by_the_cloud_or_estimated(gateway: Gateway, client: str, provider: str) -> None:
    model, said = f"{provider}/text", [{"role": "user", "content": "hello"}]
    if client == "anthropic":
        tool = {"name": "weather", "input_schema": {"type": "object", "properties": {}}}
        thinking = {"type": "enabled", "budget_tokens": 9_000}
        body: dict[str, Any] = {"model": model, "messages": said, "system": "Be brief.", "tools": [tool]}
        body |= {"thinking": thinking, "tool_choice": {"type": "auto"}}
        answer = gateway.client.post("/v1/messages/count_tokens", body)
        count = answer.json["input_tokens"]
    else:
        asked = {"contents": [{"role": "user", "parts": [{"text": "hello"}]}]}
        whole = {"generateContentRequest": {"model": f"models/{model}", **asked}}
        answer = gateway.client.post(f"/v1beta/models/{model}:countTokens", whole)
        count = answer.json["totalTokens"]
    counts = provider in ("bedrock", "vertex")
    assert ("x-headgate-estimate" not in answer.headers) == counts
    assert (count == 14) == counts
    assert count > 0


@pytest.mark.parametrize("client", ["anthropic", "google"])
@pytest.mark.parametrize("provider", ["bedrock", "vertex"])
def test_sdks_count_tokens(clients: dict[str, Any], client: str, provider: str) -> None:
    assert clients[client].count(f"{provider}/text") == 14


def test_a_model_s_arn_is_one_segment_that_is_signed(gateway: Gateway, fakes: dict[str, Fake]) -> None:
    answer = gateway.client.chat("bedrock/arn")
    assert (answer.status, answer.text) == (200, _TEXT.answers[0].text)
    assert unquote(fakes["bedrock"].requests[-1].path) == f"/model/{clouds.ARN}/converse"


@pytest.mark.parametrize("provider", clouds.NEW)
def test_newer_claudes_are_asked_to_think_in_their_own_measure(
    clients: dict[str, Any], fakes: dict[str, Fake], provider: str
) -> None:
    (seen,) = clients["openai_chat"].play(_THINKS, f"{provider}/new", stream=False)
    assert (seen.text, seen.failure) == (_THINKS.answers[0].text, None)
    body = fakes[clouds.PROVIDERS[provider].fake].requests[-1].body
    asked = body.get("additionalModelRequestFields", body)
    assert asked["thinking"] == {"type": "adaptive"}
    assert asked["output_config"] == {"effort": "low"}


@pytest.mark.parametrize("provider", ["bedrock_claude", "vertex_claude"])
def test_betas_go_where_the_cloud_wants_them(gateway: Gateway, fakes: dict[str, Fake], provider: str) -> None:
    said = [{"role": "user", "content": "hello"}]
    body = {"model": f"{provider}/text", "max_tokens": 9, "messages": said}
    headers = {"anthropic-beta": "one-2025-01-01, two-2025-02-02", "anthropic-version": "2023-06-01"}
    assert gateway.client.post("/v1/messages", body, headers).status == 200
    asked = fakes[clouds.PROVIDERS[provider].fake].requests[-1]
    in_body, in_head = asked.body.get("anthropic_beta"), asked.headers.get("anthropic-beta")
    if provider == "bedrock_claude":
        assert (in_body, in_head) == (["one-2025-01-01", "two-2025-02-02"], None)
    else:
        assert (in_body, in_head) == (None, headers["anthropic-beta"])


@pytest.mark.parametrize("provider", ["vertex", "vertex_claude", "bedrock_claude"])
def test_who_embeds_nothing_says_so(gateway: Gateway, provider: str) -> None:
    answer = gateway.client.post("/v1/embeddings", {"model": f"{provider}/text", "input": "a"})
    assert (answer.status, answer.json["error"]["param"]) == (400, "model")
    assert "has no embeddings" in answer.json["error"]["message"]
