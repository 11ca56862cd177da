"""Which upstream answers send a request to its next target, and what the caller is told when none is left.

Invariant: a total function of the status; never on other 4xx (SPEC G, RULINGS 21).
"""

from __future__ import annotations

from headgate.errors import Failure

_RETRYABLE = {
    401: Failure.UPSTREAM_AUTH,
    402: Failure.UPSTREAM_AUTH,
    403: Failure.UPSTREAM_AUTH,
    408: Failure.UPSTREAM_TIMEOUT,
    409: Failure.UPSTREAM_ERROR,
    425: Failure.UPSTREAM_ERROR,
    429: Failure.UPSTREAM_RATE_LIMITED,
}


def failure_of(status: int) -> Failure:
    """The kind of failure behind an upstream's status other than 200."""
    if status >= 500:
        return Failure.UPSTREAM_ERROR
    if 400 <= status < 500:
        return _RETRYABLE.get(status, Failure.UPSTREAM_REFUSED)
    return Failure.UPSTREAM_GARBAGE


def caller_status(failure: Failure, status: int) -> int:
    """The caller's status: the upstream's own 4xx where it is the caller's fault, else the kind's."""
    return status if failure is Failure.UPSTREAM_REFUSED else failure.status
