"""What all tests share: uvloop under every asynchronous test, and no variable of ours from outside.

Invariant: a test's outcome does not depend on who runs it: provider keys of the developer's shell are gone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import uvloop
from headgate.config.env import VARIABLES
from hypothesis import settings

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable, Iterator, Mapping

# A busy machine is no failure: how long an example may take is pytest-timeout's business.
settings.register_profile("headgate", deadline=None, print_blob=True)
settings.load_profile("headgate")


def pytest_asyncio_loop_factories() -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    """The loop that workers run on."""
    return {"uvloop": uvloop.new_event_loop}


@pytest.fixture(scope="session", autouse=True)
def clean_environment() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        for variable in VARIABLES:
            patch.delenv(variable.name, raising=False)
        yield
