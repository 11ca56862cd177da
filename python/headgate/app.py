"""The composition root: everything a worker serves with is built here and nowhere else.

Invariant: nothing outside this file constructs a room's objects; a reload swaps the policy and the names that
metrics may use, never a connection or a stream in flight.
"""

from __future__ import annotations

import asyncio
import sys
import time
from importlib.resources import files
from typing import TYPE_CHECKING

from blacksheep import Application, Request, Response, Router

from headgate.admission.limits import OutputMeans
from headgate.api import anthropic, gemini, health, models, ollama, openai
from headgate.api.answers import dialect_of, refuse, render_error
from headgate.cache.memory import MemoryCache
from headgate.core import PanicException, Tokenizer
from headgate.deadlines import Deadlines
from headgate.edge.limits import Limits
from headgate.errors import Failure, RequestError
from headgate.observe.access_log import AccessEntry, LineWriter, renderer
from headgate.observe.metrics import Bounds, Metrics
from headgate.pipeline import Pipeline, Services
from headgate.policy import Policy
from headgate.providers import models as vendor_models
from headgate.settle.settler import Books, Settler
from headgate.upstream.credentials import CredentialTable
from headgate.upstream.pool import Pool

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from headgate.config.runtime import Runtime, ServerSettings
    from headgate.core import Ledger
    from headgate.exchange import Exchange
    from headgate.settle.spool import Spool

SWEEP_S = 0.1
MAX_CONNECTIONS = 10_000


class WorkerApp:
    """One worker's application: the BlackSheep app and what stands behind it."""

    def __init__(self, runtime: Runtime, ledger: Ledger, worker: int, spool: Spool) -> None:
        """Must be called on the running loop that will serve."""
        loop = asyncio.get_running_loop()
        self.render_error = render_error
        self.panic_types: tuple[type[BaseException], ...] = (PanicException,)
        self.ledger = ledger.attach(worker)
        self.draining = False
        self._shared = ledger
        self._spool = spool
        self._deadlines = Deadlines(loop.time, SWEEP_S, on_tick=spool.flush)
        self._lines = (
            LineWriter(sys.stdout.fileno(), loop) if runtime.telemetry.access_log != "none" else None
        )
        books = Books(spool, ledger.segment_id, worker, self._logger(runtime))
        self.settler = Settler(books, self._metrics(runtime))
        tokenizer = load_tokenizer()
        vendor_models.load()
        self._pool = Pool(self.ledger, tokenizer, self._deadlines, loop)
        services = Services(
            pool=self._pool,
            cache=MemoryCache(runtime.cache, runtime.server.workers),
            deadlines=self._deadlines,
            tokenizer=tokenizer,
            settler=self.settler,
        )
        self._means = OutputMeans()
        self.credentials = CredentialTable()
        self.credentials.adopt(runtime.providers)
        self.pipeline = Pipeline(services, self._policy(runtime))
        self.application = Application(router=Router(), show_error_details=False)
        self._register()

    @property
    def limits(self) -> Limits:
        """The edge's limits under the current configuration."""
        return edge_limits(self.pipeline.policy.runtime.server)

    async def start(self) -> None:
        """Begin to sweep deadlines."""
        self._deadlines.start(asyncio.get_running_loop())

    def apply(self, runtime: Runtime) -> None:
        """Serve new requests by another runtime."""
        before = {provider.name: provider for provider in self.pipeline.policy.runtime.providers}
        after = {provider.name: provider for provider in runtime.providers}
        for name, provider in before.items():
            if after.get(name) != provider:
                self._pool.forget_provider(name)
        self.credentials.adopt(runtime.providers)
        self.pipeline.apply(self._policy(runtime))
        self.settler.metrics = self._metrics(runtime)

    def _policy(self, runtime: Runtime) -> Policy:
        books = (self.ledger, self._spool.page)
        return Policy(runtime, books, self._means, self.credentials.handle)

    async def stop(self) -> None:
        """Settle what is left and close what is open; the edge was drained before."""
        await self.pipeline.drain()
        self._deadlines.stop()
        self._pool.close()
        if self._lines is not None:
            self._lines.close()

    def _register(self) -> None:
        for dialect in (openai, anthropic, gemini, ollama, models):
            dialect.register(self.application, self.pipeline)
        health.register(self.application, self._not_ready)
        self.application.router.fallback = _unknown_path(self.application)

    def _not_ready(self) -> str | None:
        if self.draining:
            return "draining"
        return None if self.pipeline.policy.routes.usable() else "no usable route"

    def _metrics(self, runtime: Runtime) -> Metrics:
        models = frozenset(route.alias for route in runtime.routes) | frozenset(
            target.model for route in runtime.routes for target in route.targets if target.model
        )
        providers = frozenset(provider.name for provider in runtime.providers)
        return Metrics(self._shared, Bounds(models, providers))

    def _logger(self, runtime: Runtime) -> Callable[[Exchange, int], None] | None:
        render, lines = renderer(runtime.telemetry.access_log), self._lines
        if render is None or lines is None:
            return None
        return lambda exchange, now_ns: lines.add(render(access_entry(exchange, now_ns)))


