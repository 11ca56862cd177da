"""Providers from the environment."""

from __future__ import annotations

import pytest
from headgate.config.discover import from_environment, host_url


def test_with_nothing_set_echo_answers(compile_text):
    runtime, warnings = compile_text("")
    assert [(route.alias, route.targets[0].provider) for route in runtime.routes] == [("echo", "echo")]
    assert warnings == []


def test_a_key_makes_the_provider_with_its_prefixes(compile_text):
    env = {"OPENAI_API_KEY": "sk-1", "GEMINI_API_KEY": "g", "ANTHROPIC_API_KEY": "a"}
    runtime, _ = compile_text("", env)
    assert {route.alias: route.owned_by for route in runtime.routes} == {
        "gpt-*": "openai",
        "o*": "openai",
        "chatgpt-*": "openai",
        "text-embedding-*": "openai",
        "claude-*": "anthropic",
        "gemini-*": "gemini",
        "gemma-*": "gemini",
        "echo": "echo",
    }
    assert runtime.providers[0].headers == (("Authorization", "Bearer sk-1"),)
    assert runtime.providers[1].headers == (("x-api-key", "a"), ("anthropic-version", "2023-06-01"))
    assert runtime.providers[2].headers == (("x-goog-api-key", "g"),)


def test_a_host_of_many_makers_models_is_remarked(compile_text):
    runtime, warnings = compile_text("", {"TOGETHER_API_KEY": "secret-key"})
    assert [provider.name for provider in runtime.providers] == ["echo"]
    assert "TOGETHER_API_KEY is set" in str(warnings[0])
    assert "secret-key" not in str(warnings[0])


def test_an_empty_variable_is_none():
    assert [provider.name for provider in from_environment({"OPENAI_API_KEY": " "})[0]] == ["echo"]


def test_a_file_with_providers_takes_none_from_the_environment(compile_text):
    runtime, _ = compile_text("providers: [{name: echo, models: [m]}]", {"OPENAI_API_KEY": "sk-1"})
    assert [provider.name for provider in runtime.providers] == ["echo"]


def test_routes_may_name_what_the_environment_made(compile_text):
    text = "routes: [{model_alias: smart, targets: [{provider: openai, model: gpt-4o}]}]"
    runtime, _ = compile_text(text, {"OPENAI_API_KEY": "sk-1"})
    assert [route.alias for route in runtime.routes] == [
        "smart",
        "gpt-*",
        "o*",
        "chatgpt-*",
        "text-embedding-*",
        "echo",
    ]


@pytest.mark.parametrize(
    ("value", "url"),
    [
        ("localhost", "http://localhost:11434/v1"),
        ("gpu:1234", "http://gpu:1234/v1"),
        ("https://o.example", "https://o.example:443/v1"),
        ("http://o.example/", "http://o.example:80/v1"),
        ("0.0.0.0", "http://127.0.0.1:11434/v1"),  # noqa: S104 - replaced, not bound
        (":5000", "http://127.0.0.1:5000/v1"),
        ("[::1]", "http://[::1]:11434/v1"),
        ("[::]:99", "http://[::1]:99/v1"),
    ],
)
def test_ollama_host(value: str, url: str):
    assert host_url(value) == url
