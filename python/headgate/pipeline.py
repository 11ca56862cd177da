"""A request, in order: identify, admit, cache, route, call, relay, settle.

Invariant: what was admitted is settled exactly once, in one `finally`, whatever happens in between.
"""

from __future__ import annotations

import asyncio
import logging
import time
from typing import TYPE_CHECKING, NamedTuple, Protocol, cast

from headgate.admission.keys import allows
from headgate.admission.limits import OutputMeans, refusal
from headgate.cache.memory import CONTROL_HEADER, NO_WISH, TTL_HEADER, MemoryCache, Wish, read_wish
from headgate.core import PanicException, Tokenizer, answer_head, read_error, scan
from headgate.edge.limits import EdgeError
from headgate.errors import Failure, RequestError
from headgate.exchange import EMBEDDINGS, Endpoint, Exchange
from headgate.providers.echo import EchoAnswer
from headgate.relay.stream import StreamRelay
from headgate.routing.failover import caller_status, failure_of
from headgate.upstream.call import CAPTURE, CHUNKED, STREAM, WANTS_USAGE, Call
from headgate.upstream.request import forwarded

if TYPE_CHECKING:
    from headgate.config.runtime import Provider
    from headgate.core import Admission, LedgerWorker, Scan
    from headgate.deadlines import Deadlines
    from headgate.plan import Plan, Step
    from headgate.policy import Policy
    from headgate.ports import Writer
    from headgate.settle.settler import Settler
    from headgate.upstream.connection import Connection
    from headgate.upstream.pool import Pool


_log = logging.getLogger(__name__)
_BODY_FAILURES = {
    408: Failure.REQUEST_TIMEOUT,
    413: Failure.BODY_TOO_LARGE,
    503: Failure.OVERLOADED,
}
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

    ledger: LedgerWorker
    pool: Pool
    cache: MemoryCache
    deadlines: Deadlines
    tokenizer: Tokenizer
    settler: Settler