def build(runtime: Runtime, ledger: Ledger, worker: int, spool: Spool) -> WorkerApp:
    """The application of worker number `worker`."""
    return WorkerApp(runtime, ledger, worker, spool)


def load_tokenizer() -> Tokenizer:
    """The tokenizer over the rank tables that came with the package."""
    data = files("headgate") / "data"
    return Tokenizer(str(data / "o200k.ranks"), str(data / "cl100k.ranks"))


def edge_limits(server: ServerSettings) -> Limits:
    """The configured bounds of the data-plane listener."""
    return Limits(
        max_body_bytes=server.max_body_bytes,
        max_bodies_bytes=max(8 * server.max_body_bytes, Limits().max_bodies_bytes),
        header_timeout_s=server.header_timeout_s,
        body_timeout_s=server.body_timeout_s,
        idle_timeout_s=server.idle_timeout_s,
        max_connections=MAX_CONNECTIONS,
    )


def access_entry(exchange: Exchange, now_ns: int) -> AccessEntry:
    """What the access log says of an exchange."""
    ticket = exchange.ticket if exchange.plan is not None else None
    prompt, completion, _, _ = ticket.usage if ticket else (0, 0, 0, 0)
    first_ns = ticket.first_token_ns if ticket else 0
    return AccessEntry(
        time_unix_ms=int(time.time() * 1000),
        request_id=exchange.request_id,
        method="POST",
        path=exchange.endpoint.path,
        status=exchange.status,
        duration_ms=(now_ns - exchange.received_ns) / 1e6,
        overhead_ms=ticket.overhead_ns / 1e6 if ticket and ticket.overhead_ns else None,
        ttft_ms=(first_ns - exchange.received_ns) / 1e6 if first_ns else None,
        endpoint=exchange.endpoint.label,
        key=exchange.plan.key.name if exchange.plan else None,
        model=exchange.plan.model if exchange.plan else None,
        provider=exchange.step.provider.name if exchange.tried else None,
        attempts=ticket.attempts if ticket else 0,
        cache=exchange.cache,
        prompt_tokens=prompt,
        completion_tokens=completion,
        error=exchange.error.code if exchange.error else None,
    )


def _unknown_path(application: Application) -> Callable[[Request], Awaitable[Response]]:
    async def unknown(request: Request) -> Response:
        path = request.path.encode()
        dialect = dialect_of(path, request.get_first_header)
        routes = application.router.routes
        known = [
            method.decode() for method in routes if any(route.match_by_path(path) for route in routes[method])
        ]
        if known:
            message = f"{request.path} takes {' or '.join(known)}, not {request.method}."
            return refuse(RequestError(Failure.METHOD_NOT_ALLOWED, message), dialect)
        message = f"There is nothing at {request.path}. See the documentation for the endpoints."
        return refuse(RequestError(Failure.NOT_FOUND, message), dialect)

    return unknown
