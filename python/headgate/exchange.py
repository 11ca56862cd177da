"""One request on its way through the gateway: the record that every room adds to.

Invariant: made when the request reaches the pipeline, settled exactly once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from headgate.core import CacheKey, Ticket
    from headgate.errors import RequestError
    from headgate.plan import Plan, Step


class Endpoint:
    """What is asked: the native scanner's number, whose words it has, and its name in metrics and records.

    `action` is what a provider is asked to do, the same for all dialects; `stream_type` is the type of a
    streamed answer, in which comments may stand only where it is the type of server-sent events that every
    client of the dialect reads by the letter (RULINGS 17).

    A plain class and not an enumeration: members are dictionary keys on the request path, and hashing an
    enumeration's member runs Python code.
    """

    __slots__ = ("action", "asked", "comments", "dialect", "label", "number", "path", "stream_type")

    def __init__(self, number: int, label: str, path: str, words: tuple[str, str]) -> None:
        """`words` are the dialect and the action."""
        self.number = number
        self.label = label
        self.path = path
        self.dialect, self.action = words
        self.asked: tuple[int, str | None] = (number, None)
        self.stream_type = _STREAM_TYPES.get(number, EVENT_STREAM)
        self.comments = self.dialect in _WITH_COMMENTS

    def __repr__(self) -> str:
        return f"Endpoint({self.label})"


EVENT_STREAM = b"text/event-stream; charset=utf-8"
_STREAM_TYPES = {
    7: b"application/json; charset=utf-8",
    8: b"application/x-ndjson",
    9: b"application/x-ndjson",
}
_WITH_COMMENTS = frozenset({"openai", "responses", "anthropic"})

CHAT = Endpoint(0, "chat", "/v1/chat/completions", ("openai", "chat"))
COMPLETIONS = Endpoint(1, "completions", "/v1/completions", ("openai", "completions"))
EMBEDDINGS = Endpoint(2, "embeddings", "/v1/embeddings", ("openai", "embeddings"))
RESPONSES = Endpoint(3, "responses", "/v1/responses", ("responses", "chat"))
MESSAGES = Endpoint(4, "messages", "/v1/messages", ("anthropic", "chat"))
GENERATE = Endpoint(5, "generate_content", "/v1beta/models/*:generateContent", ("gemini", "chat"))
STREAM_GENERATE = Endpoint(
    6, "generate_content", "/v1beta/models/*:streamGenerateContent", ("gemini", "chat")
)
STREAM_GENERATE_ARRAY = Endpoint(
    7, "generate_content", "/v1beta/models/*:streamGenerateContent", ("gemini", "chat")
)
OLLAMA_CHAT = Endpoint(8, "ollama_chat", "/api/chat", ("ollama", "chat"))
OLLAMA_GENERATE = Endpoint(9, "ollama_generate", "/api/generate", ("ollama_generate", "chat"))
EMBED_CONTENT = Endpoint(10, "embed_content", "/v1beta/models/*:embedContent", ("gemini", "embeddings"))
BATCH_EMBED_CONTENTS = Endpoint(
    11, "embed_content", "/v1beta/models/*:batchEmbedContents", ("gemini", "embeddings")
)
OLLAMA_EMBED = Endpoint(12, "ollama_embed", "/api/embed", ("ollama", "embeddings"))
COUNT_MESSAGES = Endpoint(13, "count_tokens", "/v1/messages/count_tokens", ("anthropic", "count"))
COUNT_CONTENTS = Endpoint(14, "count_tokens", "/v1beta/models/*:countTokens", ("gemini", "count"))

CONTENT_ACTIONS = {
    "generateContent": GENERATE,
    "streamGenerateContent": STREAM_GENERATE_ARRAY,
    "embedContent": EMBED_CONTENT,
    "batchEmbedContents": BATCH_EMBED_CONTENTS,
    "countTokens": COUNT_CONTENTS,
}
"""What the paths of the Gemini dialect end with, after a colon."""


class Exchange:
    """The state of one request that policy works with; its ticket has the times, the usage and the limits.

    `received_ns` is monotonic. `total_at` is the second of the loop's clock at which all attempts must
    be over. `tried` counts the steps of the plan that were begun. `model` is the one that the path names,
    None where the body does.
    """

    __slots__ = (
        "body",
        "cache",
        "cache_key",
        "chunked",
        "endpoint",
        "error",
        "forward",
        "model",
        "plan",
        "received_ns",
        "request_id",
        "step",
        "ticket",
        "total_at",
        "tried",
    )

    ticket: Ticket
    """Set where the request is taken in; `plan` tells whether it was."""
    step: Step
    """Set by the first attempt; `tried` tells whether there was one."""

    def __init__(self, endpoint: Endpoint, request_id: str, received_ns: int, *, chunked: bool) -> None:
        """`chunked`: the client understands chunked coding."""
        self.endpoint = endpoint
        self.request_id = request_id
        self.received_ns = received_ns
        self.chunked = chunked
        self.plan: Plan | None = None
        self.tried = 0
        self.total_at = 0.0
        self.body = self.forward = b""
        self.model: str | None = None
        self.cache = "off"
        self.cache_key: CacheKey | None = None
        self.error: RequestError | None = None

    @property
    def status(self) -> int:
        """The status that the caller saw, or would have seen had it stayed."""
        return 200 if self.error is None else self.error.status
