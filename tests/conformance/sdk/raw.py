"""A request of each dialect without any SDK, for what SDKs hide: headers, ids, times, bytes.

Invariant: a form asks for the same as the scene `text` does.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from support.client import Answer, Client

_TURNS = [{"role": "user", "content": "hello"}]
_CONTENTS = {"contents": [{"role": "user", "parts": [{"text": "hello"}]}]}


class Form(NamedTuple):
    """A dialect's address, whole and streamed, and body; `{}` is the model.

    Attributes:
        named: whether the body names the model.
        streams: what the body says of streaming, where the address does not.
    """

    whole: str
    stream: str
    body: dict[str, Any]
    named: bool = True
    streams: bool = True

    def post(self, client: Client, model: str, *, stream: bool = False, **members: Any) -> Answer:  # noqa: ANN401
        """Ask."""
        body = {**self.body, **members}
        body |= {"model": model} if self.named else {}
        body |= {"stream": stream} if self.streams else {}
        return client.post((self.stream if stream else self.whole).format(model), body)


def _plain(path: str, body: dict[str, Any]) -> Form:
    return Form(path, path, body)


_GEMINI = "/v1beta/models/{}:"
FORMS = {
    "openai": _plain("/v1/chat/completions", {"messages": _TURNS}),
    "azure": Form(
        *(["/openai/deployments/{}/chat/completions?api-version=2024-10-21"] * 2),
        {"messages": _TURNS},
        named=False,
    ),
    "responses": _plain("/v1/responses", {"input": "hello", "store": False}),
    "anthropic": _plain("/v1/messages", {"messages": _TURNS, "max_tokens": 99}),
    "gemini": Form(
        _GEMINI + "generateContent",
        _GEMINI + "streamGenerateContent?alt=sse",
        _CONTENTS,
        named=False,
        streams=False,
    ),
    "gemini_array": Form(
        _GEMINI + "generateContent", _GEMINI + "streamGenerateContent", _CONTENTS, named=False, streams=False
    ),
    "ollama": _plain("/api/chat", {"messages": _TURNS}),
    "ollama_generate": _plain("/api/generate", {"prompt": "hello"}),
}


def text(form: str, body: Any) -> str:  # noqa: ANN401  any JSON
    """The text of a whole answer."""
    if form.startswith("gemini"):
        parts = body["candidates"][0]["content"]["parts"]
        return "".join(part.get("text", "") for part in parts if not part.get("thought"))
    if form == "anthropic":
        return "".join(block.get("text", "") for block in body["content"])
    if form == "responses":
        said = [part for item in body["output"] if item["type"] == "message" for part in item["content"]]
        return "".join(part.get("text", "") for part in said)
    if form == "ollama_generate":
        return str(body["response"])
    message = body["message"] if form == "ollama" else body["choices"][0]["message"]
    return message["content"] or ""
