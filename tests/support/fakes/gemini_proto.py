"""What a Gemini request may hold, message by message, as the service's own JSON parser sees it.

Invariant: each name is taken in camelCase and in snake_case, at every depth, and no other name is.
Source: ai.google.dev/api/generate-content, /api/caching (Content, Part, Tool, Schema), /api/embeddings,
/api/tokens.
"""

from __future__ import annotations

import re
from typing import Any

from support.fakes.server import JSON, need

# A message's members: their message, "" for what has none, with [] where repeated and {} for a map.
MESSAGES: dict[str, dict[str, str]] = {
    "Generate": {
        "model": "",
        "contents": "[Content",
        "tools": "[Tool",
        "tool_config": "ToolConfig",
        "safety_settings": "[SafetySetting",
        "system_instruction": "Content",
        "generation_config": "GenerationConfig",
        "cached_content": "",
        "labels": "",
    },
    "Count": {"contents": "[Content", "generate_content_request": "Generate"},
    "CountVertex": {
        "model": "",
        "contents": "[Content",
        "tools": "[Tool",
        "system_instruction": "Content",
        "generation_config": "GenerationConfig",
        "instances": "",
    },
    "Embed": {
        "model": "",
        "content": "Content",
        "task_type": "",
        "title": "",
        "output_dimensionality": "",
        "embed_content_config": "",
    },
    "BatchEmbed": {"requests": "[Embed"},
    "Content": {"role": "", "parts": "[Part"},
    "Part": {
        "text": "",
        "thought": "",
        "thought_signature": "",
        "inline_data": "Blob",
        "file_data": "FileData",
        "function_call": "FunctionCall",
        "function_response": "FunctionResponse",
        "video_metadata": "",
        "media_resolution": "",
        "executable_code": "",
        "code_execution_result": "",
        "part_metadata": "",
    },
    "Blob": {"mime_type": "", "data": "", "display_name": ""},
    "FileData": {"mime_type": "", "file_uri": "", "display_name": ""},
    "FunctionCall": {"id": "", "name": "", "args": ""},
    "FunctionResponse": {
        "id": "",
        "name": "",
        "response": "",
        "parts": "",
        "will_continue": "",
        "scheduling": "",
    },
    "Tool": {
        "function_declarations": "[FunctionDeclaration",
        "google_search": "",
        "code_execution": "",
        "url_context": "",
    },
    "FunctionDeclaration": {
        "name": "",
        "description": "",
        "behavior": "",
        "parameters": "Schema",
        "parameters_json_schema": "",
        "response": "Schema",
        "response_json_schema": "",
    },
    "ToolConfig": {"function_calling_config": "FunctionCallingConfig", "retrieval_config": ""},
    "FunctionCallingConfig": {"mode": "", "allowed_function_names": ""},
    "SafetySetting": {"category": "", "threshold": "", "method": ""},
    "GenerationConfig": {
        "stop_sequences": "",
        "response_mime_type": "",
        "response_schema": "Schema",
        "response_json_schema": "",
        "response_modalities": "",
        "candidate_count": "",
        "max_output_tokens": "",
        "temperature": "",
        "top_p": "",
        "top_k": "",
        "seed": "",
        "presence_penalty": "",
        "frequency_penalty": "",
        "response_logprobs": "",
        "logprobs": "",
        "speech_config": "",
        "thinking_config": "ThinkingConfig",
        "image_config": "",
        "media_resolution": "",
    },
    "ThinkingConfig": {"include_thoughts": "", "thinking_budget": "", "thinking_level": ""},
    "Schema": {
        "type": "",
        "format": "",
        "title": "",
        "description": "",
        "nullable": "",
        "enum": "",
        "items": "Schema",
        "max_items": "",
        "min_items": "",
        "properties": "{Schema",
        "required": "",
        "min_properties": "",
        "max_properties": "",
        "min_length": "",
        "max_length": "",
        "pattern": "",
        "example": "",
        "any_of": "[Schema",
        "property_ordering": "",
        "default": "",
        "minimum": "",
        "maximum": "",
    },
}
_TYPES = ("string", "number", "integer", "boolean", "array", "object", "null")


def parse(value: Any, message: str, where: str = "") -> JSON:  # noqa: ANN401  any JSON
    """A message with its names in snake_case; refuses names that it does not have."""
    place = f" at '{where}'" if where else ""
    need(isinstance(value, dict), f"Invalid value{place} (Message), a JSON object is expected")
    found: JSON = {}
    for name, held in value.items():
        snake = re.sub(r"(?<=[a-z0-9])([A-Z])", lambda match: "_" + match[1].lower(), name)
        known = snake in MESSAGES[message] and snake.islower()
        need(known, f'Invalid JSON payload received. Unknown name "{name}"{place}: Cannot find field.')
        need(snake not in found, f"Invalid value{place} (oneof), {snake} is set twice")
        if held is not None:
            inner = f"{where}.{snake}" if where else snake
            found[snake] = _member(held, MESSAGES[message][snake], inner)
    if message == "Schema":
        _schema(found, where)
    return found


def _member(held: Any, kind: str, where: str) -> Any:  # noqa: ANN401  any JSON
    if not kind:
        return held
    if kind.startswith("["):
        # A single message is taken for a list of one.
        rows = held if isinstance(held, list) else [held]
        return [parse(each, kind[1:], f"{where}[{at}]") for at, each in enumerate(rows)]
    if kind.startswith("{"):
        need(isinstance(held, dict), f"Invalid value at '{where}' (Map), a JSON object is expected")
        return {name: parse(each, kind[1:], f"{where}[{name}]") for name, each in held.items()}
    return parse(held, kind, where)


def _schema(schema: JSON, where: str) -> None:
    kind = schema.get("type")
    need(not isinstance(kind, list), "Proto field is not repeating, cannot start list.")
    need(kind is None or str(kind).lower() in _TYPES, f"Invalid value at '{where}.type' (Type), \"{kind}\"")
    kind = str(kind).lower()
    texts = schema.get("enum") is None or kind == "string"
    need(texts, f"* {where}.enum: only allowed for STRING type")
    right = all(isinstance(each, str) for each in schema.get("enum") or [])
    need(right, f"Invalid value at '{where}.enum' (TYPE_STRING)")
    form = schema.get("format")
    fits = kind != "string" or form in (None, "enum", "date-time")
    need(fits, f"* {where}.format: only 'enum' and 'date-time' are supported for STRING type")
    need(kind != "array" or "items" in schema, f"* {where}.items: missing field.")
    filled = kind != "object" or schema.get("properties", {"-": 0})
    need(filled, f"* {where}.properties: should be non-empty for OBJECT type")
    for at, name in enumerate(schema.get("required") or []):
        need(name in schema.get("properties", {}), f"* {where}.required[{at}]: property is not defined")
