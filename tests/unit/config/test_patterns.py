"""Overlap of patterns, against the definition."""

from __future__ import annotations

import itertools
import re

from headgate.config.patterns import overlap
from hypothesis import given
from hypothesis import strategies as st

PATTERN = st.text("ab*", max_size=5)
NAMES = ["".join(signs) for length in range(9) for signs in itertools.product("ab", repeat=length)]


def matches(pattern: str, name: str) -> bool:
    return re.fullmatch(".*".join(map(re.escape, pattern.split("*"))), name) is not None


@given(PATTERN, PATTERN)
def test_overlap_is_a_common_name(left: str, right: str):
    """Two patterns of five signs over two letters have a common name of at most eight signs, or none."""
    common = any(matches(left, name) and matches(right, name) for name in NAMES)
    assert overlap(left, right) == common == overlap(right, left)
