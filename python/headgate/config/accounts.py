"""Which slot of the ledger belongs to which key.

Invariant: a key keeps its slot over reloads and restarts; a slot is given to another key only an hour after
its key went away, when nobody can still hold a reservation on it (RULINGS 6).
"""

from __future__ import annotations

import json
from collections.abc import Iterable

from headgate.errors import ConfigError

REUSE_AFTER_S = 3600.0


class AccountTable:
    """Slots by digest; time is an argument, in Unix seconds because the table outlives the uptime."""

    def __init__(self) -> None:
        self._slots: dict[str, int] = {}
        self._freed: dict[str, tuple[int, float]] = {}
        self._next = 0
        self._reused: list[int] = []

    @property
    def size(self) -> int:
        """How many slots were ever given: the ledger needs at least as many accounts."""
        return self._next

    def assign(self, digests: Iterable[str], now_s: float) -> dict[str, int]:
        """Give every digest its slot and free those of all others."""
        wanted = list(dict.fromkeys(digests))
        present = set(wanted)
        for digest in [digest for digest in self._slots if digest not in present]:
            self._freed[digest] = (self._slots.pop(digest), now_s)
        for digest in wanted:
            if digest in self._slots:
                continue
            if digest in self._freed:
                self._slots[digest] = self._freed.pop(digest)[0]
                continue
            slot = self._take_free(now_s)
            if slot is None:
                slot, self._next = self._next, self._next + 1
            else:
                self._reused.append(slot)
            self._slots[digest] = slot
        return {digest: self._slots[digest] for digest in wanted}

    def take_reused(self) -> list[int]:
        """Slots that passed to another key since the last call: the ledger must reset them."""
        reused, self._reused = self._reused, []
        return reused

    def _take_free(self, now_s: float) -> int | None:
        for digest, (slot, freed_s) in self._freed.items():
            if now_s - freed_s >= REUSE_AFTER_S:
                del self._freed[digest]
                return slot
        return None

    def to_json(self) -> str:
        """The table as text for the state directory."""
        return json.dumps({"next": self._next, "slots": self._slots, "freed": self._freed})

    @classmethod
    def from_json(cls, text: str | bytes) -> AccountTable:
        """The table that `to_json` wrote.

        Raises:
            ConfigError: the text is no such table.
        """
        table = cls()
        try:
            raw = json.loads(text)
            table._next = int(raw["next"])
            table._slots = {str(digest): int(slot) for digest, slot in raw["slots"].items()}
            table._freed = {str(d): (int(slot), float(at)) for d, (slot, at) in raw["freed"].items()}
        except (ValueError, KeyError, TypeError, AttributeError):
            message = "the table of accounts in the state directory is damaged"
            raise ConfigError(message) from None
        return table
