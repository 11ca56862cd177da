"""The native module: bytes in, bytes and facts out.

Invariant: what crosses is bytes, str, int, float, bool, None, tuples of these and handles; no callback ever.
A refusal is a return value; an exception here is a bug or a mistaken configuration.
"""

from typing import Final, final

VERSION: Final[str]

class PanicException(BaseException):
    """The native core broke; answered with 500 and counted."""

def read_model(body: bytes, endpoint: int, model: str | None) -> str | tuple[str, str | None, str]:
    """The model that a request asks for, or (code, param, message) when the body cannot be served.

    `endpoint` is the number of one of `headgate.exchange`'s; `model` the one that the path names, which wins.
    """

@final
class OutputMean:
    """The mean of what a route produces; requests that give no maximum reserve it, and teach it."""

    def __new__(cls) -> OutputMean: ...

@final
class Desk:
    """Takes requests in: key, body, limits, in one call."""

    def __new__(
        cls,
        worker: LedgerWorker,
        keys: KeyTable,
        page: SpoolPage,
        holders: list[tuple[int, int, int, int, int]],
    ) -> Desk:
        """`page` gets the records of the tickets.

        `holders`, in the order of `keys`: account, rpm, tpm, requests at once, Unix ms at which it ends.
        """
    def learn(self, key: int, model: str, number: int, mean: OutputMean) -> None:
        """Plan `number` is for this key (its index) and this model from now on."""
    def forget(self) -> None:
        """Forget every plan."""
    def open(
        self,
        authorization: bytes | None,
        body: bytes,
        asked: tuple[int, str | None],
        started: tuple[int, int, int],
    ) -> Ticket | None:
        """A ticket, granted or refused by a limit; None when anything else is the matter, or no plan is known.

        `asked`: the endpoint's number, and the model where the path names it. `started`: received and begun (monotonic ns), begun (Unix ms).
        """

@final
class Ticket:
    """One request from its admission to its settling; borrowed from nothing."""

    @property
    def plan(self) -> int:
        """The number that `Desk.learn` gave its plan."""
    @property
    def refused(self) -> str | None:
        """None when granted, else rpm, tpm, concurrency, too_large or no_slot."""
    @property
    def retry_after_s(self) -> float: ...
    @property
    def stream(self) -> bool: ...
    @property
    def include_usage(self) -> bool: ...
    @property
    def deterministic(self) -> bool: ...
    @property
    def attempts(self) -> int: ...
    @property
    def usage(self) -> tuple[int, int, int, int]:
        """Prompt, completion, cached and reasoning tokens."""
    @property
    def usage_source(self) -> str:
        """none, provider or counted."""
    @property
    def upstream_ns(self) -> int: ...
    @property
    def overhead_ns(self) -> int: ...
    @property
    def first_token_ns(self) -> int: ...
    def limit_lines(self) -> bytes:
        """The `x-ratelimit-*` header lines."""
    def count_prompt(self, tokenizer: Tokenizer, model: str) -> int:
        """Exact prompt tokens; releases the GIL."""
    def attempt(self, now_ns: int) -> None:
        """Another attempt begins; the journal knows of it."""
    def answered(self, now_ns: int) -> None:
        """The attempt's answer can be judged: what the upstream took is known."""
    def tell(self, usage: tuple[int, int, int, int], counted: bool, first_token_ns: int, learn: bool) -> None:
        """What the request used; `learn`: the route's mean shall know."""
    def head(self, served: bytes, cache: str, now_ns: int) -> bytes:
        """The gateway's own header lines of an answer."""
    def whole(self, reader: Reader, served: bytes, cache: str, now_ns: int) -> tuple[bytes, bytes]:
        """Header lines and body of a whole answer; its usage, where it has one, is told."""
    def settle(self, kind: Kind, request_id: str, cache: str, now_ns: int) -> bytes | None:
        """Record the last attempt, settle with the ledger, count.

        Where the page has no room, nothing of this is done but the record, and that is given back.
        """
    def record_failed(self, kind: Kind, request_id: str, cache: str, now_ns: int) -> bytes:
        """The spool line of an attempt that another one follows: nothing was used."""
    def close(self, kind: Kind, now_ns: int) -> bool:
        """Settle with the ledger and count, the record being safe; False when the slot was closed before."""

