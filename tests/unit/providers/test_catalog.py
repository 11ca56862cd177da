"""Every row is sound, and becomes a provider that is called where and how the vendor's page says."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import get_type_hints
from urllib.parse import urlsplit

import orjson
import pytest
from headgate.config import runtime
from headgate.config.compile_providers import provider
from headgate.config.findings import Findings
from headgate.config.problems import Origin
from headgate.config.schema import Provider
from headgate.config.secrets import Secret
from headgate.exchange import CHAT, COMPLETIONS, EMBEDDINGS
from headgate.providers import catalog
from headgate.providers.catalog import CATALOG, Vendor
from headgate.upstream.request import heads
from repo.tree import ROOT
from support.vendors import VENDORS, Wanted

FILE = ROOT / "python" / "headgate" / "data" / "vendors.json"
ROWS = orjson.loads(FILE.read_bytes())
HINTS = get_type_hints(Vendor)
ENDPOINTS = {"/chat/completions": CHAT, "/completions": COMPLETIONS, "/embeddings": EMBEDDINGS}
DIALECTS = {"openai", "responses", "anthropic", "gemini", "ollama", "ollama_generate", "bedrock"}
# Those that are asked in OpenAI's protocol are in the table of vendors; these have tests of their own.
OTHERS = {"anthropic", "gemini", "azure", "vertex", "bedrock", "echo"}


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


def fits(value: object, hint: object) -> bool:
    """Whether a JSON value is what a field's annotation says."""
    texts = isinstance(value, list) and all(isinstance(item, str) for item in value)
    pairs = isinstance(value, list) and all(
        isinstance(pair, list) and len(pair) == 2 and all(isinstance(part, str) for part in pair)
        for pair in value
    )
    if hint == tuple[str, ...]:
        return texts
    if hint == tuple[tuple[str, str], ...]:
        return pairs
    return isinstance(value, bool if hint is bool else str)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row["type"])
def test_a_row_of_the_file_holds_what_it_needs_and_nothing_else(row: dict[str, object]):
    assert row.keys() <= HINTS.keys()
    assert list(row)[:2] == ["type", "title"]
    assert all(fits(value, HINTS[name]) for name, value in row.items())
    defaults = Vendor._field_defaults
    assert [
        name for name, value in row.items() if name in defaults and catalog._frozen(value) == defaults[name]
    ] == []


@pytest.mark.parametrize("row", CATALOG.values(), ids=lambda row: row.type)
def test_each_row_is_sane(row: Vendor):
    assert re.fullmatch(r"[a-z0-9]+(_[a-z0-9]+)*", row.type)
    assert row.title
    assert row.source.startswith("https://") or row.kind == "echo"
    assert date(2026, 1, 1) <= date.fromisoformat(row.checked)
    assert row.kind in ("http", "echo")
    assert row.env is None or re.fullmatch(r"[A-Z][A-Z0-9_]*", row.env)
    assert set(row.dialects) <= DIALECTS
    assert len(set(row.dialects)) == len(row.dialects) >= 1
    assert row.dialect == row.dialects[0] != "responses"
    assert set(row.lacks) < {endpoint.label for endpoint in ENDPOINTS.values()}
    assert row.max_tokens in ("either", "max_tokens", "max_completion_tokens")
    assert row.instructions in ("developer", "system")
    assert all(prefix and "*" not in prefix[:-1] for prefix in row.prefixes)


@pytest.mark.parametrize("row", CATALOG.values(), ids=lambda row: row.type)
def test_an_address_is_https_unless_it_is_this_machine(row: Vendor):
    if row.base_url is None:
        # Azure's address is in a variable of its own.
        assert row.env is None or row.type == "azure", "a key alone makes no provider without an address"
        return
    address = urlsplit(row.base_url)
    local = address.hostname == "127.0.0.1"
    assert address.scheme == ("http" if local else "https")
    assert row.needs_key is not local
    assert not row.base_url.endswith("/")
    assert (address.query, address.fragment, address.username) == ("", "", None)


