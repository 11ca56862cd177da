"""The OpenAI dialect: chat completions, completions, embeddings, models.

Source: platform.openai.com/docs/api-reference.
"""

from collections.abc import Awaitable, Callable

import orjson
from blacksheep import Application, Request, Response

from headgate.api.answers import EVENT_STREAM, JSON, STREAM_HEAD, refuse
from headgate.edge.body import Prepared, Relayed
from headgate.errors import Failure, RequestError
from headgate.exchange import CHAT, COMPLETIONS, EMBEDDINGS, Endpoint
from headgate.pipeline import Pipeline

Handler = Callable[[Request], Awaitable[Response]]

CREATED = 1_763_683_200
"""`created` of every listed model: routes have no birthday, and clients only want a number."""


def register(app: Application, pipeline: Pipeline) -> None:
    """Add the dialect's endpoints to the application."""
    router = app.router
    for path, endpoint in (
        ("/v1/chat/completions", CHAT),
        ("/v1/completions", COMPLETIONS),
        ("/v1/embeddings", EMBEDDINGS),
    ):
        router.add_post(path, _model_endpoint(pipeline, endpoint))
    router.add_post("/v1/responses", _not_built)
    router.add_get("/v1/models", _list_models(pipeline))
    router.add_get("/v1/models/*", _get_model(pipeline))


def _model_endpoint(pipeline: Pipeline, endpoint: Endpoint) -> Handler:
    serve = pipeline.serve

    async def answer(request: Request) -> Response:
        try:
            head, body, relay = await serve(request, endpoint)  # type: ignore[arg-type]  # the edge's own
        except RequestError as error:
            return refuse(error)
        if relay is None:
            return Response(200, None, Prepared(JSON, body, head))
        return Response(200, None, Relayed(EVENT_STREAM, relay, head + STREAM_HEAD))

    return answer


def _list_models(pipeline: Pipeline) -> Handler:
    async def models(request: Request) -> Response:
        try:
            listed = _models(pipeline, request)
        except RequestError as error:
            return refuse(error)
        return Response(200, None, Prepared(JSON, orjson.dumps({"object": "list", "data": listed})))

    return models


def _get_model(pipeline: Pipeline) -> Handler:
    async def model(request: Request) -> Response:
        wanted = (request.route_values or {}).get("tail", "")
        try:
            for row in _models(pipeline, request):
                if row["id"] == wanted:
                    return Response(200, None, Prepared(JSON, orjson.dumps(row)))
            message = f"The model {wanted!r} does not exist here. GET /v1/models lists those that do."
            raise RequestError(Failure.MODEL_NOT_FOUND, message, param="model")
        except RequestError as error:
            return refuse(error)

    return model


def _models(pipeline: Pipeline, request: Request) -> list[dict[str, object]]:
    return [
        {"id": alias, "object": "model", "created": CREATED, "owned_by": owner}
        for alias, owner in pipeline.models(request.get_first_header(b"authorization"))
    ]


async def _not_built(request: Request) -> Response:
    message = f"{request.path} is not served by this version. Use /v1/chat/completions."
    return refuse(RequestError(Failure.NOT_IMPLEMENTED, message))
