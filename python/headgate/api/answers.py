"""What the pipeline's answers and errors look like, in whichever dialect was asked."""

import math
from collections.abc import Awaitable, Callable

from blacksheep import Request, Response

from headgate.core import error_body
from headgate.edge.body import Prepared, Relayed
from headgate.errors import RequestError
from headgate.exchange import CONTENT_ACTIONS, Endpoint
from headgate.pipeline import Pipeline

Handler = Callable[[Request], Awaitable[Response]]
JSON = b"application/json"
STREAM_HEAD = b"cache-control: no-cache\r\nx-accel-buffering: no\r\n"


async def answer(
    pipeline: Pipeline, request: Request, endpoint: Endpoint, model: str | None = None
) -> Response:
    """Serve one request; `model` is the one that its path names."""
    try:
        head, body, relay = await pipeline.serve(request, endpoint, model)  # type: ignore[arg-type]  # the edge's own
    except RequestError as error:
        return refuse(error, endpoint.dialect)
    if relay is None:
        return Response(200, None, Prepared(JSON, body, head))
    return Response(200, None, Relayed(endpoint.stream_type, relay, head + STREAM_HEAD))


def serving(pipeline: Pipeline, endpoint: Endpoint, key_header: bytes = b"") -> Handler:
    """A handler of requests to `endpoint`, whose key may stand in `key_header` as well as behind Bearer."""

    async def handler(request: Request) -> Response:
        if key_header:
            take_key(request, key_header)
        return await answer(pipeline, request, endpoint)

    return handler


def take_key(request: Request, key_header: bytes) -> None:
    """Let the dialect's own header name the key; without it, `Authorization` does."""
    key = request.get_first_header(key_header)
    if key is not None:
        request.authorization = key  # type: ignore[attr-defined]  # the edge's own request


def refuse(error: RequestError, dialect: str = "openai") -> Response:
    """An error in a dialect's shape, with Retry-After where waiting helps."""
    head = error.head
    if error.retry_after_s is not None:
        head += b"retry-after: %d\r\n" % max(1, math.ceil(error.retry_after_s))
    names = (error.type, error.param, error.code)
    body = error_body(dialect, error.status, error.message, names)
    return Response(error.status, None, Prepared(JSON, body, head))


def dialect_of(path: bytes, headers: Callable[[bytes], bytes | None]) -> str:
    """The dialect of a path, and of its caller where several dialects share it (SPEC B)."""
    if path.startswith(b"/api/"):
        return "ollama"
    # A model's own name may have a colon too: llama3:8b.
    if path.startswith(b"/v1beta/") or path.rpartition(b":")[2].decode("latin-1") in CONTENT_ACTIONS:
        return "gemini"
    if path.startswith(b"/v1/messages"):
        return "anthropic"
    if path.startswith(b"/v1/models"):
        if headers(b"anthropic-version") is not None:
            return "anthropic"
        if headers(b"x-goog-api-key") is not None:
            return "gemini"
    return "openai"


def render_error(status: int, code: str, message: str, path: bytes) -> tuple[bytes, bytes]:
    """The edge's own refusals (bad framing, limits) in the shape of the dialect that `path` belongs to."""
    kind = "server_error" if status >= 500 else "invalid_request_error"
    return JSON, error_body(dialect_of(path, _no_header), status, message, (kind, None, code))


def _no_header(_name: bytes) -> bytes | None:
    return None
