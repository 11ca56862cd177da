"""Requests that begin in one turn of the loop go out together, at its end.

A write between two pieces of our own work costs more than itself: the kernel's code takes the caches from
ours, and the provider's side is woken for each. Together they save 5 µs a request (decision 009).
Invariant: whoever was put is told once, in order.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import asyncio


class Sender(Protocol):
    """Whose request it is: `unsent` is what waits, empty when it was sent before its turn's end."""

    unsent: bytes
    transport: asyncio.Transport | None


def send(sender: Sender) -> None:
    """Write the request that waits, if one does and its connection is open."""
    request, transport = sender.unsent, sender.transport
    if request:
        sender.unsent = b""
        if transport is not None and not transport.is_closing():
            transport.write(request)


class Outbox:
    """What one worker sends to its providers in this turn."""

    __slots__ = ("_loop", "_waiting")

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._waiting: list[Sender] = []

    def put(self, sender: Sender) -> None:
        """Write what `sender` has unsent at the end of the turn."""
        if not self._waiting:
            self._loop.call_soon(self._send)
        self._waiting.append(sender)

    def _send(self) -> None:
        waiting, self._waiting = self._waiting, []
        for sender in waiting:
            send(sender)
