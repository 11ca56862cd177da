"""What is known of a vendor's models: sizes, kinds of content, prices, and what a translated request may say.

Invariant: a fact stands in data/models.json with the page it was read from and the day; of a model that is
not there nothing is guessed, neither a size nor a price. Money is whole numbers.
"""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import orjson

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_FILE = Path(__file__).resolve().parent.parent / "data" / "models.json"
_PRICE = re.compile(r"(\d+)(?:\.(\d{1,6}))?")
# A snapshot of a model bears its day: claude-sonnet-4-5-20250929, gpt-4o-2024-08-06, opus-4-1@20250805.
_SNAPSHOT = re.compile(r"(?:-\d{4}-\d{2}-\d{2}|[-@]\d{8}|@default|-00\d)$")
# Bedrock's inference profiles: the model's id behind a region; and the resource's name before either.
_REGION = re.compile(r"^(?:arn:[^/]+/)?(?:(?:us-gov|us|eu|apac|au|ca|jp|global)\.)?")


class Prices(NamedTuple):
    """Nano-dollars per thousand tokens, which is dollars per million tokens times a million.

    Where a page names no price of cached input or of a cache write, they cost what input costs; reasoning
    costs what output costs. So every token has a price here.
    """

    input: int
    output: int
    cached_input: int
    cache_write: int
    reasoning: int


class ModelFacts(NamedTuple):
    """What is known of one model at one vendor.

    `context_tokens` is the whole window, `max_input_tokens` what of it a prompt may take. `max_output_tokens`
    is None where there is no output to bound, or pages disagree. A prompt of more than `long_above_tokens`
    tokens is billed by `long_prices` altogether. `inputs` and `outputs` are kinds of content: text, image,
    audio, video, pdf, embedding.
    """

    vendor: str
    model: str
    context_tokens: int
    max_input_tokens: int
    max_output_tokens: int | None
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    prices: Prices
    long_above_tokens: int | None
    long_prices: Prices | None
    source: str
    date: str


def facts(vendor_type: str, model: str) -> ModelFacts | None:
    """What is known of a model, by its own name, or as a snapshot or a regional profile of a known one."""
    known = _facts()
    return next((known[key] for name in _names(model) if (key := (vendor_type, name)) in known), None)


def flags(vendor_type: str, model: str) -> frozenset[str]:
    """What a translated request to a model may say, also of models that are not known by name.

    For Anthropic's: `schemas`, `adaptive`, `temperature_or_top_p` and `no_sampling` (neither of the two, nor
    top_k). For Google's: `json_schema`, `media_in_results`, `thinking_level`, `skip_signature_check`. All but
    `no_sampling` are fields of the settings in rust/core/src/wire/{anthropic,gemini}/request.rs.
    """
    # A vendor's own names do not begin with the vendor's; those at Bedrock do.
    plain = _REGION.sub("", model).removeprefix(f"{vendor_type}.")
    return frozenset(
        flag
        for flag, patterns in _patterns().get(vendor_type, {}).items()
        if any(_matches(plain, pattern) for pattern in patterns)
    )


def load() -> None:
    """Read the file now; otherwise the first request for a model waits for it."""
    _facts()
    _patterns()


def nano_usd_per_thousand(dollars_per_million: str) -> int:
    """A price of the file in whole nano-dollars per thousand tokens.

    Raises:
        ValueError: it is no decimal number, or finer than that.
    """
    found = _PRICE.fullmatch(dollars_per_million)
    if found is None:
        raise ValueError(f"{dollars_per_million!r} is no price in dollars with up to six decimals")
    whole, fraction = found.groups(default="")
    return int(whole + fraction.ljust(6, "0"))


def _names(model: str) -> Iterator[str]:
    yield model
    for plain in (_REGION.sub("", model), _SNAPSHOT.sub("", model)):
        if plain != model:
            yield plain


def _matches(model: str, pattern: str) -> bool:
    return model.startswith(pattern[:-1]) if pattern.endswith("*") else model == pattern


@cache
def _document() -> dict[str, Any]:
    document: dict[str, Any] = orjson.loads(_FILE.read_bytes())  # noqa: TID251 - the package's own file
    return document


@cache
def _facts() -> Mapping[tuple[str, str], ModelFacts]:
    return {
        (group["vendor"], model): _read(group, model, entry)
        for group in _document()["groups"]
        for model, entry in group["models"].items()
    }


@cache
def _patterns() -> Mapping[str, Mapping[str, list[str]]]:
    found: dict[str, dict[str, list[str]]] = {}
    for group in _document()["flags"]:
        for vendor in group["vendors"]:
            found.setdefault(vendor, {}).update(group["flags"])
    return found


def _read(group: dict[str, Any], model: str, entry: dict[str, Any]) -> ModelFacts:
    long = entry.get("long")
    return ModelFacts(
        vendor=group["vendor"],
        model=model,
        context_tokens=entry["context"],
        max_input_tokens=entry.get("max_input", entry["context"]),
        max_output_tokens=entry.get("max_output"),
        inputs=tuple(entry["in"]),
        outputs=tuple(entry["out"]),
        prices=_prices(entry["prices"]),
        long_above_tokens=long["above"] if long else None,
        long_prices=_prices(long) if long else None,
        source=group["source"],
        date=group["date"],
    )


def _prices(row: dict[str, Any]) -> Prices:
    exact = {name: nano_usd_per_thousand(row[name]) for name in Prices._fields if name in row}
    spent, made = exact["input"], exact.get("output", 0)
    return Prices(
        input=spent,
        output=made,
        cached_input=exact.get("cached_input", spent),
        cache_write=exact.get("cache_write", spent),
        reasoning=exact.get("reasoning", made),
    )
