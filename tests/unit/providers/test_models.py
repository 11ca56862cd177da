"""Every entry of the file is sound and has a source; names and snapshots find theirs; money is exact."""

from __future__ import annotations

import re
from collections import Counter
from datetime import date
from decimal import Decimal
from fractions import Fraction
from typing import Any

import orjson
import pytest
from headgate.providers import models
from headgate.providers.catalog import CATALOG
from headgate.providers.models import Prices, facts, flags, nano_usd_per_thousand
from hypothesis import given
from hypothesis import strategies as st
from repo.tree import ROOT

DOCUMENT: dict[str, Any] = orjson.loads((ROOT / "python/headgate/data/models.json").read_bytes())
ENTRIES = [(group, name) for group in DOCUMENT["groups"] for name in group["models"]]
IDS = [f"{group['vendor']}-{name}" for group, name in ENTRIES]
KINDS = {"text", "image", "audio", "video", "pdf", "embedding"}
PRICES = {"input", "output", "cached_input", "cache_write", "reasoning"}
SETTINGS = {"anthropic", "gemini"}


@pytest.mark.parametrize(("group", "name"), ENTRIES, ids=IDS)
def test_an_entry_is_sound(group: dict[str, Any], name: str):
    entry = group["models"][name]
    assert {"context", "in", "out", "prices"} <= entry.keys()
    assert entry.keys() <= {"context", "max_input", "max_output", "in", "out", "prices", "long"}
    sizes = [entry[key] for key in ("context", "max_input", "max_output") if key in entry]
    assert all(isinstance(size, int) and 0 < size <= 10_000_000 for size in sizes)
    assert entry.get("max_input", 1) <= entry["context"] >= entry.get("max_output", 1)
    assert set(entry["in"]) <= KINDS - {"embedding"}
    assert set(entry["out"]) <= KINDS
    for row in (entry["prices"], entry.get("long", {"input": "0", "above": 1})):
        assert row.keys() - {"above"} <= PRICES
        assert "input" in row
        assert all(0 <= nano_usd_per_thousand(row[key]) <= 1_000 * 10**6 for key in row.keys() & PRICES)
    assert ("output" in entry["prices"]) is ("embedding" not in entry["out"])


@pytest.mark.parametrize(("group", "name"), ENTRIES, ids=IDS)
def test_an_entry_is_found_by_its_name(group: dict[str, Any], name: str):
    found = facts(group["vendor"], name)
    assert found is not None
    assert (found.vendor, found.model, found.source) == (group["vendor"], name, group["source"])
    assert Decimal(found.prices.input) / 10**6 == Decimal(group["models"][name]["prices"]["input"])
    if found.long_prices is not None and found.long_above_tokens is not None:
        assert 0 < found.long_above_tokens < found.context_tokens
        assert all(long >= usual for long, usual in zip(found.long_prices, found.prices, strict=True))


def test_every_group_names_its_page_and_its_day():
    for group in [*DOCUMENT["groups"], *DOCUMENT["flags"]]:
        assert group["source"].startswith("https://")
        assert date(2026, 1, 1) <= date.fromisoformat(group["date"])


def test_vendors_are_types_and_no_model_stands_twice():
    types = set(CATALOG)
    assert {group["vendor"] for group in DOCUMENT["groups"]} <= types
    assert {vendor for group in DOCUMENT["flags"] for vendor in group["vendors"]} <= types
    twice = Counter((group["vendor"], name) for group, name in ENTRIES)
    assert [key for key, count in twice.items() if count > 1] == []
    assert len(ENTRIES) >= 80


@pytest.mark.parametrize(
    ("vendor", "asked", "model"),
    [
        ("anthropic", "claude-sonnet-4-5", "claude-sonnet-4-5"),
        ("anthropic", "claude-sonnet-4-5-20250929", "claude-sonnet-4-5-20250929"),
        ("anthropic", "claude-opus-4-8-20260528", "claude-opus-4-8"),
        ("openai", "gpt-4o-2024-05-13", "gpt-4o-2024-05-13"),
        ("openai", "gpt-4o-mini-2024-07-18", "gpt-4o-mini"),
        ("openai", "gpt-5-2025-08-07", "gpt-5"),
        ("gemini", "gemini-2.5-flash-001", "gemini-2.5-flash"),
        ("vertex", "claude-opus-4-8@default", "claude-opus-4-8"),
        (
            "bedrock",
            "eu.anthropic.claude-sonnet-4-5-20250929-v1:0",
            "eu.anthropic.claude-sonnet-4-5-20250929-v1:0",
        ),
        ("bedrock", "apac.amazon.nova-pro-v1:0", "amazon.nova-pro-v1:0"),
        (
            "bedrock",
            "arn:aws:bedrock:eu-west-1::foundation-model/amazon.nova-pro-v1:0",
            "amazon.nova-pro-v1:0",
        ),
    ],
)
def test_a_snapshot_or_a_profile_is_its_model(vendor: str, asked: str, model: str):
    found = facts(vendor, asked)
    assert found is not None
    assert found.model == model


@pytest.mark.parametrize(
    ("vendor", "asked"),
    [
        ("anthropic", "claude-opus-5-9"),
        ("anthropic", "claude-sonnet"),
        ("anthropic", "gpt-4o"),
        ("openai", "gpt-4o-mini-turbo"),
        ("openai", "gpt-4o-2024-0806"),
        ("openai", ""),
        ("nobody", "gpt-4o"),
        ("bedrock", "moon.amazon.nova-pro-v1:0"),
    ],
)
def test_of_other_names_nothing_is_guessed(vendor: str, asked: str):
    assert facts(vendor, asked) is None


