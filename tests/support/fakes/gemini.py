"""A strict Gemini API: generateContent, streamed with and without SSE, countTokens and embeddings.

Invariant: a name that the service's parser does not have is refused at any depth; each turn of function
calls is answered by as many responses.
Source: ai.google.dev/api, /api/generate-content, /api/embeddings, /api/tokens,
/gemini-api/docs/troubleshooting, /gemini-api/docs/thought-signatures, /gemini-api/docs/function-calling.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, unquote, urlsplit

from support import wire
from support.fakes import gemini_answer, gemini_turns, plays
from support.fakes.gemini_proto import parse
from support.fakes.plays import Asked
from support.fakes.server import (
    JSON,
    Fake,
    Refused,
    events,
    need,
    number,
    object_schema,
    read,
    sse,
    tool_name,
    vector,
    whole,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

    from support.fakes.plays import Play
    from support.upstream import Received, Step

_PATH = re.compile(r"/v1(?:beta)?/models/([^/:]+):(\w+)")


class Gemini(Fake):
    """The service."""

    def answer(self, request: Received) -> Iterable[Step]:
        """Each method of a model."""
        parts = urlsplit(request.path)
        query = parse_qs(parts.query)
        key = request.headers.get("x-goog-api-key") or query.get("key", [""])[0]
        need(key, "Method doesn't allow unregistered callers (callers without established identity).", 403)
        need(key == self.key, "API key not valid. Please pass a valid API key.", 400, "API_KEY_INVALID")
        found = _PATH.fullmatch(parts.path)
        need(found, "Not Found", 404)
        assert found
        return self.method(request, unquote(found[1]), found[2])

    def method(self, request: Received, model: str, method: str) -> Iterable[Step]:
        """A method of `model`."""
        body = read(request)
        if method in ("generateContent", "streamGenerateContent"):
            return self.generate(request, body, model, stream=method != "generateContent")
        if method == "countTokens":
            return self.count(request, parse(body, "Count"))
        if method == "embedContent":
            row = self._embedding(parse(body, "Embed"))
            self.keep(request, body)
            return wire.answer({"embedding": {"values": row}})
        need(method == "batchEmbedContents", "Not Found", 404)
        rows = [self._embedding(each) for each in parse(body, "BatchEmbed")["requests"]]
        self.keep(request, body)
        return wire.answer({"embeddings": [{"values": row} for row in rows]})

    def generate(self, request: Received, body: JSON, model: str, *, stream: bool) -> Iterable[Step]:
        """An answer, whole or streamed."""
        parsed = parse(body, "Generate")
        play = self.perform(request, body, asked(parsed, model, stream=stream))
        thoughts = _thinking(parsed).get("include_thoughts") is True
        if not stream:
            return wire.answer(gemini_answer.whole(play, model, thoughts=thoughts))
        chunks = list(gemini_answer.chunks(play, model, thoughts=thoughts))
        if parse_qs(urlsplit(request.path).query).get("alt") == ["sse"]:
            return events(map(sse, chunks), play, sse(_error(Refused(500, plays.MIDFAIL))))
        return _array(chunks, play)

    def count(self, request: Received, parsed: JSON) -> Iterable[Step]:
        """The tokens of a request."""
        whole_request = parsed.get("generate_content_request")
        asked(whole_request or parsed, "count", stream=False)
        self.keep(request, request.json)
        return wire.answer(
            {"totalTokens": 14, "promptTokensDetails": [{"modality": "TEXT", "tokenCount": 14}]}
        )

    def refusal(self, refused: Refused) -> Iterable[Step]:
        """Google's error object."""
        status = 503 if refused.status == 529 else refused.status
        return wire.answer(_error(refused), status)

    def _embedding(self, parsed: JSON) -> list[float]:
        found = gemini_turns.read([{"role": "user", **parsed.get("content", {})}])
        return vector(found.text, parsed.get("output_dimensionality") or 4)


def asked(parsed: JSON, model: str, *, stream: bool) -> Asked:
    """The request of a parsed body; refuses what is not valid."""
    config = parsed.get("generation_config", {})
    _options(config)
    tools = _tools(parsed)
    found = gemini_turns.read(parsed.get("contents", []), signed=model.endswith("thinktools"))
    system = parsed.get("system_instruction", {}).get("parts", [])
    thinking = _thinking(parsed)
    return Asked(
        model=model,
        stream=stream,
        roles=found.roles,
        system=" ".join(part.get("text", "") for part in system),
        text=found.text,
        results=tuple(found.results),
        images=tuple(found.images),
        tools=tuple(tools),
        stops=tuple(config.get("stop_sequences", ())),
        max_tokens=config.get("max_output_tokens"),
        thinks=bool(thinking) and thinking.get("thinking_budget") != 0,
        json=config.get("response_mime_type") == "application/json",
    )


