"""The turns of a Gemini request: who speaks, and which calls are answered.

Invariant: a turn of function calls is followed by one of as many responses, by name; a signed call keeps its
signature where the model asks for it. Source: ai.google.dev/gemini-api/docs/function-calling,
/gemini-api/docs/thought-signatures, /gemini-api/docs/troubleshooting.
"""

from __future__ import annotations

import base64
from dataclasses import dataclass, field

from support.fakes import plays
from support.fakes.server import JSON, need, picture, tool_name

_DATA = (
    "text",
    "inline_data",
    "file_data",
    "function_call",
    "function_response",
    "executable_code",
    "code_execution_result",
)
# For calls that another model made.
UNSIGNED = "skip_thought_signature_validator"
SIGNATURE = base64.b64encode(plays.signed("I need the weather.").encode()).decode()


@dataclass
class Turns:
    """What was found in them."""

    roles: str = ""
    text: str = ""
    results: list[str] = field(default_factory=list)
    images: list[str] = field(default_factory=list)


def read(contents: list[JSON], *, signed: bool = False) -> Turns:
    """The turns of parsed contents; refuses what does not fit together."""
    need(contents, "* GenerateContentRequest.contents: contents is not specified")
    found = Turns()
    open_calls: list[str] = []
    for at, content in enumerate(contents):
        where = f"GenerateContentRequest.contents[{at}]"
        role = content.get("role", "user" if len(contents) == 1 else "")
        need(role in ("user", "model", "function"), "Please use a valid role: user, model.")
        parts = content.get("parts", [])
        need(parts, f"* {where}.parts: contents.parts must not be empty.")
        for nth, part in enumerate(parts):
            _part(part, f"{where}.parts[{nth}]", found)
        answers = [part["function_response"] for part in parts if "function_response" in part]
        equal = len(answers) == len(open_calls)
        need(
            equal,
            "Please ensure that the number of function response parts is equal to the number of function "
            "call parts of the function call turn.",
        )
        for answer in answers:
            need(
                answer.get("name") in open_calls,
                f"{where}: no function call {answer.get('name')} before its response",
            )
            open_calls.remove(answer["name"])
        _spoken(parts, role, found, answers)
        calls = [part["function_call"]["name"] for part in parts if "function_call" in part]
        need(role == "model" or not calls, f"{where}: function calls are in model turns only")
        after = not calls or (at > 0 and contents[at - 1].get("role") != "model")
        need(
            after,
            "Please ensure that function call turn comes immediately after a user turn or after a function "
            "response turn.",
        )
        if signed and calls:
            _signed(parts, at)
        open_calls = calls
    need(not open_calls, "Please ensure that function call turn is followed by a function response turn.")
    need(
        contents[-1].get("role") != "model" or found.roles, "Please ensure that the last turn is the user's."
    )
    return found


def _spoken(parts: list[JSON], role: str, found: Turns, answers: list[JSON]) -> None:
    found.roles += "a" if role == "model" else "t" if answers else "u"
    found.results = [_result(answer["response"]) for answer in answers]
    texts = [part["text"] for part in parts if "text" in part]
    if role == "user" and texts:
        found.text = "".join(texts)


def _result(response: JSON) -> str:
    """The text of a result, which callers wrap in a member of their choice."""
    return " ".join(str(value) for value in response.values())


def _part(part: JSON, where: str, found: Turns) -> None:
    data = [name for name in _DATA if name in part]
    need(len(data) == 1, f"* {where}.data: required oneof field 'data' must have one initialized field")
    if "inline_data" in part:
        blob = part["inline_data"]
        whole = canonical(str(blob.get("data", "")))
        found.images.append(picture(whole, blob.get("mime_type"), f"{where}.inline_data"))
    elif "function_call" in part:
        tool_name(part["function_call"].get("name"), f"* {where}.function_call.name")
        right = isinstance(part["function_call"].get("args", {}), dict)
        need(right, f"Invalid value at '{where}.function_call.args' (Struct)")
    elif "function_response" in part:
        tool_name(part["function_response"].get("name"), f"* {where}.function_response.name")
        right = isinstance(part["function_response"].get("response"), dict)
        need(right, f"Invalid value at '{where}.function_response.response' (Struct)")
    elif "text" in part:
        need(isinstance(part["text"], str), f"Invalid value at '{where}.text' (TYPE_STRING)")


def _signed(parts: list[JSON], at: int) -> None:
    """The first call of a turn carries the signature."""
    first = next(part for part in parts if "function_call" in part)
    name = first["function_call"]["name"]
    signature = first.get("thought_signature")
    need(
        signature,
        f"Function call is missing a thought_signature in functionCall parts: {name}, position {at}.",
    )
    right = signature == UNSIGNED or canonical(str(signature)) == SIGNATURE
    need(right, "Corrupted thought signature.")


def canonical(data: str) -> str:
    """Bytes come in either alphabet of base64, padded or not (protobuf.dev/programming-guides/json)."""
    plain = data.replace("-", "+").replace("_", "/").rstrip("=")
    return plain + "=" * (-len(plain) % 4)
