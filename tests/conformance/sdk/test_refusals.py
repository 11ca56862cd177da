"""What the fakes refuse: each rule has a request that breaks it and nothing else.

Invariant: the same request without the fault is accepted, so a rule is never seen to hold by accident.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from conformance.sdk import refusals
from support.client import Answer, Client

if TYPE_CHECKING:
    from conformance.sdk.refusals import Ask, Fault
    from support.fakes.server import Fake


def _send(fake: Fake, ask: Ask, body: Any, headers: dict[str, str]) -> Answer:  # noqa: ANN401  any JSON
    sent = {name: value for name, value in {**ask.headers, **headers}.items() if value}
    return Client(fake.root, None).ask("POST", ask.path, json.dumps(body).encode(), sent)


@pytest.mark.parametrize("name", refusals.ASKS)
def test_a_request_without_fault_is_accepted(fakes: dict[str, Fake], name: str) -> None:
    ask = refusals.ASKS[name]
    before = len(fakes[ask.fake].requests)
    answer = _send(fakes[ask.fake], ask, ask.body, {})
    assert answer.status == 200, answer.body
    assert len(fakes[ask.fake].requests) == before + 1


@pytest.mark.parametrize("fault", refusals.FAULTS, ids=lambda fault: f"{fault.ask}: {fault.words[:60]}")
def test_a_fault_is_refused(fakes: dict[str, Fake], fault: Fault) -> None:
    ask = refusals.ASKS[fault.ask]
    fake = fakes[ask.fake]
    before = len(fake.requests)
    answer = _send(fake, ask, fault.body(ask.body), fault.headers)
    assert answer.status == fault.status, answer.body
    assert fault.words in refusals.message(ask.fake, answer)
    assert len(fake.requests) == before
    assert fault.words in fake.refusals[-1]
