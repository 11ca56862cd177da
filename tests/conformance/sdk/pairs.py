"""Which SDKs and which fakes there are, and under what names models are asked for.

Invariant: a name is made of the scene's own, so that a fake plays it whoever asks.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from conformance.sdk.clients.anthropic import Anthropic, AnthropicBedrock, AnthropicVertex
from conformance.sdk.clients.azure import AzureChat, AzureResponses
from conformance.sdk.clients.bedrock import Bedrock as BedrockClient
from conformance.sdk.clients.google import Google, GoogleVertex
from conformance.sdk.clients.ollama import Ollama as OllamaClient
from conformance.sdk.clients.ollama import OllamaGenerate
from conformance.sdk.clients.openai_chat import OpenAIChat
from conformance.sdk.clients.openai_responses import OpenAIResponses
from support.fakes.anthropic import Anthropic as AnthropicFake
from support.fakes.azure import Azure
from support.fakes.bedrock import Bedrock
from support.fakes.gemini import Gemini
from support.fakes.ollama import Ollama
from support.fakes.openai import OpenAI
from support.fakes.responses import Responses
from support.fakes.server import Fake
from support.fakes.vertex import Vertex

if TYPE_CHECKING:
    from collections.abc import Callable

FAKES: dict[str, type[Fake]] = {
    "openai": OpenAI,
    "responses": Responses,
    "azure": Azure,
    "anthropic": AnthropicFake,
    "gemini": Gemini,
    "ollama": Ollama,
    "bedrock": Bedrock,
    "vertex": Vertex,
}
_AWS = f"{Bedrock.credentials.access_key}:{Bedrock.credentials.secret_key}"


class Pairing(NamedTuple):
    """An SDK, the fake that speaks its dialect, the key it shows, and what models are called there."""

    connect: Callable[[str, str], Any]
    fake: str
    prefix: str
    key: str = Fake.key


CLIENTS = {
    "openai_chat": Pairing(OpenAIChat, "openai", "gpt-"),
    "openai_responses": Pairing(OpenAIResponses, "responses", "gpt-"),
    "azure_chat": Pairing(AzureChat, "azure", "gpt-"),
    "azure_responses": Pairing(AzureResponses, "azure", "gpt-"),
    "anthropic": Pairing(Anthropic, "anthropic", "claude-"),
    "anthropic_vertex": Pairing(AnthropicVertex, "vertex", "claude-"),
    "anthropic_bedrock": Pairing(AnthropicBedrock, "bedrock", "anthropic.claude-", _AWS),
    "google": Pairing(Google, "gemini", "gemini-"),
    "google_vertex": Pairing(GoogleVertex, "vertex", "gemini-"),
    "ollama": Pairing(OllamaClient, "ollama", "llama-"),
    "ollama_generate": Pairing(OllamaGenerate, "ollama", "llama-"),
    "bedrock": Pairing(BedrockClient, "bedrock", "anthropic.claude-", _AWS),
}
EMBEDDING_MODELS = (
    ("openai_chat", "text-embedding-3-small"),
    ("azure_chat", "text-embedding-3-small"),
    ("google", "gemini-embedding-001"),
    ("google_vertex", "text-embedding-005"),
    ("ollama", "nomic-embed-text"),
    ("bedrock", "amazon.titan-embed-text-v2:0"),
    ("bedrock", "cohere.embed-english-v3"),
)
