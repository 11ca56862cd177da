"""What a dialect cannot say, so what is legitimately lost between an SDK and a provider.

Invariant: nothing is lost that both of them can say, but for the `GAPS`, each with its reason.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum

from conformance.sdk.scenes import MADE, Called, Failure, Scene, Seen


class Ids(Enum):
    """Whether there are ids of calls: from a provider, and for a client."""

    ALWAYS = "the provider gives them; the client must have some"
    GIVEN = "the provider gives none; the client is shown those that another gave"
    HIDDEN = "the provider gives them; the client is shown none"


@dataclass(frozen=True)
class Dialect:
    """What a dialect can tell, as a client's and as a provider's.

    Attributes:
        lacks: scenes that cannot be asked for in it.
        ids: what becomes of the ids of calls.
        sequence: whether a stop sequence is told from a regular end.
        refusal: whether a refusal is told from a regular end.
        refusal_text: whether a provider says one in words.
        thinking: whether the thoughts are told.
        redacted: whether it is told that there are hidden ones.
        cached, written, reasoning: which counts of tokens it has.
        overloaded: the status of an overloaded service.
    """

    lacks: frozenset[str] = frozenset({"redacted"})
    ids: Ids = Ids.ALWAYS
    sequence: bool = False
    refusal: bool = True
    refusal_text: bool = True
    thinking: bool = True
    redacted: bool = False
    cached: bool = True
    written: bool = False
    reasoning: bool = True
    overloaded: int = 503


OPENAI = Dialect(thinking=False)
RESPONSES = Dialect(lacks=frozenset({"redacted", "stop"}), written=True)
ANTHROPIC = Dialect(frozenset(), sequence=True, redacted=True, written=True, overloaded=529)
GEMINI = Dialect(ids=Ids.GIVEN, refusal_text=False)
# Its API has ids of calls; its SDK does not show them.
OLLAMA = Dialect(ids=Ids.HIDDEN, refusal=False, cached=False, reasoning=False)
BEDROCK = Dialect(frozenset(), sequence=True, redacted=True, written=True, reasoning=False)
CLIENTS = {
    "openai_chat": OPENAI,
    "openai_responses": RESPONSES,
    "azure_chat": OPENAI,
    "azure_responses": RESPONSES,
    "anthropic": ANTHROPIC,
    "anthropic_vertex": ANTHROPIC,
    "anthropic_bedrock": replace(ANTHROPIC, overloaded=503),
    "google": GEMINI,
    "google_vertex": GEMINI,
    "ollama": OLLAMA,
    "ollama_generate": replace(OLLAMA, lacks=OLLAMA.lacks | {"tools", "pretext", "thinktools", "echo"}),
    "bedrock": BEDROCK,
}
PROVIDERS = {
    "openai": OPENAI,
    "compatible": OPENAI,
    "anthropic": ANTHROPIC,
    "gemini": GEMINI,
    "ollama": OLLAMA,
}
NATIVE = {
    ("openai_responses", "openai"): RESPONSES,
    ("azure_responses", "openai"): RESPONSES,
    ("openai_chat", "ollama"): OPENAI,
    ("azure_chat", "ollama"): OPENAI,
}
"""Where a provider of several dialects is asked in another than its first."""

GAPS: dict[tuple[str, str, str], str] = {}
"""What is not right yet, and why: these cases must fail, so who mends one is told to take it out."""


def wanted(scene: Scene, client: str, provider: str) -> list[Seen] | None:
    """What a client must see of each answer of a provider; None where the scene cannot be asked for."""
    asks, says = CLIENTS[client], NATIVE.get((client, provider), PROVIDERS[provider])
    if scene.name in asks.lacks | says.lacks:
        return None
    return [_behind_gateway(_through(seen, asks, says)) for seen in scene.answers]


def told(scene: Scene, client: str) -> list[Seen] | None:
    """What a client must see of each answer of its own provider."""
    dialect = CLIENTS[client]
    if scene.name in dialect.lacks:
        return None
    return [_through(seen, dialect, dialect) for seen in scene.answers]


def _behind_gateway(seen: Seen) -> Seen:
    """A provider that fails is a bad gateway, whatever it called itself."""
    failed = seen.failure is not None and seen.failure.status >= 500
    return replace(seen, failure=replace(seen.failure, status=502)) if failed and seen.failure else seen


def _through(seen: Seen, asks: Dialect, says: Dialect) -> Seen:
    both = _both(asks, says)
    finish = seen.finish
    if (finish == "sequence" and not both.sequence) or (finish == "refusal" and not both.refusal):
        finish = "stop"
    usage = seen.usage
    if usage is not None:
        usage = replace(
            usage,
            cached=usage.cached if both.cached else 0,
            written=usage.written if both.written else 0,
            reasoning=usage.reasoning if both.reasoning else 0,
        )
    failure = seen.failure
    if failure and failure.status == 529:
        failure = Failure(says.overloaded if asks is says else asks.overloaded, failure.message)
    return replace(
        seen,
        text="" if seen.finish == "refusal" and not says.refusal_text else seen.text,
        thinking=seen.thinking if both.thinking else "",
        redacted=seen.redacted and both.redacted,
        calls=tuple(Called(_id(call, asks, says), call.name, call.arguments) for call in seen.calls),
        finish=finish,
        usage=usage,
        failure=failure,
    )


def _id(call: Called, asks: Dialect, says: Dialect) -> str | None:
    if asks.ids is Ids.HIDDEN:
        return None
    if says.ids is not Ids.GIVEN:
        return call.id
    return MADE if asks.ids is Ids.ALWAYS else None


def _both(asks: Dialect, says: Dialect) -> Dialect:
    names = (
        "sequence",
        "refusal",
        "thinking",
        "redacted",
        "cached",
        "written",
        "reasoning",
    )
    return replace(asks, **{name: getattr(asks, name) and getattr(says, name) for name in names})
