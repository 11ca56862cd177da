"""What a key may ask for, listed in the dialect of whoever asks; no provider is called.

Source: platform.openai.com/docs/api-reference/models, docs.anthropic.com/en/api/models-list,
ai.google.dev/api/models.
"""

from typing import Any
from urllib.parse import unquote

import orjson
from blacksheep import Application, Request, Response

from headgate.api import anthropic, gemini
from headgate.api.answers import JSON, Handler, dialect_of, refuse, take_key
from headgate.edge.body import Prepared
from headgate.errors import Failure, RequestError
from headgate.pipeline import Pipeline

CREATED = 1_763_683_200
CREATED_AT = "2025-11-21T00:00:00Z"
"""When every listed model was made: routes have no birthday, and clients only want a time."""

Row = dict[str, Any]


def register(app: Application, pipeline: Pipeline) -> None:
    """Add the listings to the application."""
    for root in ("/v1/models", "/v1beta/models", "/openai/v1/models"):
        app.router.add_get(root, _list(pipeline))
        app.router.add_get(f"{root}/*", _one(pipeline))


def _list(pipeline: Pipeline) -> Handler:
    async def models(request: Request) -> Response:
        dialect = _dialect(request)
        try:
            rows = _rows(pipeline, request, dialect)
        except RequestError as error:
            return refuse(error, dialect)
        return _json(_listed(rows, dialect))

    return models


def _one(pipeline: Pipeline) -> Handler:
    async def model(request: Request) -> Response:
        wanted = unquote((request.route_values or {}).get("tail") or "")
        dialect = _dialect(request)
        try:
            for row in _rows(pipeline, request, dialect):
                if wanted == _alias(row):
                    return _json(row)
            message = f"The model {wanted!r} does not exist here. GET /v1/models lists those that do."
            raise RequestError(Failure.MODEL_NOT_FOUND, message, param="model")
        except RequestError as error:
            return refuse(error, dialect)

    return model


def _dialect(request: Request) -> str:
    return dialect_of(request.url.path, request.get_first_header)


def _rows(pipeline: Pipeline, request: Request, dialect: str) -> list[Row]:
    if dialect == "anthropic":
        take_key(request, anthropic.KEY)
    elif dialect == "gemini":
        gemini.credential(request)
    else:
        take_key(request, b"api-key")
    make = _MAKERS[dialect]
    listed = pipeline.models(request.authorization)  # type: ignore[attr-defined]  # the edge's own request
    return [make(alias, owner) for alias, owner in listed]


def _openai(alias: str, owner: str) -> Row:
    return {"id": alias, "object": "model", "created": CREATED, "owned_by": owner}


def _anthropic(alias: str, _owner: str) -> Row:
    return {"type": "model", "id": alias, "display_name": alias, "created_at": CREATED_AT}


def _gemini(alias: str, owner: str) -> Row:
    methods = ["generateContent", "streamGenerateContent", "countTokens", "embedContent"]
    return {
        "name": f"models/{alias}",
        "displayName": alias,
        "description": f"Served by {owner}.",
        "supportedGenerationMethods": methods,
    }


def _alias(row: Row) -> str:
    name: str = row["id"] if "id" in row else row["name"].removeprefix("models/")
    return name


_MAKERS = {"openai": _openai, "anthropic": _anthropic, "gemini": _gemini}


def _listed(rows: list[Row], dialect: str) -> Row:
    if dialect == "gemini":
        return {"models": rows}
    if dialect == "anthropic":
        ends = {"first_id": rows[0]["id"] if rows else None, "last_id": rows[-1]["id"] if rows else None}
        return {"data": rows, "has_more": False, **ends}
    return {"object": "list", "data": rows}


def _json(document: Row) -> Response:
    return Response(200, None, Prepared(JSON, orjson.dumps(document)))
