"""The OpenAI dialect: chat completions, Responses, completions, embeddings; Azure's paths to the same.

Source: platform.openai.com/docs/api-reference; learn.microsoft.com/azure/ai-foundry/openai/reference.
"""

from urllib.parse import unquote

from blacksheep import Application, Request, Response

from headgate.api.answers import Handler, answer, refuse, serving, take_key
from headgate.errors import Failure, RequestError
from headgate.exchange import CHAT, COMPLETIONS, EMBEDDINGS, RESPONSES, Endpoint
from headgate.pipeline import Pipeline

AZURE_KEY = b"api-key"
_ENDPOINTS = {
    "chat/completions": CHAT,
    "completions": COMPLETIONS,
    "embeddings": EMBEDDINGS,
    "responses": RESPONSES,
}


def register(app: Application, pipeline: Pipeline) -> None:
    """Add the dialect's endpoints to the application."""
    for path, endpoint in _ENDPOINTS.items():
        app.router.add_post(f"/v1/{path}", serving(pipeline, endpoint))
        app.router.add_post(f"/openai/v1/{path}", serving(pipeline, endpoint, AZURE_KEY))
    app.router.add_post("/openai/deployments/*", _deployment(pipeline))
    for add in (app.router.add_get, app.router.add_post, app.router.add_delete):
        add("/v1/responses/*", _stored)


def _deployment(pipeline: Pipeline) -> Handler:
    async def handler(request: Request) -> Response:
        tail = (request.route_values or {}).get("tail") or ""
        found = _split(tail)
        if found is None:
            message = f"{request.path} is no path of a deployment: /openai/deployments/NAME/chat/completions."
            return refuse(RequestError(Failure.NOT_FOUND, message))
        take_key(request, AZURE_KEY)
        return await answer(pipeline, request, *found)

    return handler


async def _stored(request: Request) -> Response:
    message = f"{request.path} is not served: no response is stored. Send the whole conversation in `input`."
    return refuse(RequestError(Failure.NOT_IMPLEMENTED, message))


def _split(tail: str) -> tuple[Endpoint, str] | None:
    """The endpoint and the deployment's name, which may have slashes."""
    for path, endpoint in _ENDPOINTS.items():
        name = tail.removesuffix("/" + path)
        # `chat/completions` ends in `completions` too; the first that fits is the longer one.
        if name != tail and name:
            return endpoint, unquote(name)
    return None
