"""A request, in order: identify, admit, cache, route, call, relay, settle.

Invariant: what was admitted is settled exactly once, in one `finally`, whatever happens in between.
"""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, NamedTuple, Protocol

from headgate.admission.limits import OutputMeans, refusal
from headgate.cache.memory import CONTROL_HEADER, NO_WISH, TTL_HEADER, MemoryCache, Wish, read_wish
from headgate.core import PanicException, Tokenizer, answer_head, read_error, scan
from headgate.edge.limits import EdgeError
from headgate.errors import Failure, RequestError
from headgate.exchange import Endpoint, Exchange
from headgate.providers.echo import EchoAnswer
from headgate.relay.stream import StreamRelay
from headgate.routing.failover import caller_status, failure_of
from headgate.upstream.call import CAPTURE, CHUNKED, STREAM, WANTS_USAGE, Call, send
from headgate.upstream.request import forwarded

if TYPE_CHECKING:
    from headgate.config.runtime import Provider
    from headgate.core import Admission, LedgerWorker, Scan
    from headgate.edge.deadlines import Deadlines
    from headgate.policy import Plan, Policy, Step
    from headgate.settle.settler import Settler
    from headgate.upstream.connection import Connection
    from headgate.upstream.pool import Pool


class Headers(Protocol):
    """The headers of a request, names in lower case."""

    values: list[tuple[bytes, bytes]]


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

    @property
    def headers(self) -> Headers:
        """All headers, names in lower case."""

    async def body(self) -> bytes:
        """The whole body."""


class Answer(NamedTuple):
    """What goes back: header lines and either a whole body or a relay."""

    head: bytes
    body: bytes
    relay: StreamRelay | None


class Services(NamedTuple):
    """What a pipeline works with; made once per process by the composition root."""

    ledger: LedgerWorker
    pool: Pool
    cache: MemoryCache
    deadlines: Deadlines
    tokenizer: Tokenizer
    settler: Settler


