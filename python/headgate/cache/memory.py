"""The memory tier: which requests it may answer, and what it keeps.

Invariant: only deterministic requests are kept unless the caller forces it (SPEC F), and never across
tenants.
"""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, NamedTuple

from headgate.core import Cache, CacheKey, answer_from_stream, cache_key, replay, stream_from_answer
from headgate.errors import Failure, RequestError

if TYPE_CHECKING:
    from headgate.config.runtime import CacheSettings
    from headgate.exchange import Endpoint, Exchange

CONTROL_HEADER = b"x-headgate-cache"
TTL_HEADER = b"x-headgate-cache-ttl"
MODES = (None, b"no-store", b"refresh", b"force")


class Wish(NamedTuple):
    """What the caller asks of the cache: may it answer, may it keep, for how long."""

    mode: bytes | None
    ttl_s: float | None


NO_WISH = Wish(None, None)


def read_wish(mode: bytes | None, ttl: bytes | None) -> Wish:
    """The caller's `x-headgate-cache` and `x-headgate-cache-ttl` (seconds).

    Raises:
        RequestError: 400 for a value that means nothing.
    """
    if mode not in MODES:
        message = "x-headgate-cache must be no-store, refresh or force."
        raise RequestError(Failure.INVALID_REQUEST, message, param="x-headgate-cache")
    if ttl is None:
        return Wish(mode, None)
    if not ttl.isdigit() or len(ttl) > 9:
        message = "x-headgate-cache-ttl must be a whole number of seconds."
        raise RequestError(Failure.INVALID_REQUEST, message, param="x-headgate-cache-ttl")
    return Wish(mode, float(ttl))


class MemoryCache:
    """One worker's share of the host's memory cache."""

    __slots__ = ("_cache", "_seed", "_settings")

    def __init__(self, settings: CacheSettings, workers: int) -> None:
        self._settings = settings
        self._cache = Cache(settings.max_bytes // max(workers, 1)) if settings.enabled else None
        self._seed = secrets.randbits(64)

    @property
    def enabled(self) -> bool:
        """Whether anything is ever kept."""
        return self._cache is not None

    def key(self, exchange: Exchange, tenant: str, wish: Wish) -> CacheKey | None:
        """The key of an eligible request, None for one that the cache has no part in."""
        if wish.mode == b"no-store" or (wish.mode != b"force" and not exchange.ticket.deterministic):
            return None
        return cache_key(exchange.body, tenant, exchange.endpoint.number, exchange.model, self._seed)

    def answer(self, key: CacheKey, endpoint: Endpoint, now_ns: int) -> tuple[bytes, int] | None:
        """A whole answer and its age in ns."""
        found = self._cache.get(key, now_ns) if self._cache is not None else None
        if found is None:
            return None
        payload, is_stream, age_ns = found
        whole = answer_from_stream(endpoint.number, payload) if is_stream else payload
        return None if whole is None else (whole, age_ns)

    def events(self, key: CacheKey, exchange: Exchange, now_ns: int) -> tuple[bytes, int] | None:
        """A framed stream, the same events as when it was kept, and its age in ns."""
        found = self._cache.get(key, now_ns) if self._cache is not None else None
        if found is None:
            return None
        payload, is_stream, age_ns = found
        endpoint, wants_usage = exchange.endpoint.number, exchange.ticket.include_usage
        events = payload if is_stream else stream_from_answer(endpoint, payload, wants_usage)
        framed = events and replay(endpoint, events, exchange.chunked, wants_usage)
        return None if framed is None else (framed, age_ns)

    def keep(self, key: CacheKey, payload: bytes, now_ns: int, *, stream: bool, ttl_s: float | None) -> None:
        """Keep a finished answer."""
        ttl_s = self._settings.default_ttl_s if ttl_s is None else ttl_s
        if self._cache is not None and payload and ttl_s > 0:
            self._cache.put(key, payload, stream, now_ns, int(ttl_s * 1e9))
