"""A provider and a gateway for every module; tests choose model names of their own, so they do not meet."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from support.gateway import Gateway, document, start
from support.upstream import Upstream

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="module")
def upstream() -> Iterator[Upstream]:
    with Upstream() as provider:
        yield provider


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory, upstream: Upstream) -> Iterator[Gateway]:
    with start(tmp_path_factory.mktemp("gateway"), document({"main": upstream})) as running:
        yield running
