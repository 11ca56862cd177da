"""What the model says in each scene, in no dialect: a fake tells it in its own.

Invariant: a scene is a function of the request alone, and its usage is a fixed number of tokens. A scene
that is about a request's member (an image, a schema, a stop sequence) refuses a request that came without
it.
"""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass, replace
from enum import Enum
from typing import Any


class Finish(Enum):
    """Why the model stopped."""

    STOP = "stop"
    LENGTH = "length"
    CALLS = "calls"
    SEQUENCE = "sequence"
    REFUSAL = "refusal"


class Breaks(Enum):
    """How a stream ends that does not end well."""

    NOT = "not"
    ERROR = "an error event"
    CUT = "the connection closes"


@dataclass(frozen=True)
class Usage:
    """Tokens: `input` has those read from and written to the cache in it, `output` those of reasoning."""

    input: int
    output: int
    cached: int = 0
    written: int = 0
    reasoning: int = 0


@dataclass(frozen=True)
class Call:
    """A tool call."""

    id: str
    name: str
    arguments: dict[str, Any]

    @property
    def json(self) -> str:
        """The arguments as a model writes them."""
        return json.dumps(self.arguments, ensure_ascii=False)

    @property
    def pieces(self) -> list[str]:
        """The arguments, torn at places that no parser likes."""
        whole = self.json
        return [whole[at : at + 7] for at in range(0, len(whole), 7)]


@dataclass(frozen=True)
class Fault:
    """An error instead of an answer."""

    status: int
    message: str
    retry_after: str | None = None


@dataclass(frozen=True)
class Play:
    """All that the model says."""

    usage: Usage
    text: tuple[str, ...] = ()
    thinking: tuple[str, ...] = ()
    redacted: bool = False
    calls: tuple[Call, ...] = ()
    finish: Finish = Finish.STOP
    fault: Fault | None = None
    breaks: Breaks = Breaks.NOT

    @property
    def signature(self) -> str:
        """What proves that the thinking is the model's own."""
        return signed("".join(self.thinking))


@dataclass(frozen=True)
class Asked:
    """What a scene may look at, whatever dialect said it."""

    model: str
    stream: bool
    roles: str = ""
    """A letter a turn: u, a, and t for results of tools where the dialect has turns of them."""
    system: str = ""
    text: str = ""
    """The last text of the user's."""
    results: tuple[str, ...] = ()
    """What tools answered in the last turns."""
    images: tuple[str, ...] = ()
    tools: tuple[str, ...] = ()
    stops: tuple[str, ...] = ()
    max_tokens: int | None = None
    thinks: bool = False
    json: bool = False
    """The answer must be JSON."""
    json_tool: str | None = None
    """The tool that must be called where a dialect asks for JSON so."""

    @property
    def scene(self) -> str:
        """The last word of the model's name."""
        return re.split(r"[-/.:@]", self.model)[-1]


class UnmetError(Exception):
    """The request lacks what its scene is about."""

    def __init__(self, message: str, status: int = 400) -> None:
        """`status` as the service would answer."""
        super().__init__(message)
        self.status = status


END = "END"
MAX_TOKENS = 16
REDACTED = "cmVkYWN0ZWQgYnkgdGhlIGZha2U="
WEATHER = Call("call_w1", "weather", {"city": "Zürich", "days": [1, 2]})
TIME = Call("call_t2", "time", {"zone": "Europe/Zurich"})
OBJECT = {"name": "Ada", "age": 36, "tags": ["ü", '"quoted"']}
_PLAYS = {
    "text": Play(Usage(11, 5), ("Hello", ", ", "wörld", ' 🌍 "ok"\n', "bye")),
    "cached": Play(Usage(1200, 9, cached=1024), ("from", " the cache")),
    "written": Play(Usage(1300, 8, cached=1024, written=256), ("to", " the cache")),
    "tools": Play(Usage(80, 31), calls=(WEATHER, TIME), finish=Finish.CALLS),
    "pretext": Play(Usage(81, 22), ("Let me", " look."), calls=(WEATHER,), finish=Finish.CALLS),
    "think": Play(Usage(30, 50, reasoning=42), ("42", "."), ("Six times", " seven", " is 42.")),
    "redacted": Play(Usage(31, 51, reasoning=43), ("It", " is."), ("Hm.",), redacted=True),
    "thinktools": Play(
        Usage(90, 60, reasoning=25), (), ("I need", " the weather."), calls=(WEATHER,), finish=Finish.CALLS
    ),
    "refusal": Play(Usage(12, 6), ("I can't", " help."), finish=Finish.REFUSAL),
    "stop": Play(Usage(13, 3), ("one", " two "), finish=Finish.SEQUENCE),
    "length": Play(Usage(14, MAX_TOKENS), ("on", " and", " on"), finish=Finish.LENGTH),
    "json": Play(Usage(40, 17), tuple(json.dumps(OBJECT, ensure_ascii=False).partition("age"))),
    "echo": Play(Usage(20, 10)),
    "image": Play(Usage(99, 7)),
    "limited": Play(Usage(0, 0), fault=Fault(429, "Too many requests, try again later", "7")),
    "broken": Play(Usage(0, 0), fault=Fault(500, "The fake is broken")),
    "overloaded": Play(Usage(0, 0), fault=Fault(529, "Overloaded, the fake is")),
    "midfail": Play(Usage(11, 2), ("half", " of it"), breaks=Breaks.ERROR),
    "cut": Play(Usage(11, 2), ("half", " of it"), breaks=Breaks.CUT),
}
MIDFAIL = "The model failed in the middle"


def perform(asked: Asked) -> Play:
    """What is said to a request.

    Raises:
        UnmetError: it names no scene, or lacks what its scene is about.
    """
    play = _PLAYS.get(asked.scene)
    if play is None:
        raise UnmetError(f"The model `{asked.model}` does not exist", 404)
    lacking = _lacking(asked, play)
    if lacking:
        raise UnmetError(f"the scene {asked.scene} needs {lacking}")
    if play.calls and asked.results:
        return Play(Usage(120, 12), ("The tools said: ", " | ".join(asked.results)))
    if asked.scene == "echo":
        return replace(play, text=(f"{asked.system} / {asked.roles} / ", asked.text))
    if asked.scene == "image":
        return replace(play, text=tuple(asked.images))
    return play


def signed(thinking: str) -> str:
    """The signature of a thought."""
    return hashlib.sha256(f"the fake thought: {thinking}".encode()).hexdigest()


def known(thinking: str, signature: object) -> bool:
    """Whether a thought that comes back is one of ours, unchanged."""
    ours = any(thinking == "".join(play.thinking) for play in _PLAYS.values() if play.thinking)
    return ours and signature == signed(thinking)


def _lacking(asked: Asked, play: Play) -> str | None:
    missing = [call.name for call in play.calls if call.name not in asked.tools]
    demands = {
        "stop": (END in asked.stops, f"the stop sequence {END}"),
        "length": (asked.max_tokens == MAX_TOKENS, f"max tokens {MAX_TOKENS}, not {asked.max_tokens}"),
        "json": (asked.json or asked.json_tool, "a form of the answer"),
        "image": (asked.images, "an image"),
        "think": (asked.thinks, "thinking"),
        "redacted": (asked.thinks, "thinking"),
        # Who cannot send the thought back must go on without thinking.
        "thinktools": (asked.thinks or asked.results, "thinking"),
    }
    met, what = demands.get(asked.scene, (True, ""))
    if missing:
        return f"the tools {missing}"
    return None if met else what