@final
class SpoolPage:
    """The file that records go to, mapped; between two files there is none, and nothing is taken."""

    def __new__(cls) -> SpoolPage: ...
    def open(self, file: int, size_bytes: int) -> None:
        """Go on in the file of this descriptor, whose first `size_bytes` are allocated and zero."""
    def append(self, record: bytes) -> bool:
        """Whether there was room."""
    def close(self) -> int:
        """Let the file go; the bytes that are filled."""

@final
class Target:
    """Where a request goes, the same for all requests of one endpoint and model."""

    def __new__(
        cls,
        heads: tuple[bytes, bytes],
        model: str | None,
        manner: Manner,
        speech: tuple[str, str],
        credential: Credential | None,
    ) -> Target:
        """`heads` are the request's head but for its content-length, for a whole answer and for a stream.

        A version of the dialect in their last line gives way to one that the caller asks for.
        `model` replaces the one asked for; `speech` is the dialect that the provider is spoken to in, and who
        hosts it (direct, azure, vertex, bedrock); `credential` is for what no head can have beforehand.
        """

@final
class Manner:
    """How one model of one provider is to be spoken to."""

    def __new__(
        cls, model: str, max_output_tokens: int | None, traits: list[str], on_unsupported: str
    ) -> Manner:
        """`traits` are names of the catalogue; `on_unsupported` is drop, warn or reject."""
    @property
    def model(self) -> str: ...

def error_body(dialect: str, status: int, message: str, names: tuple[str, str | None, str | None]) -> bytes:
    """An error in a dialect's shape; `names` are OpenAI's type, the field to blame, and the code."""

def read_error(body: bytes, dialect: str) -> tuple[str, str | None, str | None, str | None] | None:
    """Message (secrets masked), type, param and code of a provider's error body; None when it has no message."""

def retry_after_s(body: bytes, dialect: str) -> float | None:
    """Seconds that a provider's error body asks to wait for, where its dialect says that there."""

def stream_error(endpoint: int, chunked: bool, begun: bool, message: str, names: tuple[str, str]) -> bytes:
    """The error that ends a broken stream, with the terminal chunk when `chunked`; `names` are type and code.

    `begun`: content was sent before.
    """

def keep_alive(chunked: bool) -> bytes:
    """The SSE comment that keeps a connection open."""

@final
class Kind:
    """What requests that ended the same way have in common: the labels of their records, and their series."""

    def __new__(
        cls,
        books: tuple[int, int],
        members: list[tuple[str, str]],
        ending: tuple[bool, int, str],
        meter: Meter,
    ) -> Kind:
        """`books`: segment id, worker. An empty member is null. `ending`: streamed, status, outcome."""
    def count(self, duration_ns: int) -> None:
        """Count a request that used nothing."""

def unframe(block: bytes) -> tuple[bytes, int, list[bytes]]:
    """(JSON lines, how many, lines that could not be read) of a spool's block of whole lines."""

@final
class Meter:
    """The series that one kind of request counts in."""

    def __init__(
        self,
        ledger: Ledger,
        counters: list[int],
        tokens: tuple[int, int, int, int],
        histograms: tuple[int, int, int],
    ) -> None:
        """`counters` get one each; `histograms` are duration, overhead, time to first token."""

@final
class HeadReader:
    """Cuts the heads of requests (RFC 9112), strictly: whatever two readers could read in two ways is refused."""

    def __new__(
        cls, max_header_bytes: int, max_headers: int, max_target_bytes: int, max_body_bytes: int
    ) -> HeadReader: ...
    def cut(
        self, data: bytes, start: int
    ) -> (
        tuple[
            int,
            str,
            bytes,
            bytes,
            list[tuple[bytes, bytes]],
            int,
            bool,
            bool,
            bool,
            bool,
            bool,
            str | None,
            bytes | None,
        ]
        | tuple[int, str, str]
        | None
    ):
        """The head that begins at `start`: its facts, or (status, code, message), or None while its end has not come.

        Facts: offset behind the head, method, path, query, fields with names in lower case, body length in bytes (-1
        for chunked), speaks HTTP/1.1, wants the connection kept, waits for 100 Continue, has an `x-headgate-*` field,
        has a vendor's field, its own request id where harmless, its first `authorization`.
        """

def request_id_tails(entropy: bytes) -> list[str]:
    """What follows the time in a UUIDv7 (RFC 9562, section 5.7), one for every 10 bytes of `entropy`."""

