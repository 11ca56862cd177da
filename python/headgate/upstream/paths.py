"""The target of an upstream request, by who hosts the model and what is spoken there.

Invariant: what a caller may choose (the model's name) is one segment of the path, or several of a resource's
name that begins as the cloud's own do; it never ends the path or adds a query.
Sources: docs.aws.amazon.com/bedrock/latest/APIReference (Converse, InvokeModel),
cloud.google.com/vertex-ai/generative-ai/docs/model-reference/inference, ai.google.dev/api/generate-content,
learn.microsoft.com/azure/ai-foundry/openai/reference, docs.claude.com/en/api/claude-on-vertex-ai.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote

if TYPE_CHECKING:
    from headgate.config.runtime import Provider

_SPOKEN = {
    "direct": ("openai", "anthropic", "gemini", "ollama"),
    "azure": ("openai",),
    "vertex": ("gemini", "anthropic"),
    "bedrock": ("bedrock", "anthropic", "titan", "cohere"),
}
_PUBLISHERS = {"gemini": "google", "anthropic": "anthropic"}
_GEMINI_RESOURCES = ("models/", "tunedModels/")
_VERTEX_RESOURCES = ("publishers/", "endpoints/")
# Versions of Azure's v1 API, which has no deployments in its path, have names; those before it have dates.
_AZURE_V1 = ("latest", "preview", "v1")
_GEMINI_GENERATE = "generateContent"
_ANTHROPIC_COUNT = "messages/count_tokens"


def path(provider: Provider, wire: str, model: str, action: str, *, stream: bool = False) -> str:
    """The request target for one call.

    Args:
        provider: who is called.
        wire: what is spoken: openai, anthropic, gemini, ollama, bedrock, titan, cohere.
        model: the model's name there; a deployment on Azure.
        action: what is asked for, in the words of the wire: `chat/completions`, `messages`,
            `messages/count_tokens`, `generateContent`, `embedContent`, `chat`, `converse`, `invoke`.
        stream: whether the answer is a stream.

    Raises:
        LookupError: the hosting does not speak the wire.
    """
    if wire not in _SPOKEN[provider.hosting]:
        raise LookupError(f"{wire} is not spoken at {provider.hosting}")
    match provider.hosting:
        case "azure":
            target = f"/openai{_azure(provider.api_version, model, action)}"
        case "vertex":
            target = _vertex(provider, wire, model, action, stream=stream)
        case "bedrock":
            target = f"/model/{_segment(model)}/{_bedrock_verb(wire, action, stream=stream)}"
        case _:
            return _direct(provider.base_path, wire, model, action, stream=stream)
    return f"{provider.base_path}{target}"


def _direct(base: str, wire: str, model: str, action: str, *, stream: bool) -> str:
    if wire == "gemini":
        return f"{base}/{_gemini_resource(model)}:{_gemini_verb(action, stream=stream)}"
    if wire == "ollama":
        # Its OpenAI-compatible API, which base_url names, is under /v1; its own is beside it.
        return f"{base.removesuffix('/v1')}/api/{action}"
    return f"{base}/{action}"


def _bedrock_verb(wire: str, action: str, *, stream: bool) -> str:
    if wire == "bedrock":
        return f"{action}-stream" if stream else action
    return "invoke-with-response-stream" if stream else "invoke"


def _segment(name: str) -> str:
    return quote(name, safe="")


def _resource(name: str) -> str:
    """A resource's name, whose segments are kept; `@` stands before a version."""
    return "/".join(quote(part, safe="@").replace("..", "%2E%2E") for part in name.split("/"))


def _gemini_resource(model: str) -> str:
    if model.startswith(_GEMINI_RESOURCES):
        return _resource(model)
    return f"models/{_segment(model)}"


def _gemini_verb(action: str, *, stream: bool) -> str:
    if stream and action == _GEMINI_GENERATE:
        return "streamGenerateContent?alt=sse"
    return action


def _azure(version: str | None, model: str, action: str) -> str:
    if version is None:
        return f"/v1/{action}"
    query = f"?api-version={quote(version, safe='')}"
    if version in _AZURE_V1:
        return f"/v1/{action}{query}"
    # Responses take the deployment from the body.
    if action.startswith("responses"):
        return f"/{action}{query}"
    return f"/deployments/{_segment(model)}/{action}{query}"


def _vertex(provider: Provider, wire: str, model: str, action: str, *, stream: bool) -> str:
    location = f"/v1/projects/{provider.project}/locations/{provider.region}"
    if wire == "gemini":
        verb = _gemini_verb(action, stream=stream)
    elif action == _ANTHROPIC_COUNT:
        # The model stands in the body there.
        model, verb = "count-tokens", "rawPredict"
    else:
        verb = "streamRawPredict" if stream else "rawPredict"
    if model.startswith(_VERTEX_RESOURCES):
        return f"{location}/{_resource(model)}:{verb}"
    return f"{location}/publishers/{_PUBLISHERS[wire]}/models/{quote(model, safe='@')}:{verb}"
