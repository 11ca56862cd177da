"""Every SDK through one gateway with every fake behind it: what is lost is what a dialect cannot say.

Invariant: no provider gets a request that its service would refuse, and no SDK sees more or less than
`losses` says.
"""

from __future__ import annotations

from contextlib import ExitStack, closing
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest
from conformance.sdk import losses, pairs, scenes
from support.gateway import KEY, Gateway, document, start

if TYPE_CHECKING:
    from collections.abc import Iterator

    from _pytest.mark import ParameterSet
    from conformance.sdk.scenes import Scene
    from support.fakes.server import Fake

# What the gateway speaks: another dialect is switched on by its name here.
CLIENTS = ("openai_chat",)
PROVIDERS = ("openai", "anthropic")
_PROVIDERS: dict[str, dict[str, str]] = {
    "openai": {"type": "openai_compatible", "path": "/v1"},
    "anthropic": {"type": "anthropic", "path": "/v1"},
}


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
    for client in CLIENTS
    for provider in PROVIDERS
    for scene in scenes.SCENES
    for stream in (False, True)
    if (stream or not scene.only_streamed) and losses.wanted(scene, client, provider) is not None
]


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory, fakes: dict[str, Fake]) -> Iterator[Gateway]:
    config = document({})
    for name in PROVIDERS:
        made = _PROVIDERS[name]
        url = fakes[name].root + made["path"]
        config["providers"].append(
            {"name": name, "type": made["type"], "base_url": url, "api_key": fakes[name].key}
        )
    config["routes"] = [{"model_alias": f"{name}/*", "targets": [{"provider": name}]} for name in PROVIDERS]
    with start(tmp_path_factory.mktemp("matrix"), config) as running:
        yield running


@pytest.fixture(scope="module")
def clients(gateway: Gateway) -> Iterator[dict[str, Any]]:
    with ExitStack() as stack:
        root = gateway.endpoints["listen"]
        yield {name: stack.enter_context(closing(pairs.CLIENTS[name].connect(root, KEY))) for name in CLIENTS}


@pytest.mark.parametrize("case", _CASES)
def test_a_pair(clients: dict[str, Any], fakes: dict[str, Fake], case: Case) -> None:
    client, provider, scene, stream = case
    before = len(fakes[provider].refusals)
    seen = clients[client].play(scene, f"{provider}/{scene.name}", stream=stream)
    wanted = losses.wanted(scene, client, provider)
    assert wanted is not None
    refused = fakes[provider].refusals[before:]
    assert refused == [] or scene.answers[0].failure, refused
    for one, other in zip(seen, wanted, strict=True):
        assert scenes.same(one, other, json_text=scene.json), (one, other)
