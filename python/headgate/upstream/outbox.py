"""Requests that begin in one turn of the loop go out together, at its end.

A write between two pieces of our own work costs more than itself: the kernel's code takes the caches from
ours, and the provider's side is woken for each. Together they save 5 µs a request (decision 009).
Invariant: every request that was put is written once, in order, unless its connection was closed before.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import asyncio


class Sender(Protocol):
    """Whose request it is."""

    transport: asyncio.Transport | None


class Outbox:
    """What one worker sends to its providers in this turn."""

    __slots__ = ("_loop", "_waiting")

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._waiting: list[tuple[Sender, bytes]] = []

    def put(self, sender: Sender, request: bytes) -> None:
        """Write `request` to the sender's transport at the end of the turn."""
        if not self._waiting:
            self._loop.call_soon(self._send)
        self._waiting.append((sender, request))

    def _send(self) -> None:
        waiting, self._waiting = self._waiting, []
        for sender, request in waiting:
            transport = sender.transport
            if transport is not None and not transport.is_closing():
                transport.write(request)
