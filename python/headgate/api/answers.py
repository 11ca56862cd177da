"""What the pipeline's answers and errors look like in OpenAI's shape."""

import math

from blacksheep import Response

from headgate.core import error_body
from headgate.edge.body import Prepared
from headgate.errors import RequestError

JSON = b"application/json"
EVENT_STREAM = b"text/event-stream; charset=utf-8"
STREAM_HEAD = b"cache-control: no-cache\r\nx-accel-buffering: no\r\n"


def refuse(error: RequestError) -> Response:
    """An error in OpenAI's shape, with Retry-After where waiting helps."""
    head = error.head
    if error.retry_after_s is not None:
        head += b"retry-after: %d\r\n" % max(1, math.ceil(error.retry_after_s))
    body = error_body(error.message, error.type, error.param, error.code)
    return Response(error.status, None, Prepared(JSON, body, head))


def render_error(status: int, code: str, message: str, path: bytes) -> tuple[bytes, bytes]:
    """The edge's own refusals (bad framing, limits) in the shape of the dialect that `path` belongs to."""
    del path  # one dialect so far
    kind = "server_error" if status >= 500 else "invalid_request_error"
    return JSON, error_body(message, kind, None, code)