@final
class KeyTable:
    """SHA-256 digests of the API keys, in the order of the runtime's `keys`."""

    def __init__(self, digests: list[str]) -> None: ...
    def find(self, token: bytes) -> int:
        """Index of the key whose text is `token`; -1 when there is none."""

@final
class Limits:
    """What a key may use per minute and at once; 0 is unlimited."""

    def __init__(self, rpm: int, tpm: int, concurrency: int) -> None: ...

@final
class Admission:
    """The answer of `LedgerWorker.admit`: a journal slot, or why not."""

    @property
    def refused(self) -> str | None:
        """None when granted, else rpm, tpm, concurrency, too_large or no_slot."""
    @property
    def slot(self) -> int: ...
    @property
    def sequence(self) -> int: ...

@final
class LedgerShape:
    """Sizes of the segment's tables; another shape is another segment."""

    def __init__(
        self, workers: int, slots_per_worker: int, accounts: int, counters: int, histograms: int
    ) -> None: ...

@final
class Ledger:
    """The shared segment of a host: buckets, journals, metrics."""

    @staticmethod
    def create(path: str, boot: str, segment_id: int, shape: LedgerShape) -> Ledger: ...
    @staticmethod
    def open(path: str, boot: str, shape: LedgerShape | None) -> Ledger | None:
        """None when the file is missing, torn, or of another boot or shape: make a new one."""
    @property
    def segment_id(self) -> int: ...
    @property
    def recoveries(self) -> int:
        """How often a dead holder's lock was inherited."""
    def generation(self) -> int: ...
    def set_generation(self, generation: int) -> None: ...
    def attach(self, worker: int) -> LedgerWorker: ...
    def open_slots(self, worker: int) -> list[tuple[int, int, int, int, int, int, int, int, int]]:
        """(slot, sequence, account, attempt, target, started unix ms, reserved, prompt and completion tokens)."""
    def replay(self, worker: int, slot: int, used_tokens: int, now_ns: int) -> bool:
        """Settle a dead worker's slot; False when it was settled before."""
    def account(self, account: int) -> tuple[int, int, int, int]:
        """(in flight, tokens admitted, settled, released)."""
    def clear_gauges(self, worker: int) -> None: ...
    def reset_account(self, account: int) -> None: ...
    def counter(self, series: str) -> int: ...
    def histogram(self, series: str) -> int: ...
    def add(self, index: int, amount: int) -> None: ...
    def observe(self, index: int, value_ns: int) -> None: ...
    def counters(self) -> list[tuple[str, int]]: ...
    def histograms(self) -> list[tuple[str, int, int, list[tuple[float, int]]]]:
        """(series, count, sum ns, [(upper bound s, cumulative count)])."""
    def gauges(self, worker: int) -> tuple[int, int, int]: ...

@final
class LedgerWorker:
    """One process's place in the ledger."""

    def admit(
        self, account: int, limits: Limits, tokens: int, now_ns: int, started_unix_ms: int
    ) -> Admission: ...
    def attempt(self, slot: int, attempt: int, target: int) -> bool: ...
    def progress(self, slot: int, prompt_tokens: int, completion_tokens: int) -> bool: ...
    def settle(self, slot: int, used_tokens: int, now_ns: int) -> bool: ...
    def set_gauges(self, in_flight: int, generation: int, loop_lag_ns: int) -> None: ...

@final
class Credential:
    """What a cloud lets us in with; held, replaced in place, told to nobody but the upstream.

    Times are Unix milliseconds; `expires_ms` None is for good. The setters are False, and change nothing, for
    what a header cannot carry and for what the other kind holds.
    """

    @staticmethod
    def bearer() -> Credential:
        """Sent as `authorization: Bearer`."""

    @staticmethod
    def aws(region: str, service: str) -> Credential:
        """Signs each request (SigV4)."""

    def set_token(self, token: str, expires_ms: int | None) -> bool: ...
    def set_keys(
        self, access_key_id: str, secret_access_key: str, session_token: str | None, expires_ms: int | None
    ) -> bool: ...
    def clear(self) -> None: ...
    @property
    def ready(self) -> bool:
        """Whether something is held; its time may be over."""

@final
class TlsClient:
    """Roots and session cache for TLS to upstreams."""

    def __init__(self, ca_pem: bytes | None) -> None: ...

