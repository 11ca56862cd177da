"""What each OpenAI-compatible vendor's page asks for, written a second time so that a slip in a row is seen.

Invariant: nothing here is read out of the catalogue; a page that changes is changed in both places.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit


class Wanted(NamedTuple):
    """How a vendor wants to be asked.

    `url` is the whole address of its first endpoint, `configured` says that it is the user's and stands for
    any; `limit` is the one name of the maximum, where it knows but one; `role` that of instructions;
    `refuses` names members that must not reach it, `lacks` paths that it has not.
    """

    type: str
    url: str
    configured: bool = False
    auth: tuple[str, str] = ("authorization", "Bearer ")
    limit: str | None = None
    role: str = "developer"
    refuses: tuple[str, ...] = ()
    lacks: tuple[str, ...] = ()

    @property
    def path(self) -> str:
        """The path of its first endpoint."""
        return urlsplit(self.url).path

    @property
    def endpoint(self) -> str:
        """The endpoint's part of the path."""
        return "/embeddings" if self.url.endswith("/embeddings") else "/chat/completions"

    @property
    def base_path(self) -> str:
        """What a base URL ends with."""
        return self.path.removesuffix(self.endpoint)


def _wanted(name: str, row: dict[str, object]) -> Wanted:
    url = row.get("chat", row.get("embeddings"))
    rest = {key: tuple(value) if isinstance(value, list) else value for key, value in row.items()}
    return Wanted(name, url, **{key: rest[key] for key in rest.keys() - {"chat", "embeddings"}})  # type: ignore[arg-type]


_TABLE = Path(__file__).resolve().parent.parent / "e2e" / "vendors.json"
VENDORS = tuple(_wanted(name, row) for name, row in json.loads(_TABLE.read_bytes()).items())
