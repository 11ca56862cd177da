"""A request, in order: identify, admit, cache, route, call, relay, settle.

Invariant: what was admitted is settled exactly once, in one `finally`, whatever happens in between.
"""

from __future__ import annotations

import asyncio
import logging
import time
from typing import TYPE_CHECKING, NamedTuple, Protocol, cast

from headgate.admission.keys import allows
from headgate.admission.limits import refusal
from headgate.cache.memory import CONTROL_HEADER, NO_WISH, TTL_HEADER, MemoryCache, Wish, read_wish
from headgate.core import PanicException, Tokenizer, read_error, retry_after_s
from headgate.edge.limits import EdgeError
from headgate.errors import Failure, RequestError
from headgate.exchange import Endpoint, Exchange
from headgate.providers.own import OwnAnswer, count, echo
from headgate.relay.stream import StreamRelay
from headgate.routing.failover import caller_status, failure_of
from headgate.upstream.connection import CAPTURE, CHUNKED, FAILED, GOOD
from headgate.upstream.request import forwarded

if TYPE_CHECKING:
    from headgate.config.runtime import Provider
    from headgate.core import Ticket
    from headgate.deadlines import Deadlines
    from headgate.plan import Plan, Step
    from headgate.policy import Policy
    from headgate.settle.settler import Settler
    from headgate.upstream.connection import Connection
    from headgate.upstream.pool import Pool


_log = logging.getLogger(__name__)
_BODY_FAILURES = {
    408: Failure.REQUEST_TIMEOUT,
    413: Failure.BODY_TOO_LARGE,
    503: Failure.OVERLOADED,
}
JUDGED = GOOD | FAILED
_MAX_WAIT_S = 1_000_000
INTERNAL_MESSAGE = "Something went wrong inside the gateway."


class Ask(Protocol):
    """A request as the edge gives it."""

    received_ns: int
    chunked: bool
    request_id: str
    authorization: bytes | None
    whole: bytes | None
    special: bool
    vendor: bool

    def get_first_header(self, name: bytes) -> bytes | None:
        """The first value of a header."""

    def header_pairs(self) -> list[tuple[bytes, bytes]]:
        """All headers, names in lower case."""

    async def body(self) -> bytes:
        """The whole body."""


Answer = tuple[bytes, bytes, StreamRelay | None]
"""What goes back: header lines, and either a whole body or a relay."""


class Services(NamedTuple):
    """What a pipeline works with; made once per process by the composition root."""

    pool: Pool
    cache: MemoryCache
    deadlines: Deadlines
    tokenizer: Tokenizer
    settler: Settler


