"""The Ollama dialect: chat, generate and embed, and what its clients ask of a server before they begin.

Source: github.com/ollama/ollama, docs/api.md.
"""

import orjson
from blacksheep import Application, Request, Response

from headgate.api.answers import JSON, Handler, refuse, serving
from headgate.core import VERSION
from headgate.edge.body import Prepared
from headgate.errors import RequestError
from headgate.exchange import OLLAMA_CHAT, OLLAMA_EMBED, OLLAMA_GENERATE
from headgate.pipeline import Pipeline

MODIFIED = "2025-11-21T00:00:00Z"
"""`modified_at` of every model: routes have no birthday, and clients only want a time."""
_NO_DIGEST = "0" * 64


def register(app: Application, pipeline: Pipeline) -> None:
    """Add the dialect's endpoints to the application."""
    router = app.router
    for path, endpoint in (
        ("/api/chat", OLLAMA_CHAT),
        ("/api/generate", OLLAMA_GENERATE),
        ("/api/embed", OLLAMA_EMBED),
    ):
        router.add_post(path, serving(pipeline, endpoint))
    router.add_get("/api/tags", _tags(pipeline))
    router.add_get("/api/version", _version)


def _tags(pipeline: Pipeline) -> Handler:
    async def tags(request: Request) -> Response:
        try:
            listed = pipeline.models(request.authorization)  # type: ignore[attr-defined]  # the edge's own request
        except RequestError as error:
            return refuse(error, "ollama")
        rows = [_row(alias, owner) for alias, owner in listed]
        return Response(200, None, Prepared(JSON, orjson.dumps({"models": rows})))

    return tags


def _row(alias: str, owner: str) -> dict[str, object]:
    details = {
        "parent_model": "",
        "format": "",
        "family": owner,
        "families": [owner],
        "parameter_size": "",
        "quantization_level": "",
    }
    return {
        "name": alias,
        "model": alias,
        "modified_at": MODIFIED,
        "size": 0,
        "digest": _NO_DIGEST,
        "details": details,
    }


async def _version(_request: Request) -> Response:
    return Response(200, None, Prepared(JSON, orjson.dumps({"version": VERSION})))
