"""What pages say is what the code has, and the reverse: keys, metrics, errors, commands, records, links."""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING, Any

import orjson
import pytest
from headgate.config.accounts import AccountTable
from headgate.config.compile import compile_runtime
from headgate.config.loader import load
from headgate.config.schema import json_schema
from headgate.control.journal import OpenSlot, interrupted
from headgate.edge.limits import EdgeError, Refused
from headgate.errors import Failure
from headgate.observe.access_log import AccessEntry
from headgate.observe.metrics import FAMILIES, TOKEN_TYPES
from headgate.upstream.request import FORWARDED
from repo.papers import DOCS, anchors, blocks, commands, headings, links, pages, prose, quoted, rows, section
from repo.tree import ROOT, name

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

DECISIONS = sorted((DOCS / "decisions").glob("*.md"))
GUIDES = [page for page in pages() if "reference" not in page.parts]
ENVIRONMENT = {
    "OPENAI_API_KEY": "a-key-of-openai",
    "ANTHROPIC_API_KEY": "a-key-of-anthropic",
    "GEMINI_API_KEY": "a-key-of-gemini",
    "OPENROUTER_API_KEY": "a-key-of-openrouter",
    "AZURE_OPENAI_API_KEY": "a-key-of-azure",
}
_REFUSED = re.compile(r'(?:Refused\(|Refusal::new\(|Refusal \{ status: )\s*(\d{3}), (?:code: )?"(\w+)"')
_SCAN_CODE = re.compile(r'code: "(\w+)"')


def subclasses(kind: type[EdgeError]) -> Iterator[type[EdgeError]]:
    """A class and all that derive from it."""
    yield kind
    for derived in kind.__subclasses__():
        yield from subclasses(derived)


def keys_of(
    section_schema: dict[str, Any], definitions: dict[str, Any], prefix: str
) -> Iterator[tuple[str, str]]:
    """(section, key) of every key of the configuration's schema."""
    for key, field in section_schema["properties"].items():
        yield prefix, key
        text = orjson.dumps(field).decode()
        path = f"{prefix}.{key}".strip(".")
        for reference in re.findall(r'"#/\$defs/(\w+)"', text):
            inner = definitions[reference]
            if "properties" in inner:
                yield from keys_of(inner, definitions, path + ("[]" if '"items"' in text else ""))


def test_every_configuration_key_is_in_the_reference() -> None:
    schema = json_schema()
    page = DOCS / "reference" / "configuration.md"
    missing = []
    for path, key in keys_of(schema, schema["$defs"], ""):
        table = rows(section(page, f"`{path}`" if path else "The document"))
        if [f"`{key}`"] not in [row[:1] for row in table]:
            missing.append(f"{path}.{key}")
    assert missing == []


def test_every_metric_is_documented_and_no_other() -> None:
    told = {
        quoted(cells[0])[0]: (cells[1], tuple(quoted(cells[2])))
        for cells in rows((DOCS / "metrics.md").read_text(encoding="utf-8"))
    }
    assert told == {family.full_name: (family.kind.value, family.labels) for family in FAMILIES}


def test_every_label_has_its_values_documented() -> None:
    table = {cells[0]: cells[1] for cells in rows(section(DOCS / "metrics.md", "Label values"))}
    labels = {label for family in FAMILIES for label in family.labels}
    assert {quoted(cell)[0] for cell in table} == labels
    assert tuple(quoted(table["`type` of tokens"])) == TOKEN_TYPES


@pytest.mark.parametrize("page", GUIDES, ids=name)
def test_pages_name_metrics_that_exist(page: Path) -> None:
    names = {family.full_name for family in FAMILIES}
    named = re.findall(r"`(headgate_\w+)[`{]", page.read_text(encoding="utf-8"))
    assert set(named) - names == set()


def test_every_failure_is_documented_and_no_other() -> None:
    told = {
        quoted(cells[0])[0]: (int(cells[1]), quoted(cells[2])[0], quoted(cells[3])[0])
        for cells in rows(section(DOCS / "errors.md", "All kinds"))
    }
    rows_of_code = {kind.name: (kind.status, kind.value.type, kind.value.code) for kind in Failure}
    assert told == rows_of_code
    assert all(all(cells) for cells in rows(section(DOCS / "errors.md", "All kinds")))


def test_every_refusal_of_the_edge_is_documented_and_no_other() -> None:
    folders = (ROOT / "python/headgate/edge", ROOT / "rust/core/src/http1/request")
    sources = [path.read_text(encoding="utf-8") for folder in folders for path in folder.glob("*.*")]
    raised = {(code, int(status)) for source in sources for status, code in _REFUSED.findall(source)}
    raised |= {(kind.code, kind.status) for kind in subclasses(EdgeError) if kind is not Refused}
    table = rows(section(DOCS / "errors.md", "A request that breaks HTTP's rules"))
    assert {(quoted(cells[0])[0], int(cells[1])) for cells in table} == raised


def test_every_code_of_the_scan_is_documented_and_no_other() -> None:
    folder = ROOT / "rust/core/src/wire/openai"
    sources = [folder / "request.rs", *(folder / "request").glob("*.rs")]
    codes = {code for path in sources for code in _SCAN_CODE.findall(path.read_text(encoding="utf-8"))}
    table = rows(section(DOCS / "errors.md", "A request body that cannot be used"))
    assert {quoted(cells[0])[0] for cells in table} == codes


