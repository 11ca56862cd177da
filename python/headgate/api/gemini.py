"""The Gemini dialect: one path, `/v1beta/models/{model}:{action}`, also below /v1 as newer clients have it.

Source: ai.google.dev/api/generate-content, /api/embeddings, /api/tokens.
"""

from urllib.parse import parse_qs, unquote

from blacksheep import Application, Request, Response

from headgate.api.answers import Handler, answer, refuse, take_key
from headgate.errors import Failure, RequestError
from headgate.exchange import CONTENT_ACTIONS, STREAM_GENERATE, STREAM_GENERATE_ARRAY
from headgate.pipeline import Pipeline

KEY = b"x-goog-api-key"


def register(app: Application, pipeline: Pipeline) -> None:
    """Add the dialect's endpoints to the application."""
    for root in ("/v1beta", "/v1"):
        app.router.add_post(f"{root}/models/*", _action(pipeline))


def credential(request: Request) -> None:
    """Let `x-goog-api-key` name the key, or `?key=`, as older clients have it."""
    take_key(request, KEY)
    if request.get_first_header(KEY) is None and (key := _asked(request, "key")) is not None:
        request.authorization = key.encode()  # type: ignore[attr-defined]  # the edge's own request


def _asked(request: Request, name: str) -> str | None:
    """The first value of a parameter in the query."""
    raw = request.url.query
    return parse_qs(raw.decode("ascii", "replace")).get(name, [None])[0] if raw else None


def _action(pipeline: Pipeline) -> Handler:
    async def handler(request: Request) -> Response:
        tail = unquote((request.route_values or {}).get("tail") or "")
        model, _, action = tail.rpartition(":")
        endpoint = CONTENT_ACTIONS.get(action)
        if endpoint is None or not model:
            message = f"{request.path} names no action that is served here: :{', :'.join(CONTENT_ACTIONS)}."
            return refuse(RequestError(Failure.NOT_FOUND, message), "gemini")
        if endpoint is STREAM_GENERATE_ARRAY and _asked(request, "alt") == "sse":
            endpoint = STREAM_GENERATE
        credential(request)
        return await answer(pipeline, request, endpoint, model)

    return handler
