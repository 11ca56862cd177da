"""The two ends of a relayed stream, as the rooms between them see each other.

Invariant: shapes only; whoever has them need not know whose they are.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from headgate.errors import RequestError


class Writer(Protocol):
    """What takes bytes for the client."""

    def write(self, data: bytes) -> None:
        """Take bytes for the client."""


class Listener(Protocol):
    """Who is told how a relay ended."""

    def ended(self, error: RequestError | None) -> None:
        """The last byte was written, or the stream broke."""
