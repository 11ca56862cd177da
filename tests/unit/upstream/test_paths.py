"""Targets of upstream requests, by hosting and wire."""

from __future__ import annotations

import pytest
from headgate.config.runtime import Provider
from headgate.upstream.paths import path


def provider(hosting: str, base_path: str = "", api_version: str | None = None) -> Provider:
    """A provider of a hosting."""
    return Provider(
        name="p",
        type="t",
        kind="http",
        tls=True,
        host="h",
        port=443,
        base_path=base_path,
        headers=(),
        hosting=hosting,
        region="eu-1",
        project="pro",
        api_version=api_version,
    )


VERTEX = "/v1/projects/pro/locations/eu-1"
DATED = provider("azure", api_version="2024-10-21")
CASES = [
    (provider("direct", "/v1"), "openai", "gpt-4o", "chat/completions", "/v1/chat/completions"),
    (provider("direct", "/v1"), "anthropic", "claude", "messages", "/v1/messages"),
    (provider("direct", "/v1"), "anthropic", "claude", "messages/count_tokens", "/v1/messages/count_tokens"),
    (provider("direct", "/v1"), "ollama", "llama3", "chat", "/api/chat"),
    (provider("direct", "/x"), "ollama", "llama3", "embed", "/x/api/embed"),
    (
        provider("direct", "/v1beta"),
        "gemini",
        "gemini-2.5-pro",
        "generateContent",
        "/v1beta/models/gemini-2.5-pro:generateContent",
    ),
    (provider("direct"), "gemini", "models/e-1", "batchEmbedContents", "/models/e-1:batchEmbedContents"),
    (provider("direct"), "gemini", "tunedModels/a b", "countTokens", "/tunedModels/a%20b:countTokens"),
    (provider("azure"), "openai", "my gpt", "chat/completions", "/openai/v1/chat/completions"),
    (
        DATED,
        "openai",
        "my/gpt",
        "chat/completions",
        "/openai/deployments/my%2Fgpt/chat/completions?api-version=2024-10-21",
    ),
    (DATED, "openai", "e", "embeddings", "/openai/deployments/e/embeddings?api-version=2024-10-21"),
    (DATED, "openai", "e", "responses", "/openai/responses?api-version=2024-10-21"),
    (
        provider("azure", api_version="preview"),
        "openai",
        "e",
        "responses",
        "/openai/v1/responses?api-version=preview",
    ),
    (
        provider("vertex"),
        "gemini",
        "gemini-2.5-pro",
        "generateContent",
        f"{VERTEX}/publishers/google/models/gemini-2.5-pro:generateContent",
    ),
    (
        provider("vertex", "/proxy"),
        "anthropic",
        "claude-sonnet-4@20250514",
        "messages",
        f"/proxy{VERTEX}/publishers/anthropic/models/claude-sonnet-4@20250514:rawPredict",
    ),
    (
        provider("vertex"),
        "anthropic",
        "claude-sonnet-4@20250514",
        "messages/count_tokens",
        f"{VERTEX}/publishers/anthropic/models/count-tokens:rawPredict",
    ),
    (
        provider("vertex"),
        "gemini",
        "endpoints/12",
        "generateContent",
        f"{VERTEX}/endpoints/12:generateContent",
    ),
    (
        provider("bedrock"),
        "bedrock",
        "anthropic.claude-3-5-sonnet-20240620-v1:0",
        "converse",
        "/model/anthropic.claude-3-5-sonnet-20240620-v1%3A0/converse",
    ),
    (
        provider("bedrock"),
        "anthropic",
        "arn:aws:bedrock:eu-1:1:inference-profile/x",
        "messages",
        "/model/arn%3Aaws%3Abedrock%3Aeu-1%3A1%3Ainference-profile%2Fx/invoke",
    ),
    (
        provider("bedrock"),
        "titan",
        "amazon.titan-embed-text-v2:0",
        "invoke",
        "/model/amazon.titan-embed-text-v2%3A0/invoke",
    ),
    (
        provider("bedrock"),
        "cohere",
        "cohere.embed-english-v3",
        "invoke",
        "/model/cohere.embed-english-v3/invoke",
    ),
]
STREAMS = [
    (provider("direct", "/v1"), "openai", "chat/completions", "/v1/chat/completions"),
    (provider("direct"), "gemini", "generateContent", "/models/m:streamGenerateContent?alt=sse"),
    (
        provider("vertex"),
        "gemini",
        "generateContent",
        f"{VERTEX}/publishers/google/models/m:streamGenerateContent?alt=sse",
    ),
    (provider("vertex"), "anthropic", "messages", f"{VERTEX}/publishers/anthropic/models/m:streamRawPredict"),
    (provider("bedrock"), "bedrock", "converse", "/model/m/converse-stream"),
    (provider("bedrock"), "anthropic", "messages", "/model/m/invoke-with-response-stream"),
]


@pytest.mark.parametrize(("where", "wire", "model", "action", "target"), CASES)
def test_a_call_has_its_target(where: Provider, wire: str, model: str, action: str, target: str) -> None:
    assert path(where, wire, model, action) == target


@pytest.mark.parametrize(("where", "wire", "action", "target"), STREAMS)
def test_a_stream_has_its_target(where: Provider, wire: str, action: str, target: str) -> None:
    assert path(where, wire, "m", action, stream=True) == target


@pytest.mark.parametrize(
    ("where", "wire"),
    [
        ("azure", "gemini"),
        ("vertex", "openai"),
        ("bedrock", "openai"),
        ("bedrock", "gemini"),
        ("direct", "bedrock"),
    ],
)
def test_what_a_hosting_does_not_speak_is_no_target(where: str, wire: str) -> None:
    with pytest.raises(LookupError, match=wire):
        path(provider(where), wire, "m", "a")


@pytest.mark.parametrize(
    "model", ["a?b=c", "a#b", "a/../../b", "a b", "a\r\nb: c", "models/../x", "publishers/../../x"]
)
@pytest.mark.parametrize(
    ("where", "wire"),
    [
        (provider("direct"), "gemini"),
        (provider("vertex"), "gemini"),
        (provider("bedrock"), "bedrock"),
        (DATED, "openai"),
    ],
)
def test_a_models_name_stays_in_its_place(where: Provider, wire: str, model: str) -> None:
    target = path(where, wire, model, "a")
    route, _, query = target.partition("?")
    assert query in ("", "api-version=2024-10-21")
    assert "/../" not in target
    assert not set(target) & set("\r\n #")
    assert route.endswith((":a", "/a"))