class Pipeline:
    """The way of every model request through one worker."""

    __slots__ = ("_cached", "_loop", "_means", "_policy", "_services", "_tasks")

    def __init__(self, services: Services, policy: Policy) -> None:
        self._services = services
        self._policy = policy
        self._cached = services.cache.enabled
        self._means = OutputMeans()
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

    async def serve(self, ask: Ask, endpoint: Endpoint) -> Answer:
        """Answer one request.

        Raises:
            RequestError: it was refused or failed before anything was sent.
        """
        exchange = Exchange(endpoint, ask.request_id, ask.received_ns, int(time.time() * 1000))
        exchange.work_ns = time.monotonic_ns()
        exchange.chunked = ask.chunked
        relay: StreamRelay | None = None
        settler = self._services.settler
        settler.in_flight += 1
        try:
            policy = self._policy
            key = policy.keys.identify(ask.authorization, exchange.started_ms / 1000)
            exchange.body = body = ask.whole or await _body(ask)
            found = scan(body, endpoint.number)
            if isinstance(found, tuple):
                raise _unreadable(found)
            exchange.scan = found
            exchange.plan = plan = policy.plan(key, found.model)
            if ask.vendor:
                exchange.forward = forwarded(ask.header_pairs())
            wish = _wish(ask) if ask.special else NO_WISH
            self._admit(exchange, plan, found)
            if self._cached:
                answer = self._from_cache(exchange, plan, found, wish)
                if answer is not None:
                    return answer
            exchange.total_at = self._loop.time() + plan.route.timeouts.total_s
            if found.stream:
                relay = self._open(exchange, plan, found, wish)
                return await self._begun(exchange, relay)
            return self._whole(exchange, await self._call(exchange, plan, found, None), wish)
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
            if exchange.admission is not None:
                error.head += exchange.admission.headers()
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

    # --- admit, cache

    def _admit(self, exchange: Exchange, plan: Plan, found: Scan) -> None:
        key = plan.key
        maximum = 0 if exchange.endpoint is EMBEDDINGS else found.max_output_tokens
        if maximum is not None:
            reserve = found.estimate_tokens + maximum
        else:
            reserve = self._means.reserve(found.estimate_tokens, plan.route.alias, key.tpm)
        now_ns = time.monotonic_ns()
        admission = self._services.ledger.admit(
            key.account, plan.limits, reserve, now_ns, exchange.started_ms
        )
        exchange.admission = admission
        if admission.refused is not None:
            raise refusal(admission, key)
        exchange.admitted_ns = now_ns

    def _from_cache(self, exchange: Exchange, plan: Plan, found: Scan, wish: Wish) -> Answer | None:
        cache = self._services.cache
        key = cache.key(exchange.body, found, exchange.endpoint.number, plan.key.name, wish)
        if key is None:
            return None
        exchange.cache_key = key
        exchange.cache = "miss"
        if wish.mode == b"refresh":
            return None
        now_ns = time.monotonic_ns()
        if found.stream:
            hit = cache.events(key, found, now_ns, chunked=exchange.chunked)
        else:
            hit = cache.answer(key, now_ns)
        if hit is None:
            return None
        exchange.cache = "hit"
        payload, age_ns = hit
        head = self._head(exchange, b"") + b"age: %d\r\n" % (age_ns // 1_000_000_000)
        if not found.stream:
            return head, payload, None
        relay = StreamRelay(self._loop.time, chunked=exchange.chunked)
        relay.write(payload)
        relay.finish()
        return head, b"", relay

    # --- a whole answer

    def _whole(self, exchange: Exchange, upstream: Connection | EchoAnswer, wish: Wish) -> Answer:
        body, passed, usage = upstream.take_answer()
        exchange.first_token_ns = now_ns = time.monotonic_ns()
        exchange.upstream_ns = now_ns - exchange.sent_ns
        self._take_usage(exchange, upstream, usage)
        head = self._head(exchange, cast("Step", exchange.step).labels + passed)
        self._release(exchange, upstream)
        if exchange.cache_key is not None:
            self._keep(exchange, body, wish, stream=False)
        return head, body, None

    # --- a stream

    def _open(self, exchange: Exchange, plan: Plan, found: Scan, wish: Wish) -> StreamRelay:
        relay = StreamRelay(self._loop.time, chunked=exchange.chunked)
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
        served = b""
        if exchange.upstream_ns and exchange.step is not None:
            served = exchange.step.labels
        return self._head(exchange, served), b"", relay

    async def _pump(self, exchange: Exchange, plan: Plan, relay: StreamRelay, wish: Wish) -> None:
        upstream: Connection | EchoAnswer | None = None
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

    async def _relay(self, exchange: Exchange, plan: Plan, relay: StreamRelay) -> Connection | EchoAnswer:
        """Pass one target's stream on, the next one's if it breaks before its first content (RULINGS 16)."""
        while True:
            upstream = await self._call(exchange, plan, cast("Scan", exchange.scan), relay)
            exchange.upstream_ns = time.monotonic_ns() - exchange.sent_ns
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
        self, exchange: Exchange, upstream: Connection | EchoAnswer, wish: Wish, error: RequestError | None
    ) -> None:
        exchange.error = exchange.error or error
        exchange.first_token_ns = upstream.first_token_ns
        self._take_usage(exchange, upstream, upstream.usage())
        if exchange.cache_key is not None and exchange.error is None:
            if isinstance(upstream, EchoAnswer):
                self._keep(exchange, upstream.take_answer()[0], wish, stream=False)
            else:
                self._keep(exchange, upstream.reader.take_capture(), wish, stream=True)
        self._release(exchange, upstream)

    # --- route and call

    async def _call(
        self, exchange: Exchange, plan: Plan, found: Scan, relay: StreamRelay | None
    ) -> Connection | EchoAnswer:
        """The first target whose answer can be given, in the order of the route."""
        for step in plan.steps[exchange.tried :]:
            exchange.tried += 1
            exchange.step = step
            exchange.attempts += 1
            exchange.sent_ns = time.monotonic_ns()
            try:
                if step.provider.kind == "echo":
                    return self._echo(exchange, found)
                call = self._prepare(exchange, step, found)
                sink = relay.early_sink if relay is not None else None
                connection = await self._exchange(exchange, step, call, sink)
                reader = connection.reader
                if reader.status == 200 and (not found.stream or reader.relaying):
                    return connection
                raise self._refused(connection, step.provider)
            except RequestError as error:
                if exchange.tried == len(plan.steps) or not error.failure.value.retryable:
                    raise
                self._services.settler.attempt_failed(exchange, error)
        raise RequestError(Failure.UPSTREAM_UNAVAILABLE, "No provider is left to ask.")

    def _prepare(self, exchange: Exchange, step: Step, found: Scan) -> Call:
        """The request for one target, in bytes, with the journal told of the attempt."""
        slot = cast("Admission", exchange.admission).slot
        self._services.ledger.attempt(slot, exchange.attempts, 0)
        body, stream = exchange.body, found.stream
        ask_usage = stream and step.provider.stream_usage and not found.include_usage
        if ask_usage or step.model is not None:
            body = found.rewrite(body, step.model, ask_usage)
        head = step.heads[exchange.endpoint]
        request = b"%b%bcontent-length: %d\r\n\r\n%b" % (head, exchange.forward, len(body), body)
        options = STREAM if stream else 0
        if stream and exchange.chunked:
            options |= CHUNKED
        if found.include_usage:
            options |= WANTS_USAGE
        if exchange.cache_key is not None:
            options |= CAPTURE
        journal = (slot, found.estimate_tokens)
        return Call(request, options, step.served_model, journal, step.timeouts, exchange.total_at)

    async def _exchange(self, exchange: Exchange, step: Step, call: Call, sink: Writer | None) -> Connection:
        """One attempt over a kept or a new connection; closed when the caller leaves meanwhile."""
        pool = self._services.pool
        connection = pool.take_idle(step.provider) or await pool.connect(step.provider, call)
        try:
            await connection.begin(call, sink)
            if connection.judge():
                return connection
            self._count_stale(exchange)
            pool.discard(connection)
            connection = await pool.connect(step.provider, call)
            await connection.begin(call, sink)
            connection.judge()
        except BaseException:
            pool.discard(connection)
            raise
        return connection

    def _count_stale(self, exchange: Exchange) -> None:
        """A kept connection was closed before it answered: the same once more (RULINGS 21)."""
        services = self._services
        reset = RequestError(Failure.UPSTREAM_RESET, "A kept connection was stale.")
        services.settler.attempt_failed(exchange, reset)
        exchange.attempts += 1
        services.ledger.attempt(cast("Admission", exchange.admission).slot, exchange.attempts, 0)

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

    def _echo(self, exchange: Exchange, found: Scan) -> EchoAnswer:
        tokenizer = self._services.tokenizer
        return EchoAnswer(exchange.body, found, exchange.endpoint, tokenizer, chunked=exchange.chunked)

    # --- small things

    def _take_usage(
        self, exchange: Exchange, upstream: Connection | EchoAnswer, usage: tuple[int, int, int, int] | None
    ) -> None:
        if usage is not None:
            exchange.usage, exchange.usage_source = usage, "provider"
        elif not isinstance(upstream, EchoAnswer):
            prompt = cast("Scan", exchange.scan).count(exchange.body, self._services.tokenizer)
            exchange.usage = (prompt, upstream.reader.count_text(), 0, 0)
            exchange.usage_source = "counted"
        found, plan = exchange.scan, exchange.plan
        if (
            plan is not None
            and found is not None
            and found.max_output_tokens is None
            and exchange.error is None
        ):
            self._means.learn(plan.route.alias, exchange.usage[1])

    def _release(self, exchange: Exchange, upstream: Connection | EchoAnswer) -> None:
        if not isinstance(upstream, EchoAnswer):
            self._services.pool.keep(cast("Step", exchange.step).provider, upstream)

    def _keep(self, exchange: Exchange, payload: bytes, wish: Wish, *, stream: bool) -> None:
        ttl_s = wish.ttl_s
        if ttl_s is None and exchange.plan is not None:
            ttl_s = exchange.plan.route.cache_ttl_s
        if exchange.cache_key is not None:
            self._services.cache.keep(
                exchange.cache_key, payload, time.monotonic_ns(), stream=stream, ttl_s=ttl_s
            )

    def _head(self, exchange: Exchange, served: bytes) -> bytes:
        received_ns, upstream_ns = exchange.received_ns, exchange.upstream_ns
        total_ns = time.monotonic_ns() - received_ns
        exchange.overhead_ns = total_ns - upstream_ns
        times = (
            total_ns,
            exchange.work_ns - received_ns,
            exchange.admitted_ns - exchange.work_ns,
            upstream_ns,
        )
        return answer_head(
            cast("Admission", exchange.admission), served, exchange.cache, exchange.attempts, times
        )


async def _body(ask: Ask) -> bytes:
    try:
        return await ask.body()
    except EdgeError as error:
        failure = _BODY_FAILURES.get(error.status, Failure.INVALID_REQUEST)
        wait = 1.0 if failure is Failure.OVERLOADED else None
        raise RequestError(
            failure, error.message, status=error.status, code=error.code, retry_after_s=wait
        ) from error


def _unreadable(found: tuple[str, str | None, str]) -> RequestError:
    code, param, message = found
    return RequestError(Failure.INVALID_REQUEST, message, param=param, code=code)


def _wish(ask: Ask) -> Wish:
    return read_wish(ask.get_first_header(CONTROL_HEADER), ask.get_first_header(TTL_HEADER))