def _thinking(parsed: JSON) -> JSON:
    thinking: JSON = parsed.get("generation_config", {}).get("thinking_config", {})
    return thinking


def _options(config: JSON) -> None:
    number(config, "temperature", 0, 2)
    number(config, "top_p", 0, 1)
    whole(config, "max_output_tokens")
    whole(config, "candidate_count")
    stops = config.get("stop_sequences") or []
    need(len(stops) <= 5, "The number of stop sequences must be at most 5.")
    need(all(isinstance(each, str) and each for each in stops), "stop_sequences must not be empty")
    kind = config.get("response_mime_type", "text/plain")
    need(
        kind in ("text/plain", "application/json", "text/x.enum"),
        "Allowed mimetypes are `text/plain`, `application/json`",
    )
    schemas = [name for name in ("response_schema", "response_json_schema") if name in config]
    need(len(schemas) < 2, "Only one of response_schema and response_json_schema may be set")
    fits = not schemas or kind != "text/plain"
    need(fits, "Function calling config: response_schema is only supported with application/json")
    thinking = config.get("thinking_config", {})
    budget, level = thinking.get("thinking_budget"), thinking.get("thinking_level")
    need(budget is None or level is None, "You can only set only one of thinking budget and thinking level.")
    fits = budget is None or -1 <= budget <= 32_768
    need(fits, f"The thinking budget {budget} is invalid. Please choose a value between -1 and 32768.")
    need(
        level is None or str(level).lower() in ("minimal", "low", "medium", "high"),
        "Invalid value: thinking_level",
    )


def _tools(parsed: JSON) -> list[str]:
    names: list[str] = []
    for tool in parsed.get("tools", []):
        need(tool, "tools: tool_type: required one_of 'tool_type' must have one initialized field")
        for declared in tool.get("function_declarations", []):
            where = f"GenerateContentRequest.tools[0].function_declarations[{len(names)}]"
            names.append(tool_name(declared.get("name"), f"{where}.name"))
            both = "parameters" in declared and "parameters_json_schema" in declared
            need(not both, f"{where}: parameters and parameters_json_schema are mutually exclusive")
            if "parameters_json_schema" in declared:
                object_schema(declared["parameters_json_schema"], f"{where}.parameters_json_schema")
            kind = declared.get("parameters", {"type": "object"}).get("type", "")
            need(kind.lower() == "object", f"{where}.parameters schema should be of type OBJECT.")
    repeated = next((name for name in names if names.count(name) > 1), None)
    need(not repeated, f"Duplicate function declaration found: {repeated}")
    calling = parsed.get("tool_config", {}).get("function_calling_config", {})
    mode, allowed = calling.get("mode", "AUTO"), calling.get("allowed_function_names") or []
    need(mode in ("AUTO", "ANY", "NONE", "VALIDATED"), f"Invalid value at 'tool_config.mode': {mode}")
    fits = not allowed or mode in ("ANY", "VALIDATED")
    need(fits, "allowed_function_names should only be set when the mode is ANY or VALIDATED")
    need(set(allowed) <= set(names), "allowed_function_names should be a subset of the declared functions")
    return names


def _error(refused: Refused) -> JSON:
    statuses = {
        401: "UNAUTHENTICATED",
        403: "PERMISSION_DENIED",
        404: "NOT_FOUND",
        429: "RESOURCE_EXHAUSTED",
        500: "INTERNAL",
        529: "UNAVAILABLE",
    }
    details: list[JSON] = []
    if refused.kind:
        details.append({"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": refused.kind})
    for header in refused.headers:
        # It names the delay in the body only.
        delay = header.removeprefix("retry-after: ") + "s"
        details.append({"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": delay})
    code = 503 if refused.status == 529 else refused.status
    status = statuses.get(refused.status, "INVALID_ARGUMENT")
    error: JSON = {"code": code, "message": refused.message, "status": status}
    return {"error": error | ({"details": details} if details else {})}


def _array(chunks: list[JSON], play: Play) -> list[Step]:
    texts = [
        ("[" if at == 0 else ",\r\n").encode() + json.dumps(chunk).encode() for at, chunk in enumerate(chunks)
    ]
    if play.breaks is plays.Breaks.NOT:
        texts.append(b"]")
    broken = b",\r\n" + json.dumps(_error(Refused(500, plays.MIDFAIL))).encode() + b"]"
    return events(texts, play, broken, "application/json")
