"""Keeps every provider's credential fresh, ahead of its end and off the request path.

Invariant: a provider has one task while its spec stays the same; a fetch that fails changes nothing, so what
was sent before is used until its own end; nothing secret is logged.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from headgate.control.channel import Credentials
from headgate.control.credentials import sources
from headgate.control.credentials.background import in_background
from headgate.control.credentials.fetched import CredentialError, Fetched

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable

    from headgate.config.runtime import CredentialSpec, Provider

_log = logging.getLogger(__name__)

# A fifth of the lifetime, but five minutes at least where there are as many.
_LEAD_SHARE = 0.2
_LEAD_S = 300.0
_MAX_LEAD_SHARE = 0.5
_SOONEST_S = 1.0
# What never ends may have been replaced all the same: a rotated key in a file.
_LOOK_AGAIN_S = 900.0
_FIRST_BACKOFF_S = 1.0
_MAX_BACKOFF_S = 60.0
_MAX_DOUBLINGS = 6
_JITTER = 0.1


@dataclass(frozen=True, slots=True)
class World:
    """What a keeper does not decide itself: time, chance, and where credentials come from."""

    fetch: Callable[[CredentialSpec], Fetched] = sources.fetch
    now_s: Callable[[], float] = time.time
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    chance: Callable[[], float] = random.random


@dataclass(slots=True)
class _Kept:
    spec: CredentialSpec
    task: asyncio.Task[None]
    latest: Credentials | None = None


class Keeper:
    """One per process that serves; on its loop."""

    def __init__(self, send: Callable[[Credentials], None], world: World | None = None) -> None:
        """`send` gets every credential as it comes."""
        self._send = send
        self._world = world or World()
        self._kept: dict[str, _Kept] = {}
        self._ended: set[asyncio.Task[None]] = set()

    def apply(self, providers: Iterable[Provider]) -> None:
        """Keep what these need: what is the same goes on, what is gone ends, what is new begins."""
        wanted = {p.name: p.credential for p in providers if p.credential is not None}
        for name, kept in list(self._kept.items()):
            if wanted.get(name) != kept.spec:
                self._end(name)
        for name, spec in wanted.items():
            if name not in self._kept:
                task = asyncio.get_running_loop().create_task(self._keep(name, spec))
                self._kept[name] = _Kept(spec, task)

    def current(self) -> list[Credentials]:
        """What was sent last, for somebody who was not there."""
        return [kept.latest for kept in self._kept.values() if kept.latest is not None]

    async def close(self) -> None:
        """Fetch nothing more."""
        for name in list(self._kept):
            self._end(name)
        for task in list(self._ended):
            with contextlib.suppress(asyncio.CancelledError):
                await task

    def _end(self, name: str) -> None:
        task = self._kept.pop(name).task
        task.cancel()
        self._ended.add(task)
        task.add_done_callback(self._ended.discard)

    async def _keep(self, name: str, spec: CredentialSpec) -> None:
        failures = 0
        while True:
            try:
                fetched = await in_background(self._world.fetch, spec)
                self._refuse_what_is_over(fetched)
            except CredentialError as error:
                delay_s = self._backoff_s(failures)
                failures += 1
                _log.warning(
                    "no credential for provider %s: %s; asking again in %.0f s", name, error, delay_s
                )
            else:
                if failures:
                    _log.info("provider %s has its credential again", name)
                failures = 0
                self._take(name, fetched)
                delay_s = self._rest_s(fetched)
            await self._world.sleep(delay_s)

    def _refuse_what_is_over(self, fetched: Fetched) -> None:
        if fetched.expires_s is not None and fetched.expires_s <= self._world.now_s():
            raise CredentialError("what came is over already; is this machine's clock right?")

    def _take(self, name: str, fetched: Fetched) -> None:
        expires_ms = None if fetched.expires_s is None else int(fetched.expires_s * 1000)
        message = Credentials(name, fetched.secret, expires_ms)
        kept = self._kept[name]
        if message != kept.latest:
            kept.latest = message
            self._send(message)

    def _rest_s(self, fetched: Fetched) -> float:
        """How long a credential is left alone; hosts that began together do not ask together again."""
        rest_s = _LOOK_AGAIN_S
        if fetched.expires_s is not None:
            lifetime_s = fetched.expires_s - self._world.now_s()
            lead_s = min(max(_LEAD_SHARE * lifetime_s, _LEAD_S), _MAX_LEAD_SHARE * lifetime_s)
            rest_s = max(_SOONEST_S, lifetime_s - lead_s)
        return rest_s * (1 - _JITTER * self._world.chance())

    def _backoff_s(self, failures: int) -> float:
        base_s = min(_MAX_BACKOFF_S, _FIRST_BACKOFF_S * 2.0 ** min(failures, _MAX_DOUBLINGS))
        return base_s * (1 - _JITTER * self._world.chance())
