"""What a dead worker left open in its journal, as records.

Invariant: a record says no more than the slot knew, and its id is the one that the worker itself would have
given, so that an attempt is told once (RULINGS 4, 5).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import orjson

from headgate.record import Attempt

if TYPE_CHECKING:
    from headgate.config.runtime import Runtime

OUTCOME = "interrupted"


class OpenSlot(NamedTuple):
    """A slot of the journal, in the order of `Ledger.open_slots`."""

    slot: int
    sequence: int
    account: int
    attempt: int
    target: int
    started_ms: int
    reserved: int
    prompt_tokens: int
    completion_tokens: int

    @property
    def used_tokens(self) -> int:
        """What the provider is known to have counted or sent."""
        return self.prompt_tokens + self.completion_tokens


def interrupted(segment_id: int, worker: int, slot: OpenSlot, runtime: Runtime) -> tuple[str, bytes]:
    """Id and JSON of the record that closes a dead worker's slot; the key's name is the present one."""
    record_id = Attempt(segment_id, worker, slot.slot, slot.sequence, slot.attempt).record_id()
    names = [key.name for key in runtime.keys if key.account == slot.account]
    fields = {
        "id": record_id,
        "request_id": None,
        "started_ms": slot.started_ms,
        "key": names[0] if names else None,
        "status": None,
        "outcome": OUTCOME,
        "prompt_tokens": slot.prompt_tokens,
        "completion_tokens": slot.completion_tokens,
        "usage_source": "journal",
    }
    return record_id, orjson.dumps(fields)
