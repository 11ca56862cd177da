"""The gateway before clouds: providers, the ways in to each, and the models behind which scenes are played.

Invariant: a model has its real form of name at its cloud; no provider has its credential from the document
that could have fetched it.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, NamedTuple

from conformance.sdk import losses
from conformance.sdk.scenes import SCENES
from support import grants
from support.fakes.bedrock import Bedrock
from support.fakes.server import Fake
from support.gateway import document

if TYPE_CHECKING:
    from pathlib import Path

    from conformance.sdk.scenes import Scene, Seen
    from support.cloud import Cloud

CLIENTS = ("openai_chat", "openai_responses", "anthropic", "google")
SESSION = "the-session-token"
ARN = "arn:aws:bedrock:us-east-1:123456789012:application-inference-profile/anthropic.claude-text"


class Provider(NamedTuple):
    """A provider: its fake, its row of the configuration, how its models begin, what can be said there."""

    fake: str
    row: dict[str, Any]
    prefix: str
    says: losses.Dialect


_AZURE = {"type": "azure", "api_key": Fake.key}
_BEDROCK = {"type": "bedrock", "region": Bedrock.credentials.region}
_CLAUDE_BEDROCK = {"type": "anthropic", "hosting": "bedrock", "region": Bedrock.credentials.region}
_VERTEX = {"type": "vertex", "region": "r", "project": "p"}
_CLAUDE_VERTEX = {"type": "anthropic", "hosting": "vertex", "region": "r", "project": "p"}
_FILE = {"auth": {"credentials_file": "account.json"}}
_DEV, _TASK = {"auth": {"profile": "dev"}}, {"auth": {"profile": "task"}}
_CONVERSE = "eu.anthropic.claude-"
PROVIDERS = {
    "azure": Provider("azure", {**_AZURE, "api_version": "2025-04-01-preview"}, "gpt-", losses.OPENAI),
    "azure_v1": Provider("azure", _AZURE, "gpt-", losses.OPENAI),
    "bedrock": Provider("bedrock", _BEDROCK, _CONVERSE, losses.BEDROCK),
    "bedrock_claude": Provider("bedrock", _CLAUDE_BEDROCK, _CONVERSE, losses.ANTHROPIC),
    "vertex": Provider("vertex", {**_VERTEX, **_FILE}, "gemini-3-", losses.GEMINI),
    "vertex_claude": Provider("vertex", _CLAUDE_VERTEX, "claude-", losses.ANTHROPIC),
}
"""Providers that play every scene; the ways in are Azure's key, AWS's environment, a service account's file
and Google's metadata server."""

WAYS = {
    "azure_entra": Provider(
        "azure", {"type": "azure", "auth": {"type": "azure_entra"}}, "gpt-", losses.OPENAI
    ),
    "openai_azure": Provider(
        "azure", {**_AZURE, "type": "openai", "hosting": "azure"}, "gpt-", losses.OPENAI
    ),
    "bedrock_key": Provider("bedrock", {**_BEDROCK, "api_key": Bedrock.token}, _CONVERSE, losses.BEDROCK),
    "bedrock_profile": Provider("bedrock", {**_BEDROCK, **_DEV}, _CONVERSE, losses.BEDROCK),
    "bedrock_container": Provider("bedrock", {**_BEDROCK, **_TASK}, _CONVERSE, losses.BEDROCK),
    "claude_profile": Provider("bedrock", {**_CLAUDE_BEDROCK, **_DEV}, _CONVERSE, losses.ANTHROPIC),
    "claude_container": Provider("bedrock", {**_CLAUDE_BEDROCK, **_TASK}, _CONVERSE, losses.ANTHROPIC),
    "vertex_machine": Provider("vertex", _VERTEX, "gemini-3-", losses.GEMINI),
    "vertex_claude_file": Provider("vertex", {**_CLAUDE_VERTEX, **_FILE}, "claude-", losses.ANTHROPIC),
}
"""The other ways in."""

NEW = {
    "bedrock": "eu.anthropic.claude-opus-4-7-think",
    "bedrock_claude": "eu.anthropic.claude-opus-4-7-think",
    "vertex_claude": "claude-opus-4-7@think",
}
"""Claudes that think in their own measure only, by provider."""

EMBEDDINGS = {
    "azure/embedding": ("azure", "text-embedding-3-small"),
    "azure_v1/embedding": ("azure_v1", "text-embedding-3-small"),
    "bedrock/titan": ("bedrock", "amazon.titan-embed-text-v2:0"),
    "bedrock/cohere": ("bedrock", "cohere.embed-english-v3"),
    "bedrock/cohere4": ("bedrock", "eu.cohere.embed-v4:0"),
}
"""Models of embeddings by the names that callers use."""


def wanted(scene: Scene, client: str, provider: str) -> list[Seen] | None:
    """What a client must see of each answer of a provider; None where the scene cannot be asked for."""
    asks, says = losses.CLIENTS[client], PROVIDERS[provider].says
    if (client, says) == ("openai_responses", losses.OPENAI):
        says = losses.RESPONSES
    if scene.name in asks.lacks | says.lacks:
        return None
    return [losses._behind_gateway(losses._through(seen, asks, says)) for seen in scene.answers]


def configuration(fakes: dict[str, Fake]) -> dict[str, Any]:
    """A gateway with every provider, each with the models of its own behind `provider/scene`."""
    config = document({})
    for name, provider in (PROVIDERS | WAYS).items():
        config["providers"].append({"name": name, "base_url": fakes[provider.fake].root, **provider.row})
        scenes = [scene.name for scene in SCENES] if name in PROVIDERS else ["text"]
        config["routes"] += [_route(f"{name}/{scene}", name, provider.prefix + scene) for scene in scenes]
    config["routes"] += [_route(alias, *where) for alias, where in EMBEDDINGS.items()]
    config["routes"].append(_route("bedrock/arn", "bedrock", ARN))
    config["routes"] += [_route(f"{name}/new", name, model) for name, model in NEW.items()]
    return config


def _route(alias: str, provider: str, model: str) -> dict[str, Any]:
    return {"model_alias": alias, "targets": [{"provider": provider, "model": model}]}


def surroundings(home: Path, here: Cloud) -> dict[str, str]:
    """Files and endpoints that ways in lead to, and the variables that name them."""
    own = Bedrock.credentials
    here.answers[grants.GOOGLE_TOKEN] = grants.google_token(Fake.key)
    (home / "account.json").write_text(json.dumps(grants.service_account(f"{here.url}/token")))
    keys = f"aws_access_key_id = {own.access_key}\naws_secret_access_key = {own.secret_key}\n"
    # A profile without keys is the container's: the chain goes on behind the files.
    (home / "credentials").write_text(f"[dev]\n{keys}\n[task]\nregion = r\n")
    return {
        "AWS_ACCESS_KEY_ID": own.access_key,
        "AWS_SECRET_ACCESS_KEY": own.secret_key,
        "AWS_SHARED_CREDENTIALS_FILE": str(home / "credentials"),
        "CLOUDSDK_CONFIG": str(home / "gcloud"),
        **grants.aws_container(here, grants.aws_keys(own.access_key, own.secret_key, SESSION)),
        **grants.google_machine(here, Fake.key),
        **grants.azure_machine(here, grants.azure_token(Fake.key)),
    }
