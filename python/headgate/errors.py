"""Every way a request can fail, and what the caller is told.

    HeadgateError
    ├── ConfigError          the configuration cannot be used
    └── RequestError         a request was refused or failed; carries a `Failure`

Invariant: `Failure` is total: each kind has a status, a type, a code, a log level, whose fault it is, and
whether another target may be tried. The table is walked by a test for every dialect.
"""

from __future__ import annotations

import logging
from enum import Enum
from typing import NamedTuple


class Blame(Enum):
    """Whose fault a failure is; only the upstream's counts against it."""

    CLIENT = "client"
    UPSTREAM = "upstream"
    GATEWAY = "gateway"


class Row(NamedTuple):
    """What a kind of failure means to the caller, the log and the router."""

    status: int
    type: str
    code: str
    level: int
    blame: Blame
    retryable: bool


def _client(status: int, type_: str, code: str) -> Row:
    return Row(status, type_, code, logging.INFO, Blame.CLIENT, retryable=False)


def _upstream(status: int, code: str, *, retryable: bool = True) -> Row:
    return Row(status, "upstream_error", code, logging.WARNING, Blame.UPSTREAM, retryable)


class Failure(Enum):
    """Kinds of failure (SPEC B's table)."""

    MISSING_API_KEY = _client(401, "authentication_error", "missing_api_key")
    INVALID_API_KEY = _client(401, "authentication_error", "invalid_api_key")
    KEY_EXPIRED = _client(401, "authentication_error", "key_expired")
    KEY_BLOCKED = _client(403, "permission_error", "key_blocked")
    MODEL_NOT_ALLOWED = _client(403, "permission_error", "model_not_allowed")
    INSUFFICIENT_PERMISSION = _client(403, "permission_error", "insufficient_permission")
    MODEL_NOT_FOUND = _client(404, "invalid_request_error", "model_not_found")
    NOT_FOUND = _client(404, "invalid_request_error", "not_found")
    METHOD_NOT_ALLOWED = _client(405, "invalid_request_error", "method_not_allowed")
    INVALID_REQUEST = _client(400, "invalid_request_error", "invalid_request")
    REQUEST_TIMEOUT = _client(408, "invalid_request_error", "request_timeout")
    BODY_TOO_LARGE = _client(413, "invalid_request_error", "body_too_large")
    REQUEST_EXCEEDS_LIMIT = _client(400, "invalid_request_error", "request_exceeds_limit")
    RPM_EXCEEDED = _client(429, "rate_limit_error", "rpm_exceeded")
    TPM_EXCEEDED = _client(429, "rate_limit_error", "tpm_exceeded")
    CONCURRENCY_EXCEEDED = _client(429, "rate_limit_error", "concurrency_exceeded")
    NOT_IMPLEMENTED = _client(501, "invalid_request_error", "not_implemented")
    CLIENT_GONE = _client(499, "invalid_request_error", "client_gone")

    UPSTREAM_REFUSED = _upstream(400, "upstream_refused", retryable=False)
    UPSTREAM_AUTH = _upstream(502, "upstream_auth")
    UPSTREAM_RATE_LIMITED = Row(
        429, "rate_limit_error", "upstream_rate_limited", logging.WARNING, Blame.UPSTREAM, retryable=True
    )
    UPSTREAM_ERROR = _upstream(502, "upstream_server_error")
    UPSTREAM_CONNECT = _upstream(502, "upstream_connect")
    UPSTREAM_RESET = _upstream(502, "upstream_reset")
    UPSTREAM_GARBAGE = _upstream(502, "upstream_garbage")
    UPSTREAM_TRUNCATED = _upstream(502, "upstream_truncated")
    UPSTREAM_TIMEOUT = _upstream(504, "upstream_timeout")
    UPSTREAM_UNAVAILABLE = _upstream(503, "upstream_unavailable")
    OVERLOADED = Row(503, "upstream_error", "overloaded", logging.WARNING, Blame.GATEWAY, retryable=False)
    INTERNAL = Row(500, "server_error", "internal", logging.ERROR, Blame.GATEWAY, retryable=False)

    @property
    def status(self) -> int:
        """HTTP status of the answer."""
        return self.value.status

    @property
    def retryable(self) -> bool:
        """Whether the next target may be tried."""
        return self.value.retryable


class HeadgateError(Exception):
    """The root of what Headgate raises on purpose."""


class ConfigError(HeadgateError):
    """The configuration cannot be used; the message names file, line, path and fix."""


class RequestError(HeadgateError):
    """A request was refused or failed.

    `message` is for the caller: it names the thing and the fix and holds no secret.
    `status` and `code` override the kind's own (an upstream's 422 stays a 422, a scan names its own code).
    `head` is header lines that go with the answer, such as the rate limits.
    """

    def __init__(  # noqa: PLR0913  a constructor: keyword-only facts of one error
        self,
        failure: Failure,
        message: str,
        *,
        param: str | None = None,
        code: str | None = None,
        status: int | None = None,
        retry_after_s: float | None = None,
    ) -> None:
        super().__init__(message)
        self.failure = failure
        self.message = message
        self.param = param
        self.code = code or failure.value.code
        self.type = failure.value.type
        self.status = status or failure.value.status
        self.retry_after_s = retry_after_s
        self.head = b""
