"""Each SDK against the fake of its own dialect: what the fakes say is what the SDKs read.

Invariant: no request that an SDK makes for a scene is refused, and nothing is lost but what its dialect
cannot say.
"""

from __future__ import annotations

from contextlib import ExitStack, closing
from typing import TYPE_CHECKING, Any

import pytest
from conformance.sdk import losses, pairs, scenes

if TYPE_CHECKING:
    from collections.abc import Iterator

    from conformance.sdk.scenes import Scene
    from support.fakes.server import Fake

_CASES = [
    pytest.param(client, scene, stream, id=f"{client}-{scene.name}-{'stream' if stream else 'whole'}")
    for client in pairs.CLIENTS
    for scene in scenes.SCENES
    for stream in (False, True)
    if (stream or not scene.only_streamed) and losses.told(scene, client) is not None
]


@pytest.fixture(scope="module")
def clients(fakes: dict[str, Fake]) -> Iterator[dict[str, Any]]:
    with ExitStack() as stack:
        made = {
            name: pairing.connect(fakes[pairing.fake].root, pairing.key)
            for name, pairing in pairs.CLIENTS.items()
        }
        for client in made.values():
            stack.enter_context(closing(client))
        yield made


@pytest.mark.parametrize(("name", "scene", "stream"), _CASES)
def test_a_scene(clients: dict[str, Any], name: str, scene: Scene, *, stream: bool) -> None:
    seen = clients[name].play(scene, pairs.CLIENTS[name].prefix + scene.name, stream=stream)
    wanted = losses.told(scene, name)
    assert wanted is not None
    assert len(seen) == len(wanted)
    for one, other in zip(seen, wanted, strict=True):
        assert scenes.same(one, other, json_text=scene.json), (one, other)


@pytest.mark.parametrize(("name", "model"), pairs.EMBEDDING_MODELS)
def test_embeddings(clients: dict[str, Any], name: str, model: str) -> None:
    one, other = clients[name].embed(model, ["a", "b"])
    assert one != other
    assert one[:2] == [(97 - 64 - 32) / 32, (97 + 7 - 64 - 32) / 32]
    assert len(one) == len(other)


@pytest.mark.parametrize("name", ["anthropic", "anthropic_vertex", "google", "google_vertex"])
def test_tokens_are_counted(clients: dict[str, Any], name: str) -> None:
    assert clients[name].count(pairs.CLIENTS[name].prefix + "text") == 14


def test_what_was_accepted_is_kept(clients: dict[str, Any], fakes: dict[str, Fake]) -> None:
    scene = next(scene for scene in scenes.SCENES if scene.name == "echo")
    clients["anthropic"].play(scene, "claude-echo", stream=False)
    kept = fakes["anthropic"].requests[-1]
    assert kept.path == "/v1/messages"
    assert kept.body["system"] == "Be brief."
    assert kept.asked is not None
    assert (kept.asked.system, kept.asked.roles, kept.asked.text) == ("Be brief.", "uau", "three")