@final
class Reader:
    """One upstream connection, sans-IO: TLS, HTTP/1.1, SSE and the facts of the answer."""

    def __init__(
        self, ledger: LedgerWorker, tokenizer: Tokenizer, tls: TlsClient | None, server_name: str
    ) -> None: ...
    def begin(
        self, ticket: Ticket, target: Target, forward: bytes, options: int
    ) -> bytes | tuple[str, str | None, str]:
        """Arm for the ticket's answer; returns what to write to the socket.

        Or (code, param, message) for a request that cannot be said in the target's dialect.

        `forward`: the caller's header lines that go on to a provider of the caller's dialect. `options`: CHUNKED 2 (towards the client), CAPTURE 8
        (keep the stream for the cache).
        """
    def outgoing(self) -> bytes | None:
        """TLS bytes that wait to be written, the handshake's first ones included."""
    def feed(self, data: bytes) -> bytes | None:
        """Bytes for the client, framed; None when there are none yet. `flags` tells what changed."""
    def eof(self) -> bytes | None:
        """The upstream closed its side."""
    @property
    def flags(self) -> int:
        """READY 1 (TLS done), HEAD 2, COMMITTED 4, DONE 8, FAILED 16, OUTGOING 32, GOOD 64 (the answer wanted)."""
    @property
    def status(self) -> int: ...
    @property
    def dialect(self) -> str:
        """What the provider of the awaited answer speaks."""
    @property
    def failure(self) -> str | None:
        """Stable name of what broke: truncated, garbage, error_event, tls, too_large and others."""
    @property
    def error_event(self) -> str | None:
        """Message of the error object that the upstream sent inside a stream, secrets masked."""
    @property
    def reusable(self) -> bool: ...
    @property
    def relaying(self) -> bool:
        """The answer is an event stream that is passed on."""
    @property
    def mid_event(self) -> bool:
        """Part of an event is on the wire: no comment may be put here."""
    @property
    def retry_after(self) -> str | None: ...
    def take_body(self) -> bytes:
        """The whole body of an answer that is not relayed."""
    def take_capture(self) -> bytes:
        """The payload of a relayed stream, when `capture` was asked and it fitted."""
    def usage(self) -> tuple[int, int, int, int] | None:
        """Prompt, completion, cached and reasoning tokens as the provider told them."""
    @property
    def trailing(self) -> bool:
        """The client has all of it, but the upstream's body has its last bytes to come."""
    def count_text(self) -> int:
        """Tokens of the text that was produced so far."""

@final
class Tokenizer:
    """Exact token counts over memory-mapped rank tables."""

    def __init__(self, o200k_path: str, cl100k_path: str) -> None: ...
    def count(self, text: str, model: str) -> int: ...

@final
class CacheKey:
    """Hash of everything that changes an answer; seeded per process."""

def cache_key(body: bytes, tenant: str, endpoint: int, model: str | None, seed: int) -> CacheKey | None:
    """None for what is not JSON; `model` is the one that the path names."""

@final
class Cache:
    """The memory tier: W-TinyLFU by bytes."""

    def __init__(self, max_bytes: int) -> None: ...
    def get(self, key: CacheKey, now_ns: int) -> tuple[bytes, bool, int] | None:
        """(payload, is a stream, age ns); a stream's payload is SSE, else one JSON object."""
    def put(self, key: CacheKey, payload: bytes, stream: bool, now_ns: int, ttl_ns: int) -> None: ...

def replay(endpoint: int, events: bytes, chunked: bool, wants_usage: bool) -> bytes | None:
    """A kept stream as it goes to a client: framed, whole, the usage chunk only when it is wanted."""

def stream_from_answer(endpoint: int, answer: bytes, include_usage: bool) -> bytes | None:
    """The events that say what a whole answer says, the last one included; None for what has no stream form."""

def answer_from_stream(endpoint: int, events: bytes) -> bytes | None:
    """The whole answer that a finished stream amounts to; None when it cannot be told."""

def count_body(endpoint: int, tokens: int) -> bytes:
    """A count of tokens in the endpoint's dialect."""

def echo(
    body: bytes, endpoint: int, model: str | None, tokenizer: Tokenizer
) -> tuple[bytes, tuple[int, int, int, int]] | None:
    """The built-in model: says back the last user message; its answer and exact usage, None for embeddings."""
