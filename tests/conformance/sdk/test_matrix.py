"""Every SDK through one gateway with every fake behind it: what is lost is what a dialect cannot say.

Invariant: no provider gets a request that its service would refuse, and no SDK sees more or less than
`losses` says.
"""

from __future__ import annotations

import json
from contextlib import ExitStack, closing
from itertools import permutations
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest
from conformance.sdk import behind, losses, pairs, scenes
from support.fakes import gemini_turns, plays
from support.gateway import KEY

if TYPE_CHECKING:
    from collections.abc import Iterator

    from _pytest.mark import ParameterSet
    from conformance.sdk.scenes import Scene
    from support.fakes.server import Fake
    from support.gateway import Gateway


class Case(NamedTuple):
    """A scene that a client asks of a provider."""

    client: str
    provider: str
    scene: Scene
    stream: bool


def _case(client: str, provider: str, scene: Scene, *, stream: bool) -> ParameterSet:
    gap = losses.GAPS.get((client, provider, scene.name))
    marks = [pytest.mark.xfail(reason=gap, raises=AssertionError)] if gap else []
    name = f"{client}-{provider}-{scene.name}-{'stream' if stream else 'whole'}"
    return pytest.param(Case(client, provider, scene, stream), id=name, marks=marks)


_CASES = [
    _case(client, provider, scene, stream=stream)
    for client in behind.CLIENTS
    for provider in behind.PROVIDERS
    for scene in scenes.SCENES
    for stream in (False, True)
    if (stream or not scene.only_streamed) and losses.wanted(scene, client, provider) is not None
]


@pytest.fixture(scope="module")
def clients(gateway: Gateway) -> Iterator[dict[str, Any]]:
    with ExitStack() as stack:
        root = gateway.endpoints["listen"]
        yield {
            name: stack.enter_context(closing(pairs.CLIENTS[name].connect(root, KEY)))
            for name in behind.CLIENTS
        }


@pytest.mark.parametrize("case", _CASES)
def test_a_pair(clients: dict[str, Any], fakes: dict[str, Fake], case: Case) -> None:
    client, provider, scene, stream = case
    fake = fakes[behind.PROVIDERS[provider].fake]
    before = len(fake.refusals)
    seen = clients[client].play(scene, behind.model(provider, scene.name), stream=stream)
    wanted = losses.wanted(scene, client, provider)
    assert wanted is not None
    refused = fake.refusals[before:]
    assert refused == [] or scene.answers[0].failure, refused
    for one, other in zip(seen, wanted, strict=True):
        assert scenes.same(one, other, json_text=scene.json), (one, other)


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize(
    ("client", "provider"),
    [
        ("anthropic", "anthropic"),
        ("google", "anthropic"),
        ("openai_responses", "anthropic"),
        ("google", "gemini"),
        ("openai_responses", "gemini"),
        ("openai_responses", "openai"),
    ],
)
def test_a_thought_goes_back_to_who_had_it(
    clients: dict[str, Any], fakes: dict[str, Fake], client: str, provider: str, *, stream: bool
) -> None:
    scene = next(scene for scene in scenes.SCENES if scene.name == "thinktools")
    clients[client].play(scene, behind.model(provider, scene.name), stream=stream)
    request = fakes[behind.PROVIDERS[provider].fake].requests[-1]
    signature = gemini_turns.SIGNATURE if provider == "gemini" else plays.signed("I need the weather.")
    assert signature in json.dumps(request.body)
    assert request.asked is not None
    assert request.asked.thinks


_MAKERS = ("anthropic", "gemini", "openai", "compatible")
# These tell no thoughts, so what goes on to Anthropic has none for thinking to go on with; nobody marked it,
# and it goes as the caller wrote it.
_THOUGHTLESS = {("openai", "anthropic"), ("compatible", "anthropic")}


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize(
    ("first", "then"), [pair for pair in permutations(_MAKERS, 2) if pair not in _THOUGHTLESS]
)
def test_another_maker_s_model_goes_on_where_one_thought(
    clients: dict[str, Any], fakes: dict[str, Fake], first: str, then: str, *, stream: bool
) -> None:
    scene = next(scene for scene in scenes.SCENES if scene.name == "thinktools")
    fake = fakes[behind.PROVIDERS[then].fake]
    before = len(fake.refusals)
    models = (behind.model(first, scene.name), behind.model(then, scene.name))
    _, answer = clients["anthropic"].play(scene, models[0], stream=stream, then=models[1])
    assert fake.refusals[before:] == []
    assert answer.text == "The tools said: 18C"


@pytest.mark.parametrize("provider", [name for name in behind.PROVIDERS if name != "anthropic"])
@pytest.mark.parametrize("client", ["openai_chat", "azure_chat", "google", "ollama"])
def test_embeddings(clients: dict[str, Any], client: str, provider: str) -> None:
    model = behind.GOOGLES if provider == "gemini" else behind.model(provider, "embedding")
    one, other = clients[client].embed(model, ["a", "b"])
    assert (one[0], other[0]) == ((97 - 64 - 32) / 32, (98 - 64 - 32) / 32)
    assert len(one) == len(other) == 4


@pytest.mark.parametrize("client", ["openai_chat", "google", "ollama"])
def test_who_has_no_embeddings_says_so(clients: dict[str, Any], client: str) -> None:
    with pytest.raises(Exception, match="has no embeddings"):
        clients[client].embed(behind.model("anthropic", "embedding"), ["a"])


@pytest.mark.parametrize("provider", behind.PROVIDERS)
@pytest.mark.parametrize("client", ["anthropic", "google"])
def test_tokens_are_counted(clients: dict[str, Any], client: str, provider: str) -> None:
    counted = clients[client].count(behind.model(provider, "text"))
    assert (counted == 14) is (provider in ("anthropic", "gemini"))
    assert 0 < counted < 20


@pytest.mark.parametrize(
    "client", ["openai_chat", "openai_responses", "azure_responses", "anthropic", "google", "ollama"]
)
def test_models_are_listed(clients: dict[str, Any], client: str) -> None:
    assert clients[client].models() == [behind.LISTED, "echo"]
