"""What is asked in each scene, and what must be seen of it, whatever SDK asks and whatever provider answers.

Invariant: the numbers and texts here are written out, not taken from the fakes: who miscounts in both
places alike is found.
"""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass, replace
from typing import Any

MADE = "made by the gateway"
"""The id of a call whose provider gave none: any, but each call has its own."""
END = "END"
MAX_TOKENS = 16
BUDGET_TOKENS = 1024
PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)
SCHEMA = {
    "type": "object",
    "properties": {
        "name": {"type": "string"},
        "age": {"type": "integer"},
        "tags": {"type": "array", "items": {"type": "string"}},
    },
    "required": ["name", "age", "tags"],
    "additionalProperties": False,
}
RESULTS = {"weather": "18C", "time": "12:00"}


@dataclass(frozen=True)
class Tool:
    """A tool on offer; its schema has what some dialects refuse."""

    name: str
    description: str
    schema: dict[str, Any]


TOOLS = (
    Tool(
        "weather",
        "The weather of a city.",
        {
            "type": "object",
            "properties": {
                "city": {"type": "string"},
                "days": {"type": "array", "items": {"type": "integer"}},
            },
            "required": ["city", "days"],
            "additionalProperties": False,
        },
    ),
    Tool(
        "time",
        "The time in a zone.",
        {
            "type": "object",
            "properties": {"zone": {"type": "string"}},
            "required": ["zone"],
            "additionalProperties": False,
        },
    ),
)


@dataclass(frozen=True)
class Tokens:
    """Usage: `input` has those of the cache in it, `output` those of reasoning; None where it is not told."""

    input: int | None
    output: int | None
    cached: int = 0
    written: int = 0
    reasoning: int = 0


@dataclass(frozen=True)
class Called:
    """A tool call as the SDK gives it."""

    id: str | None
    name: str
    arguments: dict[str, Any]


@dataclass(frozen=True)
class Failure:
    """An error: its status, 0 in the middle of a stream, and whether the provider's words are in it."""

    status: int
    message: str


@dataclass(frozen=True)
class Seen:
    """What an SDK saw of one answer.

    `text` has a refusal's words in it, wherever the dialect puts them; `finish` says that it is one.
    """

    text: str = ""
    thinking: str = ""
    redacted: bool = False
    calls: tuple[Called, ...] = ()
    finish: str | None = "stop"
    usage: Tokens | None = None
    failure: Failure | None = None


@dataclass(frozen=True)
class Scene:
    """A conversation: what is asked, and what each answer must be."""

    name: str
    answers: tuple[Seen, ...]
    system: str = ""
    history: tuple[str, ...] = ()
    """Turns before the last, the user's first."""
    text: str = "hello"
    image: bool = False
    tools: bool = False
    stop: bool = False
    thinks: bool = False
    json: bool = False
    max_tokens: int | None = None
    only_streamed: bool = False


_WEATHER = Called("call_w1", "weather", {"city": "Zürich", "days": [1, 2]})
_TIME = Called("call_t2", "time", {"zone": "Europe/Zurich"})
_HALF = Seen("half of it", finish=None)
SCENES = (
    Scene("text", (Seen('Hello, wörld 🌍 "ok"\nbye', usage=Tokens(11, 5)),)),
    Scene("cached", (Seen("from the cache", usage=Tokens(1200, 9, cached=1024)),)),
    Scene("written", (Seen("to the cache", usage=Tokens(1300, 8, cached=1024, written=256)),)),
    Scene(
        "tools",
        (
            Seen(calls=(_WEATHER, _TIME), finish="calls", usage=Tokens(80, 31)),
            Seen("The tools said: 18C | 12:00", usage=Tokens(120, 12)),
        ),
        tools=True,
    ),
    Scene(
        "pretext",
        (
            Seen("Let me look.", calls=(_WEATHER,), finish="calls", usage=Tokens(81, 22)),
            Seen("The tools said: 18C", usage=Tokens(120, 12)),
        ),
        tools=True,
    ),
    Scene("think", (Seen("42.", "Six times seven is 42.", usage=Tokens(30, 50, reasoning=42)),), thinks=True),
    Scene(
        "redacted", (Seen("It is.", "Hm.", redacted=True, usage=Tokens(31, 51, reasoning=43)),), thinks=True
    ),
    Scene(
        "thinktools",
        (
            Seen(
                "",
                "I need the weather.",
                calls=(_WEATHER,),
                finish="calls",
                usage=Tokens(90, 60, reasoning=25),
            ),
            Seen("The tools said: 18C", usage=Tokens(120, 12)),
        ),
        tools=True,
        thinks=True,
    ),
    Scene("refusal", (Seen("I can't help.", finish="refusal", usage=Tokens(12, 6)),)),
    Scene("stop", (Seen("one two ", finish="sequence", usage=Tokens(13, 3)),), stop=True),
    Scene("length", (Seen("on and on", finish="length", usage=Tokens(14, 16)),), max_tokens=MAX_TOKENS),
    Scene(
        "json",
        (Seen(json.dumps({"name": "Ada", "age": 36, "tags": ["ü", '"quoted"']}), usage=Tokens(40, 17)),),
        text="Answer in JSON.",
        json=True,
    ),
    Scene(
        "echo",
        (Seen("Be brief. / uau / three", usage=Tokens(20, 10)),),
        system="Be brief.",
        history=("one", "two"),
        text="three",
    ),
    Scene("image", (Seen(f"image/png {len(PNG)}", usage=Tokens(99, 7)),), image=True),
    Scene("limited", (Seen(finish=None, failure=Failure(429, "Too many requests, try again later")),)),
    Scene("broken", (Seen(finish=None, failure=Failure(500, "The fake is broken")),)),
    Scene("overloaded", (Seen(finish=None, failure=Failure(529, "Overloaded, the fake is")),)),
    Scene("nowhere", (Seen(finish=None, failure=Failure(404, "does not exist")),)),
    Scene(
        "midfail",
        (replace(_HALF, failure=Failure(0, "The model failed in the middle")),),
        only_streamed=True,
    ),
    Scene("cut", (replace(_HALF, failure=Failure(0, "")),), only_streamed=True),
)


def _named(seen: Seen, wanted: Seen) -> Seen:
    """The same with ids that were made called so."""
    own = len({call.id for call in seen.calls}) == len(seen.calls) == len(wanted.calls)
    if not own:
        return seen
    calls = [
        replace(one, id=MADE) if other.id == MADE and one.id else one
        for one, other in zip(seen.calls, wanted.calls, strict=True)
    ]
    return replace(seen, calls=tuple(calls))


def same(seen: Seen, wanted: Seen, *, json_text: bool = False) -> bool:
    """Whether what was seen is what was wanted; a failure's message needs to contain the wanted one only."""
    seen = _named(seen, wanted)
    if seen.failure and wanted.failure:
        right = (
            seen.failure.status == wanted.failure.status and wanted.failure.message in seen.failure.message
        )
        return right and replace(seen, failure=None) == replace(wanted, failure=None)
    if json_text and seen.text and wanted.text:
        right = json.loads(seen.text) == json.loads(wanted.text)
        return right and replace(seen, text="") == replace(wanted, text="")
    return seen == wanted