@pytest.mark.parametrize("wanted", VENDORS, ids=lambda wanted: wanted.type)
def test_each_vendor_is_called_at_its_address_with_its_header(wanted: Wanted, compiled):
    own = wanted.url.removesuffix(wanted.endpoint) if wanted.configured else None
    document = Provider(name="p", type=wanted.type, base_url=own, api_key=Secret("the-key"), models=["m"])
    made = compiled(document)
    scheme, default = ("https", 443) if made.tls else ("http", 80)
    authority = made.host if made.port == default else f"{made.host}:{made.port}"
    asked = {path: heads(made, endpoint, "m") for path, endpoint in ENDPOINTS.items()}
    lines = {path: found[1].decode().split("\r\n")[0] for path, found in asked.items() if found}
    assert lines[wanted.endpoint] == f"POST {wanted.path} HTTP/1.1"
    assert f"{scheme}://{authority}{wanted.path}" == wanted.url
    assert [path for path in ENDPOINTS if path not in lines] == list(wanted.lacks)
    ((name, value),) = made.headers
    assert (name.lower(), value) == (wanted.auth[0], wanted.auth[1] + "the-key")
    assert (made.kind, made.type) == ("http", wanted.type)
    assert asked[wanted.endpoint][0] == "openai"


@pytest.mark.parametrize("wanted", VENDORS, ids=lambda wanted: wanted.type)
def test_each_vendor_s_quirks_are_what_its_page_says(wanted: Wanted):
    row = CATALOG[wanted.type]
    refused = [name.removeprefix("no_") for name in row.quirks if name.startswith("no_")]
    assert refused == list(wanted.refuses)
    assert row.stream_usage is ("stream_options" not in wanted.refuses)
    limits = [name for name in row.quirks if name in ("max_tokens", "max_completion_tokens")]
    assert limits == ([wanted.limit] if wanted.limit else [])
    assert ("system_only" in row.quirks) is (wanted.role == "system")


def test_no_row_is_forgotten_here():
    assert {wanted.type for wanted in VENDORS} == CATALOG.keys() - OTHERS
    configured = {wanted.type for wanted in VENDORS if wanted.configured}
    assert configured == {row.type for row in CATALOG.values() if not row.base_url} - OTHERS
    apart = {"openai", "ollama"}
    assert len([row for row in CATALOG.values() if row.dialect == "openai" and row.type not in apart]) >= 40


def test_anthropic_is_asked_in_its_own_dialect(compiled):
    made = compiled(Provider(name="anthropic", api_key=Secret("the-key"), models=["m"]))
    assert made.headers == (("x-api-key", "the-key"), ("anthropic-version", "2023-06-01"))
    dialect, whole, stream = heads(made, CHAT, "m")
    assert (dialect, whole) == ("anthropic", stream)
    assert whole.startswith(b"POST /v1/messages HTTP/1.1\r\nhost: api.anthropic.com\r\n")


def test_a_configured_version_wins_over_the_row_s(compiled):
    headers = {"Anthropic-Version": Secret("2024-01-01")}
    made = compiled(Provider(name="anthropic", api_key=Secret("the-key"), headers=headers, models=["m"]))
    assert made.headers == (("x-api-key", "the-key"), ("Anthropic-Version", "2024-01-01"))


def test_echo_is_built_in_and_needs_nothing(compiled):
    made = compiled(Provider(name="echo", models=["echo"]))
    assert (made.kind, made.headers, made.tls) == ("echo", (), False)


def test_the_quirks_have_the_names_that_the_core_knows():
    source = (ROOT / "rust/core/src/wire/openai/quirks.rs").read_text(encoding="utf-8")
    known = set(re.findall(r'^    \("(\w+)", Quirks::', source, re.MULTILINE))
    assert {name for row in CATALOG.values() for name in row.quirks} == known


def test_a_member_that_is_no_field_stops_the_reading(tmp_path: Path):
    file = tmp_path / "vendors.json"
    file.write_text('[{"type": "t", "title": "T", "source": "s", "checked": "2026-01-01", "max_token": "x"}]')
    with pytest.raises(TypeError, match="max_token"):
        catalog._read(file)


def test_types_variables_and_prefixes_have_one_owner():
    types = [row["type"] for row in ROWS]
    variables = [row.env for row in CATALOG.values() if row.env]
    prefixes = [prefix for row in CATALOG.values() for prefix in row.prefixes]
    for names in (types, variables, prefixes):
        assert len(names) == len(set(names))
