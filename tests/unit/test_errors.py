"""The table of failures, walked: every kind has an answer that OpenAI's SDKs understand."""

from __future__ import annotations

import asyncio
import json
import logging
import re
from http import HTTPStatus
from typing import TYPE_CHECKING

import pytest
from headgate.api.answers import JSON, refuse, render_error
from headgate.edge.body import Prepared
from headgate.errors import Blame, ConfigError, Failure, HeadgateError, RequestError

if TYPE_CHECKING:
    from blacksheep import Response

TYPES = {
    "authentication_error": {401},
    "permission_error": {403},
    "invalid_request_error": {400, 404, 405, 408, 413, 431, 499, 501},
    "rate_limit_error": {429},
    "upstream_error": {400, 502, 503, 504},
    "server_error": {500},
}
NGINX_CLIENT_CLOSED = 499
WORDS = re.compile(r"[a-z]+(_[a-z]+)*")

every_failure = pytest.mark.parametrize("failure", list(Failure), ids=lambda failure: failure.name)


def told(response: Response) -> dict[str, object]:
    """The error object of an answer, which holds nothing else."""
    body = asyncio.run(response.read())
    assert body is not None
    document = json.loads(body)
    assert list(document) == ["error"]
    error: dict[str, object] = document["error"]
    return error


def head_of(response: Response) -> bytes:
    """The header lines that go with an answer."""
    assert isinstance(response.content, Prepared)
    return response.content.head


@every_failure
def test_the_row_is_one_that_callers_can_act_on(failure: Failure) -> None:
    row = failure.value
    assert row.status in TYPES[row.type]
    assert row.status == NGINX_CLIENT_CLOSED or row.status in set(HTTPStatus)
    assert WORDS.fullmatch(row.code)
    assert row.level in {logging.INFO, logging.WARNING, logging.ERROR}


def test_no_two_kinds_share_a_code() -> None:
    codes = [failure.value.code for failure in Failure]
    assert sorted(set(codes)) == sorted(codes)
    # Equal rows would make two kinds one: an Enum aliases equal values.
    assert len(Failure.__members__) == len(list(Failure))


@every_failure
def test_only_an_upstreams_fault_is_tried_elsewhere(failure: Failure) -> None:
    row = failure.value
    assert not failure.retryable or row.blame is Blame.UPSTREAM
    assert (row.blame is Blame.CLIENT) == (row.level == logging.INFO)
    assert row.blame is not Blame.CLIENT or row.status < 500 or row.status == HTTPStatus.NOT_IMPLEMENTED


@every_failure
def test_the_answer_has_openais_shape(failure: Failure) -> None:
    message = 'No "such" thing: é\n\x01'
    response = refuse(RequestError(failure, message, param="messages[0]"))
    assert response.status == failure.status
    assert response.content is not None
    assert response.content.type == JSON
    assert told(response) == {
        "message": message,
        "type": failure.value.type,
        "param": "messages[0]",
        "code": failure.value.code,
    }
    assert b"retry-after" not in head_of(response)


def test_an_absent_param_is_null() -> None:
    assert told(refuse(RequestError(Failure.INTERNAL, "m")))["param"] is None


@pytest.mark.parametrize(("wait_s", "told_s"), [(0.0, 1), (0.2, 1), (1.0, 1), (1.01, 2), (59.999, 60)])
def test_retry_after_is_whole_seconds_and_never_too_early(wait_s: float, told_s: int) -> None:
    error = RequestError(Failure.RPM_EXCEEDED, "m", retry_after_s=wait_s)
    error.head = b"x-ratelimit-limit-requests: 1\r\n"
    head = head_of(refuse(error))
    assert head == b"x-ratelimit-limit-requests: 1\r\nretry-after: %d\r\n" % told_s


def test_a_status_and_a_code_of_its_own_win_over_the_kinds() -> None:
    error = RequestError(Failure.UPSTREAM_REFUSED, "m", status=422, code="of_its_own")
    response = refuse(error)
    assert response.status == 422
    assert told(response)["code"] == "of_its_own"
    assert told(response)["type"] == "upstream_error"


@pytest.mark.parametrize(
    ("status", "kind"),
    [(400, "invalid_request_error"), (431, "invalid_request_error"), (503, "server_error")],
)
def test_the_edges_refusals_have_the_same_shape(status: int, kind: str) -> None:
    content_type, body = render_error(status, "a_code", "words", b"/v1/chat/completions")
    assert content_type == JSON
    assert json.loads(body) == {"error": {"message": "words", "type": kind, "param": None, "code": "a_code"}}


def test_whatever_is_raised_on_purpose_has_one_root() -> None:
    assert issubclass(ConfigError, HeadgateError)
    assert issubclass(RequestError, HeadgateError)
    assert str(RequestError(Failure.INTERNAL, "the words")) == "the words"
