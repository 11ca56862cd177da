"""The gateway between SDKs and fakes: which dialects it speaks, and how it is told of them.

Invariant: a dialect is switched on by one row here; scenes, losses and requests are the same for all.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from support.gateway import document

if TYPE_CHECKING:
    from support.fakes.server import Fake


class Provider(NamedTuple):
    """A provider of the gateway: its fake, type and the path of its base URL, and how its models begin."""

    fake: str
    type: str
    path: str
    prefix: str


CLIENTS = (
    "openai_chat",
    "openai_responses",
    "azure_chat",
    "azure_responses",
    "anthropic",
    "google",
    "ollama",
    "ollama_generate",
)
"""SDKs of `pairs.CLIENTS` whose dialect the gateway takes."""

PROVIDERS = {
    "openai": Provider("responses", "openai", "/v1", "gpt-"),
    "compatible": Provider("openai", "openai_compatible", "/v1", "open-"),
    "anthropic": Provider("anthropic", "anthropic", "/v1", "claude-"),
    "gemini": Provider("gemini", "gemini", "/v1beta", "gemini-3-"),
    "ollama": Provider("ollama", "ollama", "/v1", "llama-"),
}
"""Providers it speaks to, by their names in `losses.PROVIDERS`."""
GOOGLES = "gemini-embedding-001"
LISTED = "gpt-text"
"""A route that is no pattern, so that it can be listed."""


def configuration(fakes: dict[str, Fake]) -> dict[str, Any]:
    """A gateway with every provider, each with the models of its prefix."""
    config = document({})
    for name, provider in PROVIDERS.items():
        fake = fakes[provider.fake]
        made = {"name": name, "type": provider.type, "base_url": fake.root + provider.path}
        config["providers"].append(made | {"api_key": fake.key})
    pinned = {"headers": {"anthropic-version": "2023-06-01"}, "api_key": fakes["anthropic"].key}
    url = fakes["anthropic"].root
    config["providers"].append({"name": "pinned", "type": "anthropic", "base_url": url, **pinned})
    config["routes"] = [
        {"model_alias": "pinned-*", "targets": [{"provider": "pinned"}]},
        {"model_alias": LISTED, "targets": [{"provider": "openai"}]},
        # Google's SDK asks for embeddings of this model alone by batch.
        {"model_alias": f"{GOOGLES}*", "targets": [{"provider": "gemini"}]},
        {"model_alias": "echo", "targets": [{"provider": "echo"}]},
    ]
    config["routes"] += [
        {"model_alias": f"{provider.prefix}*", "targets": [{"provider": name}]}
        for name, provider in PROVIDERS.items()
    ]
    return config


def model(provider: str, scene: str) -> str:
    """The model that plays a scene, as the gateway's callers name it."""
    return PROVIDERS[provider].prefix + scene
