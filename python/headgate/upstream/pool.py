"""Connections to each provider, kept while they live.

Invariant: a connection is in the idle list or lent, never both; what is not reusable is closed, not kept.
"""

from __future__ import annotations

import asyncio
import socket
from pathlib import Path
from typing import TYPE_CHECKING

from headgate.core import LedgerWorker, Reader, TlsClient, Tokenizer
from headgate.errors import Failure, RequestError
from headgate.upstream.connection import FAILED, READY, Connection
from headgate.upstream.outbox import Outbox
from headgate.upstream.resolver import Resolver

if TYPE_CHECKING:
    from headgate.config.runtime import Provider
    from headgate.deadlines import Deadlines
    from headgate.plan import Step

KEEP_S = 55.0
"""Idle seconds after which a connection is not trusted any more; common providers close after 60."""


class Pool:
    """The idle connections of one worker, by provider endpoint."""

    __slots__ = (
        "_deadlines",
        "_idle",
        "_ledger",
        "_loop",
        "_now",
        "_outbox",
        "_resolver",
        "_tls",
        "_tokenizer",
    )

    def __init__(
        self,
        ledger: LedgerWorker,
        tokenizer: Tokenizer,
        deadlines: Deadlines,
        loop: asyncio.AbstractEventLoop,
    ) -> None:
        self._ledger = ledger
        self._tokenizer = tokenizer
        self._deadlines = deadlines
        self._loop = loop
        self._now = loop.time
        self._outbox = Outbox(loop)
        self._resolver = Resolver(loop.time)
        self._idle: dict[str, list[Connection]] = {}
        self._tls: dict[str | None, TlsClient] = {}

    def take_idle(self, provider: Provider) -> Connection | None:
        """A kept connection, the most recently used first."""
        idle = self._idle.get(provider.name)
        while idle:
            connection = idle.pop()
            good = (
                self._now() - connection.idle_since < KEEP_S
                and connection.transport is not None
                and connection.reader.reusable
            )
            if connection.provider is not provider:
                # Lent while a reload changed the provider, it came back from the old address.
                good = good and connection.provider == provider
                connection.provider = provider
            if good:
                return connection
            self.discard(connection)
        return None

    async def connect(self, step: Step, total_at: float) -> Connection:
        """A new connection for `step`, each address of the host tried in turn, TLS included.

        Raises:
            RequestError: upstream_connect, or upstream_timeout when `connect_s` passed.
        """
        provider = step.provider
        connect_s = min(step.timeouts.connect_s, total_at - self._loop.time())
        if connect_s <= 0:
            message = "The provider was too slow: whole answer did not come in time."
            raise RequestError(Failure.UPSTREAM_TIMEOUT, message)
        try:
            async with asyncio.timeout(connect_s):
                return await self._connect_any(provider)
        except TimeoutError:
            message = f"No connection to the provider {provider.name!r} within {connect_s:.3g} s."
            raise RequestError(Failure.UPSTREAM_TIMEOUT, message) from None
        except OSError as error:
            self._resolver.forget(provider.host, provider.port)
            reason = error.strerror or type(error).__name__
            message = f"The provider {provider.name!r} cannot be reached: {reason}."
            raise RequestError(Failure.UPSTREAM_CONNECT, message) from error

    def keep(self, provider: Provider, connection: Connection) -> None:
        """Take a connection back after its answer; close it when it cannot serve again."""
        connection.sink = None
        if connection.transport is None:
            return
        if connection.reader.reusable:
            if connection.paused:
                connection.resume()
            connection.used = True
            connection.idle_since = self._now()
            idle = self._idle.get(provider.name)
            if idle is None:
                idle = self._idle[provider.name] = []
            idle.append(connection)
        elif connection.reader.trailing:
            connection.park(lambda: self.keep(provider, connection))
        else:
            self.discard(connection)

    def forget_provider(self, name: str) -> None:
        """Close what is kept for a provider that a reload changed or removed."""
        for connection in self._idle.pop(name, []):
            self.discard(connection)

    def discard(self, connection: Connection) -> None:
        """Close a connection for good."""
        connection.abort()

    def close(self) -> None:
        """Close all idle connections."""
        for idle in list(self._idle.values()):
            for connection in list(idle):
                self.discard(connection)
        self._idle.clear()

    def _forget(self, connection: Connection) -> None:
        self._deadlines.discard(connection)
        for idle in self._idle.values():
            if connection in idle:
                idle.remove(connection)

    async def _connect_any(self, provider: Provider) -> Connection:
        failed: OSError = OSError("the name has no address")
        for address in await self._resolver.addresses(provider.host, provider.port):
            try:
                return await self._connect_one(provider, address)
            except OSError as error:
                failed = error
        raise failed

    async def _connect_one(self, provider: Provider, address: str) -> Connection:
        tls = self._tls_client(provider) if provider.tls else None
        reader = Reader(self._ledger, self._tokenizer, tls, provider.host)
        connection = Connection(reader, self._loop, self._outbox, self._forget)
        connection.provider = provider
        transport, _ = await self._loop.create_connection(lambda: connection, address, provider.port)
        try:
            if provider.tls and not reader.flags & READY:
                await connection.handshake()
                if reader.flags & FAILED or not reader.flags & READY:
                    message = f"TLS with the provider {provider.name!r} failed: {reader.failure or 'closed'}."
                    raise RequestError(Failure.UPSTREAM_CONNECT, message)
        except BaseException:
            transport.abort()
            raise
        raw = transport.get_extra_info("socket")
        raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._deadlines.add(connection)
        return connection

    def _tls_client(self, provider: Provider) -> TlsClient:
        client = self._tls.get(provider.ca_file)
        if client is None:
            pem = Path(provider.ca_file).read_bytes() if provider.ca_file else None
            client = self._tls[provider.ca_file] = TlsClient(pem)
        return client