# Read from the vendors' price pages; in dollars per million tokens.
@pytest.mark.parametrize(
    ("vendor", "model", "dollars", "window", "longest"),
    [
        ("openai", "gpt-4o-mini", ("0.15", "0.60", "0.075", "0.15", "0.60"), 128_000, 16_384),
        ("anthropic", "claude-sonnet-4-5", ("3", "15", "0.30", "3.75", "15"), 200_000, 64_000),
        ("anthropic", "claude-opus-5-5", ("4", "20", "0.20", "5", "20"), 1_000_000, 128_000),
        ("gemini", "gemini-2.5-pro", ("1.25", "10", "0.125", "1.25", "10"), 1_048_576, 65_536),
        ("deepseek", "deepseek-v4-pro", ("0.435", "0.87", "0.003625", "0.435", "0.87"), 1_000_000, 384_000),
        ("dashscope", "qwen3-32b", ("0.7", "2.8", "0.7", "0.7", "8.4"), 131_072, 16_384),
    ],
)
def test_prices_are_whole_numbers(
    vendor: str, model: str, dollars: tuple[str, ...], window: int, longest: int
):
    found = facts(vendor, model)
    assert found is not None
    assert found.prices == Prices(*(int(Decimal(price) * 10**6) for price in dollars))
    assert (found.context_tokens, found.max_output_tokens) == (window, longest)


def test_a_long_prompt_has_its_own_prices():
    found = facts("gemini", "gemini-2.5-pro")
    assert found is not None
    assert found.long_above_tokens == 200_000
    assert found.long_prices == Prices(2_500_000, 15_000_000, 250_000, 2_500_000, 15_000_000)
    mini = facts("openai", "gpt-4o-mini")
    assert mini is not None
    assert (mini.long_above_tokens, mini.long_prices, mini.max_input_tokens) == (None, None, 128_000)


@given(st.integers(0, 10**12))
def test_a_price_is_exact_however_it_is_written(nano_usd: int):
    text = format(Decimal(nano_usd) / 10**6, "f")
    assert nano_usd_per_thousand(text) == nano_usd
    # Dollars per million tokens, and nano-dollars per thousand tokens, are the same price of one token.
    assert Fraction(text) / 10**6 == Fraction(nano_usd, 10**9) / 1_000


@pytest.mark.parametrize("text", ["", "-1", "1e3", "0.0000001", ".5", "1.", " 1", "free"])
def test_what_is_no_price_is_refused(text: str):
    with pytest.raises(ValueError, match="is no price"):
        nano_usd_per_thousand(text)


@pytest.mark.parametrize(
    ("vendor", "model", "wanted"),
    [
        ("anthropic", "claude-3-haiku-20240307", set()),
        ("anthropic", "claude-sonnet-4-20250514", set()),
        ("anthropic", "claude-opus-4-1", {"temperature_or_top_p"}),
        ("anthropic", "claude-haiku-4-5", {"temperature_or_top_p", "schemas"}),
        ("anthropic", "claude-sonnet-4-6", {"temperature_or_top_p", "schemas", "adaptive"}),
        ("anthropic", "claude-opus-5-9", {"temperature_or_top_p", "schemas", "adaptive", "no_sampling"}),
        ("vertex", "claude-sonnet-4-5@20250929", {"temperature_or_top_p", "schemas"}),
        ("bedrock", "eu.anthropic.claude-sonnet-4-5-20250929-v1:0", {"temperature_or_top_p"}),
        ("bedrock", "us.anthropic.claude-opus-4-7", {"temperature_or_top_p", "adaptive", "no_sampling"}),
        ("anthropic", "eu.anthropic.claude-opus-4-6-v1", {"temperature_or_top_p", "schemas", "adaptive"}),
        ("anthropic", "anthropic.claude-sonnet-4-5-20250929-v1:0", {"temperature_or_top_p", "schemas"}),
        (
            "bedrock",
            "arn:aws:bedrock:eu-west-1:123456789012:inference-profile/eu.anthropic.claude-sonnet-4-6",
            {"temperature_or_top_p", "adaptive"},
        ),
        ("bedrock", "amazon.nova-pro-v1:0", set()),
        ("gemini", "gemini-2.0-flash", set()),
        ("gemini", "gemini-2.5-flash", {"json_schema"}),
        (
            "vertex",
            "gemini-3.1-pro-preview",
            {"json_schema", "media_in_results", "thinking_level", "skip_signature_check"},
        ),
        ("ollama", "gemini-3", set()),
    ],
)
def test_flags_go_by_pattern(vendor: str, model: str, wanted: set[str]):
    assert flags(vendor, model) == wanted


def test_flags_are_fields_of_the_core_s_settings():
    wire = ROOT / "rust/core/src/wire"
    sources = [(wire / dialect / "request.rs").read_text(encoding="utf-8") for dialect in sorted(SETTINGS)]
    fields = {
        field for source in sources for field in re.findall(r"^    pub (\w+): bool", source, re.MULTILINE)
    }
    named = {flag for group in DOCUMENT["flags"] for flag in group["flags"]}
    assert named - {"no_sampling"} <= fields


def test_the_file_is_read_once_and_only_when_asked():
    assert models._facts() is models._facts()