def test_every_header_that_goes_upstream_is_documented() -> None:
    forwarded = {header.decode() for header in FORWARDED}
    told = section(DOCS / "security.md", "What never leaves").partition("Of the caller's headers only")[2]
    assert set(quoted(told.partition(" are.")[0])) == forwarded


def test_the_failover_table_names_codes_of_failures_to_retry() -> None:
    text = (DOCS / "failover.md").read_text(encoding="utf-8")
    named = {code for cells in rows(text) for code in quoted(cells[1])}
    retried = {kind.value.code for kind in Failure if kind.retryable}
    # Nothing is left to try: this one is only ever the end.
    assert named == retried - {Failure.UPSTREAM_UNAVAILABLE.value.code}


def test_every_field_of_a_record_is_documented() -> None:
    source = (ROOT / "rust/core/src/record.rs").read_text(encoding="utf-8").partition("#[cfg(test)]")[0]
    native = set(re.findall(r'\\"(\w+)\\":', source))
    settler = (ROOT / "python/headgate/settle/settler.py").read_text(encoding="utf-8")
    labels = set(re.findall(r'^            \("(\w+)", ', settler, re.MULTILINE))
    table = rows(section(DOCS / "operations.md", "usage.jsonl"))
    told = {field for cells in table for field in quoted(cells[0])}
    assert len(labels) == 5
    assert told == native | labels


def test_every_field_of_an_interrupted_record_is_documented() -> None:
    text = section(DOCS / "operations.md", "usage.jsonl").partition("it has only")[2].partition(".")[0]
    slot = OpenSlot(1, 1, 0, 1, 0, 0, 0, 0, 0)
    record_id, payload = interrupted(1, 0, slot, _compiled("{}", None))
    assert record_id.encode() in payload
    assert set(quoted(text)) == set(orjson.loads(payload))


def test_every_field_of_the_access_log_is_documented() -> None:
    text = section(DOCS / "operations.md", "Logs")
    fields = {*AccessEntry.__slots__, "time", "log"} - {"time_unix_ms", "trace_id"}
    assert fields <= set(quoted(text))


@pytest.mark.parametrize("page", GUIDES, ids=name)
def test_configurations_in_pages_are_good(page: Path, tmp_path: Path) -> None:
    for number, text in enumerate(blocks(page, "yaml")):
        _compiled(text, tmp_path / f"{number}.yaml")


@pytest.mark.parametrize("page", GUIDES, ids=name)
def test_headgate_commands_in_pages_exist(page: Path) -> None:
    helps = (DOCS / "reference" / "cli.md").read_text(encoding="utf-8")
    known = dict(re.findall(r"^## (headgate[a-z ]*)\n\n```\n(.*?)^```", helps, re.MULTILINE | re.DOTALL))
    for command in (command for block in blocks(page, "sh") for command in commands(block)):
        words = command.split()
        if not words[0].endswith("bin/headgate"):
            continue
        path = [word for word in words[1:] if re.fullmatch("[a-z]+", word)]
        fitting = [" ".join(["headgate", *path[:depth]]) for depth in (2, 1)]
        (described, *_) = [known[candidate] for candidate in fitting if candidate in known]
        assert all(word in described for word in words if word.startswith("-")), command


@pytest.mark.parametrize("page", GUIDES, ids=name)
def test_links_and_their_anchors_lead_somewhere(page: Path) -> None:
    lost = []
    for link in links(page):
        if re.match(r"[a-z]+:", link):
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        if not target.exists() or (anchor and anchor not in anchors(target)):
            lost.append(link)
    assert lost == []


def test_every_page_is_reached_from_the_index() -> None:
    index = DOCS / "index.md"
    reached = {(DOCS / link.partition("#")[0]).resolve() for link in links(index)}
    assert set(DOCS.rglob("*.md")) - {index} == reached


@pytest.mark.parametrize("page", DECISIONS, ids=name)
def test_a_decision_has_its_four_headings_and_half_a_page(page: Path) -> None:
    number = page.name[:3]
    title, *rest = headings(page)
    assert title.startswith(f"{number} ")
    assert rest == ["Question", "Measured", "Chosen", "What would change it"]
    assert all(section(page, heading).strip() for heading in rest)
    assert len(page.read_text(encoding="utf-8").splitlines()) <= 60


def test_decisions_are_numbered_without_gaps() -> None:
    assert [int(page.name[:3]) for page in DECISIONS] == list(range(1, len(DECISIONS) + 1))


def test_the_changelog_begins_with_what_is_unreleased() -> None:
    changelog = ROOT / "CHANGELOG.md"
    assert headings(changelog)[:3] == ["Changelog", "[Unreleased]", "Added"]
    added = prose(changelog).partition("### Added")[2]
    assert added.count("\n- ") > 10


def _compiled(text: str, path: Path | None) -> Any:  # noqa: ANN401 - the runtime, or nothing of interest
    """The runtime of a configuration's text; fails on an error, and on a warning."""
    if path is not None:
        path.write_text(text, encoding="utf-8")
    loaded = load(path, ENVIRONMENT, path.parent if path else DOCS)
    now_s = time.time()
    runtime, warnings = compile_runtime(
        loaded, generation=1, admin_digest=None, accounts=AccountTable(), now_s=now_s
    )
    # A page shows a part of a file: keys without the routes that they name are no mistake there.
    serious = [str(warning) for warning in warnings if "matches no model" not in str(warning)]
    assert path is None or "routes" not in text or serious == []
    return runtime
