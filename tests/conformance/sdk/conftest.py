"""All fakes, for every module that asks for them.

Invariant: no SDK finds a key, an address or a file of the person who runs the tests.
"""

from __future__ import annotations

import os
from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest
from conformance.sdk import behind, pairs
from support.gateway import Gateway, start

if TYPE_CHECKING:
    from collections.abc import Iterator

    from support.fakes.server import Fake


_THEIRS = ("ANTHROPIC_", "AWS_", "AZURE_", "GEMINI_", "GOOGLE_", "OLLAMA_", "OPENAI_", "VERTEX")


@pytest.fixture(scope="session", autouse=True)
def nobodys_keys() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith(_THEIRS)]:
            patch.delenv(name)
        patch.setenv("AWS_CONFIG_FILE", os.devnull)
        patch.setenv("AWS_SHARED_CREDENTIALS_FILE", os.devnull)
        patch.setenv("AWS_EC2_METADATA_DISABLED", "true")
        yield


@pytest.fixture(scope="module")
def fakes() -> Iterator[dict[str, Fake]]:
    """The fakes by name."""
    with ExitStack() as stack:
        running = {name: make() for name, make in pairs.FAKES.items()}
        for fake in running.values():
            stack.enter_context(fake)
        yield running


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory, fakes: dict[str, Fake]) -> Iterator[Gateway]:
    """A gateway with the fakes behind it."""
    with start(tmp_path_factory.mktemp("sdk"), behind.configuration(fakes)) as running:
        yield running
