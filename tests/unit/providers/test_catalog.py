"""Every row becomes a provider that is called where and how the vendor's page says."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from headgate.config import runtime
from headgate.config.compile_providers import provider
from headgate.config.findings import Findings
from headgate.config.problems import Origin
from headgate.config.schema import Provider
from headgate.config.secrets import Secret
from headgate.exchange import CHAT
from headgate.providers.catalog import CATALOG, NOT_YET, Vendor
from headgate.upstream.request import heads

# Those of Google's dialect and of the clouds are in tests/unit/config/test_hosting.py.
CLOUDS = ("gemini", "azure", "vertex", "bedrock")
HTTP = [row for row in CATALOG.values() if row.kind == "http" and row.type not in CLOUDS]
# Read from the vendors' pages (each row's `source`), written a second time so that a slip in a row is seen.
CHAT_URLS = {
    "anthropic": "https://api.anthropic.com/v1/messages",
    "openai": "https://api.openai.com/v1/chat/completions",
    "openrouter": "https://openrouter.ai/api/v1/chat/completions",
    "groq": "https://api.groq.com/openai/v1/chat/completions",
    "together": "https://api.together.xyz/v1/chat/completions",
    "mistral": "https://api.mistral.ai/v1/chat/completions",
    "deepseek": "https://api.deepseek.com/v1/chat/completions",
    "fireworks": "https://api.fireworks.ai/inference/v1/chat/completions",
    "perplexity": "https://api.perplexity.ai/chat/completions",
    "xai": "https://api.x.ai/v1/chat/completions",
    "cerebras": "https://api.cerebras.ai/v1/chat/completions",
    "nvidia": "https://integrate.api.nvidia.com/v1/chat/completions",
    "deepinfra": "https://api.deepinfra.com/v1/openai/chat/completions",
    "sambanova": "https://api.sambanova.ai/v1/chat/completions",
    "moonshot": "https://api.moonshot.ai/v1/chat/completions",
    "zhipu": "https://open.bigmodel.cn/api/paas/v4/chat/completions",
    "dashscope": "https://dashscope-intl.aliyuncs.com/compatible-mode/v1/chat/completions",
    "hyperbolic": "https://api.hyperbolic.xyz/v1/chat/completions",
    "novita": "https://api.novita.ai/openai/v1/chat/completions",
    "vllm": "http://127.0.0.1:8000/v1/chat/completions",
    "llamacpp": "http://127.0.0.1:8080/v1/chat/completions",
    "lmstudio": "http://127.0.0.1:1234/v1/chat/completions",
    "ollama": "http://127.0.0.1:11434/v1/chat/completions",
    "sglang": "http://127.0.0.1:30000/v1/chat/completions",
    "localai": "http://127.0.0.1:8080/v1/chat/completions",
}
HEADERS = {"anthropic": (("x-api-key", "the-key"), ("anthropic-version", "2023-06-01"))}


@pytest.fixture
def compiled() -> Callable[[Provider], runtime.Provider]:
    """Compile one provider; a problem fails the test."""

    def run(document: Provider) -> runtime.Provider:
        findings = Findings(Origin("f.yaml"))
        made = provider(document, ("providers", 0), runtime.Timeouts(), Path(), findings)
        findings.finish()
        assert made is not None
        return made

    return run


@pytest.mark.parametrize("row", HTTP, ids=lambda row: row.type)
def test_each_row_is_called_at_its_address_with_its_header(row: Vendor, compiled):
    own = "http://10.0.0.1:9/v1" if row.base_url is None else None
    made = compiled(Provider(name="p", type=row.type, base_url=own, api_key=Secret("the-key"), models=["m"]))
    scheme = "https" if made.tls else "http"
    default = 443 if made.tls else 80
    authority = made.host if made.port == default else f"{made.host}:{made.port}"
    expected = "http://10.0.0.1:9/v1/chat/completions" if own else CHAT_URLS[row.type]
    head = heads(made)[CHAT].decode()
    assert f"POST {made.base_path}" in head
    assert f"{scheme}://{authority}{head.split()[1]}" == expected
    assert made.headers == HEADERS.get(row.type, (("Authorization", "Bearer the-key"),))
    assert (made.kind, made.type, made.stream_usage) == ("http", row.type, row.stream_usage)
    assert made.dialect == ("anthropic" if row.type == "anthropic" else "openai")


def test_a_configured_version_wins_over_the_row_s(compiled):
    headers = {"Anthropic-Version": Secret("2024-01-01")}
    made = compiled(Provider(name="anthropic", api_key=Secret("the-key"), headers=headers, models=["m"]))
    assert made.headers == (("x-api-key", "the-key"), ("Anthropic-Version", "2024-01-01"))


def test_no_row_is_forgotten_here():
    assert set(CHAT_URLS) == {row.type for row in HTTP if row.base_url}
    addressed = {row.type for row in CATALOG.values() if row.base_url}
    assert set(CATALOG) - addressed - set(CLOUDS) == {"tgi", "openai_compatible", "echo"}


@pytest.mark.parametrize("row", CATALOG.values(), ids=lambda row: row.type)
def test_each_row_is_sane(row: Vendor):
    assert row.source.startswith("https://") or row.kind == "echo"
    if row.base_url:
        local = urlsplit(row.base_url).hostname == "127.0.0.1"
        assert row.base_url.startswith("http://" if local else "https://")
        assert row.needs_key is not local
    assert (row.env is not None) or not row.needs_key


def test_echo_is_built_in_and_needs_nothing(compiled):
    made = compiled(Provider(name="echo", models=["echo"]))
    assert (made.kind, made.headers, made.tls) == ("echo", (), False)


def test_vendors_that_refuse_stream_options_are_not_asked():
    assert {row.type for row in CATALOG.values() if not row.stream_usage} == {"mistral", "perplexity"}


def test_what_is_not_supported_yet_is_not_in_the_catalogue():
    assert not set(NOT_YET) & set(CATALOG)


def test_variables_and_prefixes_have_one_owner():
    variables = [row.env for row in CATALOG.values() if row.env]
    prefixes = [prefix for row in CATALOG.values() for prefix in row.prefixes]
    assert len(variables) == len(set(variables))
    assert len(prefixes) == len(set(prefixes))
