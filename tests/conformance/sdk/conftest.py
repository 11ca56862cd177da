"""All fakes, for every module that asks for them."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest
from conformance.sdk import pairs

if TYPE_CHECKING:
    from collections.abc import Iterator

    from support.fakes.server import Fake


@pytest.fixture(scope="module")
def fakes() -> Iterator[dict[str, Fake]]:
    """The fakes by name."""
    with ExitStack() as stack:
        running = {name: make() for name, make in pairs.FAKES.items()}
        for fake in running.values():
            stack.enter_context(fake)
        yield running
