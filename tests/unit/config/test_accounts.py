"""Slots are stable, and reused only after an hour."""

from __future__ import annotations

import pytest
from headgate.config.accounts import REUSE_AFTER_S, AccountTable
from headgate.errors import ConfigError
from hypothesis import given
from hypothesis import strategies as st

STEPS = st.lists(
    st.tuples(st.sets(st.sampled_from("abcdefgh")), st.floats(0, 2 * REUSE_AFTER_S)), max_size=12
)


@given(STEPS)
def test_a_slot_has_one_owner_and_rests_for_an_hour(steps: list[tuple[set[str], float]]):
    table, now_s = AccountTable(), 0.0
    owner: dict[int, tuple[str, float]] = {}
    slots: dict[str, int] = {}
    for digests, passed_s in steps:
        now_s += passed_s
        before, slots = slots, table.assign(sorted(digests), now_s)
        assert set(slots) == digests
        assert len(set(slots.values())) == len(slots)
        assert all(slots[digest] == slot for digest, slot in before.items() if digest in slots)
        for digest, slot in before.items():
            if digest not in slots:
                owner[slot] = (digest, now_s)
        reused = set(table.take_reused())
        for digest, slot in slots.items():
            last, freed_s = owner.get(slot, (digest, now_s))
            assert last == digest or now_s - freed_s >= REUSE_AFTER_S
            assert (last != digest) == (slot in reused)
            owner.pop(slot, None)
        assert all(slot < table.size for slot in slots.values())
        table = AccountTable.from_json(table.to_json())


@pytest.mark.parametrize("text", ["", "{}", "[]", "5", '{"next": 1, "slots": 3, "freed": {}}'])
def test_a_damaged_table_is_refused(text: str):
    with pytest.raises(ConfigError, match="damaged"):
        AccountTable.from_json(text)
