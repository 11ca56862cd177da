"""What a vendor is, as rows of data: a new OpenAI-compatible vendor is one row of data/vendors.json.

Invariant: a row holds only what the vendor's own page says; that page is `source`. A member that is no field
below stops the import, and every row is checked strictly in tests/unit/providers.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import orjson

_FILE = Path(__file__).resolve().parent.parent / "data" / "vendors.json"


class Vendor(NamedTuple):
    """A type of provider.

    What calling it takes: `base_url` None must be configured. `env` names the variable that makes the
    provider in a configuration without `providers`; `env_is_host` says that it holds an address instead of a
    key. `prefixes` are the patterns of the vendor's own models, empty where it hosts the models of others.
    `dialects` are those that it speaks, its own first; `headers` what every request of its has besides the
    key; `lacks` names the endpoints of its first dialect that it has not (labels of `exchange.ENDPOINTS`).

    Where its form of OpenAI's protocol is smaller than OpenAI's: the names of the maximum that it knows
    (`max_tokens`: either, max_tokens or max_completion_tokens), the roles of `instructions` (developer, or
    system only), and whether it accepts `stream_options` (`stream_usage`), `parallel_tool_calls` and
    `reasoning_effort`; `alternate` says that user and assistant must take turns.

    `checked` is the day on which the page was seen to say so, `notes` what is worth knowing besides.
    """

    type: str
    title: str
    source: str
    checked: str
    base_url: str | None = None
    kind: str = "http"
    env: str | None = None
    env_is_host: bool = False
    needs_key: bool = True
    auth_header: str = "Authorization"
    auth_scheme: str = "Bearer "
    prefixes: tuple[str, ...] = ()
    dialects: tuple[str, ...] = ("openai",)
    headers: tuple[tuple[str, str], ...] = ()
    lacks: tuple[str, ...] = ()
    max_tokens: str = "either"
    instructions: str = "developer"
    stream_usage: bool = True
    parallel_tool_calls: bool = True
    reasoning_effort: bool = True
    alternate: bool = False
    notes: str = ""

    @property
    def dialect(self) -> str:
        """The dialect that it is asked in."""
        return self.dialects[0]

    @property
    def quirks(self) -> tuple[str, ...]:
        """Where it differs from OpenAI, in the words of the core (rust/core/src/wire/openai/quirks.rs)."""
        named = (
            (self.max_tokens, self.max_tokens != "either"),
            ("system_only", self.instructions == "system"),
            ("no_stream_options", not self.stream_usage),
            ("no_parallel_tool_calls", not self.parallel_tool_calls),
            ("no_reasoning_effort", not self.reasoning_effort),
            ("alternate", self.alternate),
        )
        return tuple(name for name, holds in named if holds)


def _frozen(value: Any) -> Any:  # noqa: ANN401 - any JSON value
    return tuple(map(_frozen, value)) if isinstance(value, list) else value


def _read(path: Path) -> dict[str, Vendor]:
    rows = orjson.loads(path.read_bytes())  # noqa: TID251 - the package's own file, once per process
    vendors = (Vendor(**{name: _frozen(value) for name, value in row.items()}) for row in rows)
    return {vendor.type: vendor for vendor in vendors}


CATALOG: dict[str, Vendor] = _read(_FILE)