class Pipeline:
    """The way of every model request through one worker."""

    __slots__ = ("_loop", "_means", "_policy", "_services", "_tasks")

    def __init__(self, services: Services, policy: Policy) -> None:
        self._services = services
        self._policy = policy
        self._means = OutputMeans()
        self._loop = asyncio.get_running_loop()
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def policy(self) -> Policy:
        """The policy that new requests get."""
        return self._policy

    def apply(self, policy: Policy) -> None:
        """Serve new requests by another policy; those in flight end by theirs."""
        self._policy = policy

    async def serve(self, ask: Ask, endpoint: Endpoint) -> Answer:
        """Answer one request.

        Raises:
            RequestError: it was refused or failed before anything was sent.
        """
        policy = self._policy
        exchange = Exchange(endpoint, ask.request_id, ask.received_ns, int(time.time() * 1000))
        exchange.work_ns = time.monotonic_ns()
        exchange.chunked = ask.chunked
        relay: StreamRelay | None = None
        self._services.settler.begin()
        try:
            exchange.key = key = policy.keys.identify(ask.authorization, exchange.started_ms / 1000)
            exchange.body = body = ask.whole or await _body(ask)
            found = scan(body, endpoint)
            if isinstance(found, tuple):
                raise _unreadable(found)
            exchange.scan = found
            plan = policy.plan(key, found.model)
            exchange.route = plan.route
            wish = NO_WISH if not ask.special else _wish(ask)
            if ask.vendor:
                exchange.forward = forwarded(ask.headers.values)
            self._admit(plan, exchange, found)
            answer = self._from_cache(exchange, wish)
            if answer is not None:
                return answer
            if not found.stream:
                return await self._whole(plan, exchange, wish)
            relay = self._open(plan, exchange, wish)
            return await self._begun(exchange, relay)
        except RequestError as error:
            exchange.error = error
            error.head += exchange.admission.headers() if exchange.admission is not None else b""
            raise
        except asyncio.CancelledError:
            exchange.error = RequestError(Failure.CLIENT_GONE, "The client left.")
            if relay is not None:
                relay.gone()
            raise
        except PanicException as panic:
            self._services.settler.metrics.panics.add()
            exchange.error = RequestError(Failure.INTERNAL, "Something went wrong inside the gateway.")
            raise exchange.error from panic
        except BaseException:
            exchange.error = RequestError(Failure.INTERNAL, "Something went wrong inside the gateway.")
            raise
        finally:
            if relay is None:
                self._services.settler.settle(exchange)

    async def drain(self) -> None:
        """Wait until every stream is settled."""
        while self._tasks:
            await asyncio.wait(self._tasks)

    # --- identify, admit, cache

    def _admit(self, plan: Plan, exchange: Exchange, found: Scan) -> None:
        key = plan.key
        maximum = 0 if exchange.endpoint is Endpoint.EMBEDDINGS else found.max_output_tokens
        reserve = self._means.reserve(found.estimate_tokens, maximum, plan.route.alias, key.tpm)
        now_ns = time.monotonic_ns()
        exchange.admission = admission = self._services.ledger.admit(
            key.account, plan.limits, reserve, now_ns, exchange.started_ms
        )
        if admission.refused is not None:
            raise refusal(admission, key)
        exchange.admitted_ns = now_ns

    def _from_cache(self, exchange: Exchange, wish: Wish) -> Answer | None:
        cache, found = self._services.cache, _scan(exchange)
        key = exchange.key
        assert key is not None
        exchange.cache_key = cache.key(exchange.body, found, exchange.endpoint, key.name, wish)
        if exchange.cache_key is None:
            return None
        exchange.cache = "miss"
        if wish.mode == b"refresh":
            return None
        now_ns = time.monotonic_ns()
        if found.stream:
            hit = cache.events(exchange.cache_key, found, now_ns, chunked=exchange.chunked)
        else:
            hit = cache.answer(exchange.cache_key, now_ns)
        if hit is None:
            return None
        exchange.cache = "hit"
        payload, age_ns = hit
        head = self._head(exchange, b"") + b"age: %d\r\n" % (age_ns // 1_000_000_000)
        if not found.stream:
            return Answer(head, payload, None)
        relay = StreamRelay(self._loop.time, chunked=exchange.chunked)
        relay.write(payload)
        relay.finish()
        return Answer(head, b"", relay)

    # --- a whole answer

    async def _whole(self, plan: Plan, exchange: Exchange, wish: Wish) -> Answer:
        upstream = await self._call(plan, exchange, None)
        body = upstream.take_body()
        exchange.upstream_ns = time.monotonic_ns() - exchange.sent_ns
        exchange.first_token_ns = exchange.sent_ns + exchange.upstream_ns
        self._take_usage(exchange, upstream)
        head = self._head(exchange, exchange.labels + upstream.pass_head())
        self._release(exchange, upstream)
        if exchange.cache_key is not None:
            self._keep(exchange, body, wish, stream=False)
        return Answer(head, body, None)

    # --- a stream

    def _open(self, plan: Plan, exchange: Exchange, wish: Wish) -> StreamRelay:
        relay = StreamRelay(self._loop.time, chunked=exchange.chunked)
        self._services.deadlines.add(relay)
        task = self._loop.create_task(self._pump(plan, exchange, relay, wish))
        relay.cancel = task.cancel
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return relay

    async def _begun(self, exchange: Exchange, relay: StreamRelay) -> Answer:
        error = await relay.begun
        if error is not None:
            raise error
        head = self._head(exchange, exchange.labels if exchange.upstream_ns else b"")
        return Answer(head, b"", relay)

    async def _pump(self, plan: Plan, exchange: Exchange, relay: StreamRelay, wish: Wish) -> None:
        upstream: Connection | EchoAnswer | None = None
        try:
            upstream = await self._call(plan, exchange, relay)
            exchange.upstream_ns = time.monotonic_ns() - exchange.sent_ns
            error = await relay.start(upstream)
            if error is not None:
                raise error
            if relay.gone_away:
                exchange.error = RequestError(Failure.CLIENT_GONE, "The client left.")
        except RequestError as error:
            exchange.error = error
            relay.fail(error)
        except asyncio.CancelledError:
            exchange.error = RequestError(Failure.CLIENT_GONE, "The client left.")
        finally:
            self._services.deadlines.discard(relay)
            self._close_stream(exchange, upstream, relay, wish)
            self._services.settler.settle(exchange)

    def _close_stream(
        self, exchange: Exchange, upstream: Connection | EchoAnswer | None, relay: StreamRelay, wish: Wish
    ) -> None:
        if upstream is None:
            return
        exchange.first_token_ns = upstream.first_token_ns
        self._take_usage(exchange, upstream)
        if exchange.cache_key is not None and exchange.error is None and not isinstance(upstream, EchoAnswer):
            self._keep(exchange, upstream.reader.take_capture(), wish, stream=True)
        self._release(exchange, upstream)
        relay.finish()

    # --- route and call

    async def _call(self, plan: Plan, exchange: Exchange, relay: StreamRelay | None) -> Connection | EchoAnswer:
        """The first target whose answer can be given, in the order of the route."""
        total_at = self._loop.time() + plan.route.timeouts.total_s
        left = len(plan.steps)
        for step in plan.steps:
            left -= 1
            exchange.provider = step.provider
            exchange.served_model = step.served_model
            exchange.labels = step.labels
            exchange.attempts += 1
            exchange.sent_ns = time.monotonic_ns()
            try:
                if step.provider.kind == "echo":
                    return self._echo(exchange)
                return await self._attempt(plan, step, exchange, relay, total_at)
            except RequestError as error:
                if not (left and error.failure.retryable):
                    raise
                self._services.settler.attempt_failed(exchange, error)
        raise RequestError(Failure.UPSTREAM_UNAVAILABLE, "No provider is left to ask.")

    async def _attempt(
        self, plan: Plan, step: Step, exchange: Exchange, relay: StreamRelay | None, total_at: float
    ) -> Connection:
        services, found, provider = self._services, _scan(exchange), step.provider
        slot = _admission(exchange).slot
        services.ledger.attempt(slot, exchange.attempts, 0)
        ask_usage = found.stream and provider.stream_usage and not found.include_usage
        body = exchange.body
        if ask_usage or step.model is not None:
            body = found.rewrite(body, step.model, ask_usage)
        request = b"%b%bcontent-length: %d\r\n\r\n%b" % (
            step.heads[exchange.endpoint], exchange.forward, len(body), body
        )
        call = Call(
            request, _options(exchange), step.served_model, slot, found.estimate_tokens, plan.route.timeouts, total_at
        )
        connection, stale = await send(services.pool, provider, call, relay.early_sink if relay else None)
        if stale:
            reset = RequestError(Failure.UPSTREAM_RESET, "A kept connection was stale.")
            services.settler.attempt_failed(exchange, reset)
            exchange.attempts += 1
            services.ledger.attempt(slot, exchange.attempts, 0)
        if connection.reader.status != 200 or (found.stream and not connection.reader.relaying):
            raise self._refused(connection, provider)
        return connection

    def _refused(self, connection: Connection, provider: Provider) -> RequestError:
        """What an answer other than the wanted one means; the connection is taken back."""
        reader = connection.reader
        body = reader.take_body()
        failure = failure_of(reader.status)
        status = caller_status(failure, reader.status)
        if reader.status == 200:
            message = f"The provider {provider.name!r} did not answer with a stream."
        elif failure is Failure.UPSTREAM_AUTH:
            message = f"The provider {provider.name!r} refused the gateway's credential ({reader.status})."
        else:
            message = read_error(body) or f"The provider {provider.name!r} answered {reader.status}."
        wait = reader.retry_after
        retry_after_s = float(wait) if wait is not None and wait.isdigit() and len(wait) < 7 else None
        self._services.pool.keep(provider, connection)
        return RequestError(failure, message, status=status, retry_after_s=retry_after_s)

    def _echo(self, exchange: Exchange) -> EchoAnswer:
        answer = EchoAnswer(exchange.body, _scan(exchange), exchange.endpoint, self._services.tokenizer)
        answer.frame(chunked=exchange.chunked)
        return answer

    # --- small things

    def _take_usage(self, exchange: Exchange, upstream: Connection | EchoAnswer) -> None:
        usage = upstream.usage()
        tokenizer, found = self._services.tokenizer, _scan(exchange)
        if usage is not None:
            exchange.usage, exchange.usage_source = usage, "provider"
        elif not isinstance(upstream, EchoAnswer):
            completion = upstream.reader.count_text()
            exchange.usage = (found.count(exchange.body, tokenizer), completion, 0, 0)
            exchange.usage_source = "counted"
        if exchange.route is not None and exchange.error is None:
            self._means.learn(exchange.route.alias, exchange.usage[1])

    def _release(self, exchange: Exchange, upstream: Connection | EchoAnswer) -> None:
        if not isinstance(upstream, EchoAnswer):
            self._services.pool.keep(_provider(exchange), upstream)

    def _keep(self, exchange: Exchange, payload: bytes, wish: Wish, *, stream: bool) -> None:
        assert exchange.cache_key is not None
        assert exchange.route is not None
        ttl_s = wish.ttl_s if wish.ttl_s is not None else exchange.route.cache_ttl_s
        self._services.cache.keep(exchange.cache_key, payload, time.monotonic_ns(), stream=stream, ttl_s=ttl_s)

    def _head(self, exchange: Exchange, served: bytes) -> bytes:
        received_ns, upstream_ns = exchange.received_ns, exchange.upstream_ns
        total_ns = time.monotonic_ns() - received_ns
        exchange.overhead_ns = total_ns - upstream_ns
        times = (total_ns, exchange.work_ns - received_ns, exchange.admitted_ns - exchange.work_ns, upstream_ns)
        return answer_head(_admission(exchange), served, exchange.cache, exchange.attempts, times)


def _options(exchange: Exchange) -> int:
    found = _scan(exchange)
    return (
        (STREAM if found.stream else 0)
        | (CHUNKED if exchange.chunked else 0)
        | (WANTS_USAGE if found.include_usage else 0)
        | (CAPTURE if exchange.cache_key is not None else 0)
    )


async def _body(ask: Ask) -> bytes:
    try:
        return await ask.body()
    except EdgeError as error:
        failure = Failure.BODY_TOO_LARGE if error.status == 413 else Failure.INVALID_REQUEST
        raise RequestError(failure, error.message, status=error.status, code=error.code) from error


def _unreadable(found: tuple[str, str | None, str]) -> RequestError:
    code, param, message = found
    return RequestError(Failure.INVALID_REQUEST, message, param=param, code=code)


def _wish(ask: Ask) -> Wish:
    return read_wish(ask.get_first_header(CONTROL_HEADER), ask.get_first_header(TTL_HEADER))


def _admission(exchange: Exchange) -> Admission:
    assert exchange.admission is not None
    return exchange.admission


def _scan(exchange: Exchange) -> Scan:
    assert exchange.scan is not None
    return exchange.scan


def _provider(exchange: Exchange) -> Provider:
    assert exchange.provider is not None
    return exchange.provider