class Pipeline:
    """The way of every model request through one worker."""

    __slots__ = ("_cached", "_loop", "_policy", "_services", "_tasks")

    def __init__(self, services: Services, policy: Policy) -> None:
        self._services = services
        self._policy = policy
        self._cached = services.cache.enabled
        self._loop = asyncio.get_running_loop()
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def policy(self) -> Policy:
        """The policy that new requests get."""
        return self._policy

    def models(self, authorization: bytes | None) -> list[tuple[str, str]]:
        """Names and owners of the models that a key may use.

        Raises:
            RequestError: there is no such key.
        """
        key = self._policy.keys.identify(authorization, time.time())
        return [row for row in self._policy.routes.listed() if allows(key, row[0])]

    def apply(self, policy: Policy) -> None:
        """Serve new requests by another policy; those in flight end by theirs."""
        self._policy = policy

    async def serve(self, ask: Ask, endpoint: Endpoint, model: str | None = None) -> Answer:
        """Answer one request; `model` is the one that its path names.

        Raises:
            RequestError: it was refused or failed before anything was sent.
        """
        exchange = Exchange(endpoint, ask.request_id, ask.received_ns, chunked=ask.chunked)
        exchange.model = model
        relay: StreamRelay | None = None
        settler = self._services.settler
        settler.in_flight += 1
        try:
            ticket, plan = self._take(
                exchange, ask, ask.whole if ask.whole is not None else await self._body(ask)
            )
            if ask.vendor:
                exchange.forward = forwarded(ask.header_pairs())
            wish = _wish(ask) if ask.special else NO_WISH
            if self._cached:
                answer = self._from_cache(exchange, plan, wish)
                if answer is not None:
                    return answer
            exchange.total_at = self._loop.time() + plan.route.timeouts.total_s
            if ticket.stream:
                relay = self._open(exchange, plan, wish)
                return await self._begun(exchange, relay)
            return self._whole(exchange, await self._call(exchange, plan, None), wish)
        except BaseException as error:
            failure = self._failed(exchange, error, relay)
            if failure is error:
                raise
            raise failure from error
        finally:
            if relay is None:
                settler.settle(exchange)

    def _failed(self, exchange: Exchange, error: BaseException, relay: StreamRelay | None) -> BaseException:
        """What the caller is told of whatever went wrong, noted on the exchange."""
        if isinstance(error, RequestError):
            exchange.error = error
            if exchange.plan is not None:
                error.head += exchange.ticket.limit_lines()
            return error
        if isinstance(error, asyncio.CancelledError):
            exchange.error = RequestError(Failure.CLIENT_GONE, "The client left.")
            if relay is not None:
                relay.gone()
            return error
        exchange.error = broken = RequestError(Failure.INTERNAL, INTERNAL_MESSAGE)
        if isinstance(error, PanicException):
            self._services.settler.metrics.panics.add()
        elif not isinstance(error, Exception):
            return error
        _log.error("request %s failed", exchange.request_id, exc_info=error)
        return broken

    async def drain(self) -> None:
        """Wait until every stream is settled."""
        while self._tasks:
            await asyncio.wait(self._tasks)

    # --- identify and admit, cache

    async def _body(self, ask: Ask) -> bytes:
        """The body of a request whose key is good: nobody else's is waited for."""
        self._policy.keys.identify(ask.authorization, time.time())
        try:
            return await ask.body()
        except EdgeError as error:
            failure = _BODY_FAILURES.get(error.status, Failure.INVALID_REQUEST)
            wait = 1.0 if failure is Failure.OVERLOADED else None
            raise RequestError(
                failure, error.message, status=error.status, code=error.code, retry_after_s=wait
            ) from error

    def _take(self, exchange: Exchange, ask: Ask, body: bytes) -> tuple[Ticket, Plan]:
        """Identify and admit, at the desk."""
        policy, model = self._policy, exchange.model
        asked = exchange.endpoint.asked if model is None else (exchange.endpoint.number, model)
        started = (exchange.received_ns, time.monotonic_ns(), int(time.time() * 1000))
        ticket = policy.take(ask.authorization, body, asked, started)
        if ticket is None:
            ticket = policy.first(ask.authorization, body, asked, started)
        exchange.ticket = ticket
        exchange.plan = plan = policy.plans[ticket.plan]
        if ticket.refused is not None:
            raise refusal(ticket, plan.key)
        exchange.body = body
        return ticket, plan

    def _from_cache(self, exchange: Exchange, plan: Plan, wish: Wish) -> Answer | None:
        cache, ticket = self._services.cache, exchange.ticket
        key = cache.key(exchange, plan.key.name, wish)
        if key is None:
            return None
        exchange.cache_key = key
        exchange.cache = "miss"
        if wish.mode == b"refresh":
            return None
        now_ns = time.monotonic_ns()
        if ticket.stream:
            hit = cache.events(key, exchange, now_ns)
        else:
            hit = cache.answer(key, exchange.endpoint, now_ns)
        if hit is None:
            return None
        exchange.cache = "hit"
        payload, age_ns = hit
        head = ticket.head(b"", "hit", now_ns) + b"age: %d\r\n" % (age_ns // 1_000_000_000)
        if not ticket.stream:
            return head, payload, None
        relay = StreamRelay(self._loop.time, exchange.endpoint, chunked=exchange.chunked)
        relay.write(payload)
        relay.finish()
        return head, b"", relay

    # --- a whole answer

    def _whole(self, exchange: Exchange, upstream: Connection | OwnAnswer, wish: Wish) -> Answer:
        ticket, labels, now_ns = exchange.ticket, exchange.step.labels, time.monotonic_ns()
        if isinstance(upstream, OwnAnswer):
            ticket.answered(now_ns)
            ticket.tell(upstream.usage(), counted=False, first_token_ns=now_ns, learn=True)
            head, body = ticket.head(labels + upstream.note, exchange.cache, now_ns), upstream.answer
        else:
            head, body = ticket.whole(upstream.reader, labels, exchange.cache, now_ns)
            self._services.pool.keep(exchange.step.provider, upstream)
            if ticket.usage_source == "none":
                self._count(exchange, upstream, now_ns, learn=True)
        if exchange.cache_key is not None:
            self._keep(exchange, body, wish, stream=False)
        return head, body, None

    # --- a stream

    def _open(self, exchange: Exchange, plan: Plan, wish: Wish) -> StreamRelay:
        relay = StreamRelay(self._loop.time, exchange.endpoint, chunked=exchange.chunked)
        self._services.deadlines.add(relay)
        task = self._loop.create_task(self._pump(exchange, plan, relay, wish))
        relay.cancel = task.cancel
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return relay

    async def _begun(self, exchange: Exchange, relay: StreamRelay) -> Answer:
        error = await relay.begun
        if error is not None:
            raise error
        ticket = exchange.ticket
        served = exchange.step.labels if ticket.upstream_ns else b""
        return ticket.head(served, exchange.cache, time.monotonic_ns()), b"", relay

    async def _pump(self, exchange: Exchange, plan: Plan, relay: StreamRelay, wish: Wish) -> None:
        upstream: Connection | OwnAnswer | None = None
        try:
            upstream = await self._relay(exchange, plan, relay)
            if relay.gone_away:
                exchange.error = RequestError(Failure.CLIENT_GONE, "The client left.")
        except RequestError as error:
            exchange.error = error
            relay.fail(error)
        except asyncio.CancelledError:
            exchange.error = RequestError(Failure.CLIENT_GONE, "The client left.")
        except (Exception, PanicException) as error:  # noqa: BLE001  noted, told to the client, and counted
            self._failed(exchange, error, None)
            relay.fail(cast("RequestError", exchange.error))
        finally:
            self._services.deadlines.discard(relay)
            if upstream is not None:
                self._close_stream(exchange, upstream, wish, None)
            relay.finish()
            self._services.settler.settle(exchange)

    async def _relay(self, exchange: Exchange, plan: Plan, relay: StreamRelay) -> Connection | OwnAnswer:
        """Pass one target's stream on, the next one's if it breaks before its first content (RULINGS 16)."""
        while True:
            upstream = await self._call(exchange, plan, relay)
            exchange.ticket.answered(time.monotonic_ns())
            error = await relay.start(upstream)
            if error is None:
                return upstream
            if (
                upstream.first_token_ns
                or exchange.tried == len(plan.steps)
                or not error.failure.value.retryable
            ):
                self._close_stream(exchange, upstream, NO_WISH, error)
                raise error
            self._services.settler.attempt_failed(exchange, error)
            self._release(exchange, upstream)

    def _close_stream(
        self, exchange: Exchange, upstream: Connection | OwnAnswer, wish: Wish, error: RequestError | None
    ) -> None:
        exchange.error = exchange.error or error
        whole, usage = exchange.error is None, upstream.usage()
        if usage is not None:
            exchange.ticket.tell(usage, counted=False, first_token_ns=upstream.first_token_ns, learn=whole)
        elif not isinstance(upstream, OwnAnswer):
            self._count(exchange, upstream, upstream.first_token_ns, learn=whole)
        if exchange.cache_key is not None and whole:
            if isinstance(upstream, OwnAnswer):
                self._keep(exchange, upstream.answer, wish, stream=False)
            else:
                self._keep(exchange, upstream.reader.take_capture(), wish, stream=True)
        self._release(exchange, upstream)

    # --- route and call

    async def _call(
        self, exchange: Exchange, plan: Plan, relay: StreamRelay | None
    ) -> Connection | OwnAnswer:
        """The first target whose answer can be given, in the order of the route."""
        pool = self._services.pool
        for step in plan.steps[exchange.tried :]:
            exchange.tried += 1
            exchange.step = step
            exchange.ticket.attempt(time.monotonic_ns())
            try:
                own = self._own(exchange, step)
                if own is not None:
                    return own
                connection = pool.take_idle(step.provider) or await pool.connect(step, exchange.total_at)
                try:
                    await self._send(exchange, step, connection, relay)
                except BaseException:
                    pool.discard(connection)
                    raise
                if connection.reader.flags & JUDGED == GOOD:
                    return connection
                if not connection.judge():
                    connection = await self._again(exchange, step, connection, relay)
                if connection.reader.flags & GOOD:
                    return connection
                raise self._refused(connection, step.provider)
            except RequestError as error:
                if exchange.tried == len(plan.steps) or not error.failure.value.retryable:
                    raise
                self._services.settler.attempt_failed(exchange, error)
        raise RequestError(Failure.UPSTREAM_UNAVAILABLE, "No provider is left to ask.")

    async def _again(
        self, exchange: Exchange, step: Step, stale: Connection, relay: StreamRelay | None
    ) -> Connection:
        """A kept connection was closed before it answered: the same once more over a new one (RULINGS 21)."""
        reset = RequestError(Failure.UPSTREAM_RESET, "A kept connection was stale.")
        self._services.settler.attempt_failed(exchange, reset)
        exchange.ticket.attempt(time.monotonic_ns())
        pool = self._services.pool
        pool.discard(stale)
        connection = await pool.connect(step, exchange.total_at)
        try:
            await self._send(exchange, step, connection, relay)
        except BaseException:
            pool.discard(connection)
            raise
        connection.judge()
        return connection

    @staticmethod
    def _send(
        exchange: Exchange, step: Step, connection: Connection, relay: StreamRelay | None
    ) -> asyncio.Future[None]:
        """Send the request; the future resolves when its answer can be judged."""
        options = CHUNKED if exchange.chunked else 0
        if exchange.cache_key is not None:
            options |= CAPTURE
        target = step.target(exchange.endpoint)
        if target is None:
            raise _no_endpoint(exchange.endpoint, step.provider)
        request = connection.reader.begin(exchange.ticket, target, exchange.forward, options)
        if isinstance(request, tuple):
            raise _unreadable(request)
        sink = relay.early_sink if relay is not None else None
        return connection.begin(request, step, exchange.total_at, sink)

    def _refused(self, connection: Connection, provider: Provider) -> RequestError:
        """What an answer other than the wanted one means; the connection is taken back."""
        reader = connection.reader
        body = reader.take_body()
        failure = failure_of(reader.status)
        status = caller_status(failure, reader.status)
        told = read_error(body, reader.dialect)
        if reader.status == 200:
            message = f"The provider {provider.name!r} did not answer with a stream."
        elif failure is Failure.UPSTREAM_AUTH:
            message = f"The provider {provider.name!r} refused the gateway's credential ({reader.status})."
        else:
            message = told[0] if told else f"The provider {provider.name!r} answered {reader.status}."
        self._services.pool.keep(provider, connection)
        wait_s = _wait_s(reader.retry_after, body, reader.dialect)
        error = RequestError(failure, message, status=status, retry_after_s=wait_s)
        if told and failure is Failure.UPSTREAM_REFUSED:
            # The caller's fault, in the words that its own software may look for.
            _, kind, error.param, code = told
            error.type, error.code = kind or "invalid_request_error", code or error.code
        return error

    def _own(self, exchange: Exchange, step: Step) -> OwnAnswer | None:
        """What needs no provider: the echo model, and a count that the provider cannot make."""
        echoes = step.provider.kind == "echo"
        if exchange.endpoint.action == "count" and (echoes or step.target(exchange.endpoint) is None):
            return count(exchange, self._services.tokenizer)
        return echo(exchange, self._services.tokenizer) if echoes else None

    # --- small things

    def _count(self, exchange: Exchange, upstream: Connection, first_token_ns: int, *, learn: bool) -> None:
        """The provider told no usage: count it."""
        ticket, plan = exchange.ticket, cast("Plan", exchange.plan)
        prompt = ticket.count_prompt(self._services.tokenizer, plan.model)
        usage = (prompt, upstream.reader.count_text(), 0, 0)
        ticket.tell(usage, counted=True, first_token_ns=first_token_ns, learn=learn)

    def _release(self, exchange: Exchange, upstream: Connection | OwnAnswer) -> None:
        if not isinstance(upstream, OwnAnswer):
            self._services.pool.keep(exchange.step.provider, upstream)

    def _keep(self, exchange: Exchange, payload: bytes, wish: Wish, *, stream: bool) -> None:
        ttl_s = wish.ttl_s
        if ttl_s is None and exchange.plan is not None:
            ttl_s = exchange.plan.route.cache_ttl_s
        if exchange.cache_key is not None:
            self._services.cache.keep(
                exchange.cache_key, payload, time.monotonic_ns(), stream=stream, ttl_s=ttl_s
            )


def _wait_s(header: str | None, body: bytes, dialect: str) -> float | None:
    """Seconds that a provider asks to wait for, in its header or in its body."""
    told = retry_after_s(body, dialect) if header is None else None
    if header is not None and header.isdigit():
        told = float(header)
    return told if told is not None and told < _MAX_WAIT_S else None


def _unreadable(found: tuple[str, str | None, str]) -> RequestError:
    code, param, message = found
    if code == "no_credential":
        return RequestError(Failure.UPSTREAM_AUTH, message)
    return RequestError(Failure.INVALID_REQUEST, message, param=param, code=code)


def _no_endpoint(endpoint: Endpoint, provider: Provider) -> RequestError:
    what = endpoint.action if endpoint.action == "embeddings" else endpoint.label
    message = f"The provider {provider.name!r} has no {what}; ask for another model."
    return RequestError(Failure.INVALID_REQUEST, message, param="model")


def _wish(ask: Ask) -> Wish:
    return read_wish(ask.get_first_header(CONTROL_HEADER), ask.get_first_header(TTL_HEADER))
