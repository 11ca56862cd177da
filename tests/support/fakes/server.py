"""What every strict provider shares: where it listens, how it refuses, and what it keeps of who asked.

Invariant: a request is either refused in the service's own words and shape, or kept in `requests` and
answered; the answer depends on nothing but the request.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, cast

from support import wire
from support.fakes import plays
from support.upstream import End, Received, Step, Upstream

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable

    from support.fakes.plays import Asked, Play

JSON = dict[str, Any]
PICTURES = ("image/png", "image/jpeg", "image/gif", "image/webp")
_NAME = re.compile(r"[a-zA-Z0-9_-]{1,64}")


@dataclass
class Refused(Exception):
    """A request that the service does not take; `kind` is the type, code or status it names."""

    status: int
    message: str
    kind: str = ""
    headers: tuple[str, ...] = ()


@dataclass(frozen=True)
class Accepted:
    """A request that was taken."""

    path: str
    headers: dict[str, str]
    body: JSON
    asked: Asked | None = field(default=None)


class Fake(Upstream):
    """A provider of one dialect.

    Attributes:
        key: what callers must show.
        requests: those that were accepted, in their order.
        refusals: the messages of those that were not.
    """

    key: ClassVar[str] = "key-of-the-strict-provider"

    def __init__(self) -> None:
        """Plain HTTP on a free port of this machine."""
        super().__init__()
        self.requests: list[Accepted] = []  # type: ignore[assignment]  # here all are of interest
        self.refusals: list[str] = []

    @property
    def root(self) -> str:
        """The URL before every path."""
        return f"http://localhost:{self.port}"

    def take(self, request: Received) -> Iterable[Step]:
        """Answer or refuse."""
        try:
            return self.answer(request)
        except Refused as refused:
            self.refusals.append(refused.message)
            return self.refusal(refused)

    def answer(self, request: Received) -> Iterable[Step]:
        """The answer to a request; each dialect has its own."""
        raise NotImplementedError

    def refusal(self, refused: Refused) -> Iterable[Step]:
        """An error in the service's shape."""
        raise NotImplementedError

    def keep(self, request: Received, body: JSON, asked: Asked | None = None) -> None:
        """Note an accepted request."""
        self.requests.append(Accepted(request.path, request.headers, body, asked))

    def perform(self, request: Received, body: JSON, asked: Asked) -> Play:
        """Keep the request and find what the model says to it; refuse where the scene is an error."""
        try:
            play = plays.perform(asked)
        except plays.UnmetError as unmet:
            raise Refused(unmet.status, str(unmet)) from None
        self.keep(request, body, asked)
        if play.fault:
            again = (f"retry-after: {play.fault.retry_after}",) if play.fault.retry_after else ()
            raise Refused(play.fault.status, play.fault.message, headers=again)
        return play


def words(text: str) -> frozenset[str]:
    """The words of a text, as names of members."""
    return frozenset(text.split())


def read(request: Received, method: str = "POST") -> JSON:
    """The body, which must be a JSON object and be called one."""
    if request.method != method:
        raise Refused(405, f"Method {request.method} is not allowed here")
    if request.headers.get("content-type", "").partition(";")[0].strip() != "application/json":
        raise Refused(415, "Unsupported Media Type: content-type must be application/json")
    try:
        body = json.loads(request.body)
    except ValueError as error:
        raise Refused(400, f"The body is not valid JSON: {error}") from None
    if not isinstance(body, dict):
        raise Refused(400, "The body must be a JSON object")
    return cast("JSON", body)


def need(holds: object, message: str, status: int = 400, kind: str = "") -> None:
    """Refuse unless `holds`."""
    if not holds:
        raise Refused(status, message, kind)


def members(
    value: object, where: str, allowed: Collection[str], unknown: Callable[[str, str], str]
) -> dict[str, Any]:
    """`value` as an object without members that nobody knows; `unknown` words the refusal."""
    need(isinstance(value, dict), f"{where or 'body'}: must be an object")
    found = cast("JSON", value)
    for name in found:
        need(name in allowed, unknown(where, name))
    return found


def number(body: JSON, name: str, low: float, high: float) -> None:
    """Refuse a number out of its range."""
    value = body.get(name)
    if value is not None:
        right = isinstance(value, int | float) and not isinstance(value, bool)
        need(right, f"{name}: must be a number")
        need(low <= value <= high, f"{name}: must be between {low:g} and {high:g}")


def whole(body: JSON, name: str, low: int = 1) -> None:
    """Refuse what is no whole number of at least `low`."""
    value = body.get(name)
    if value is not None:
        need(isinstance(value, int) and not isinstance(value, bool), f"{name}: must be an integer")
        need(value >= low, f"{name}: must be greater than or equal to {low}")


def tool_name(name: object, where: str) -> str:
    """A tool's name, which services limit alike."""
    right = isinstance(name, str) and _NAME.fullmatch(name)
    need(right, f"{where}: String should match pattern '^[a-zA-Z0-9_-]{{1,64}}$'")
    return str(name)


def object_schema(schema: object, where: str) -> None:
    """A JSON Schema of an object, as arguments of tools are."""
    need(isinstance(schema, dict), f"{where}: must be a JSON Schema object")
    need(cast("JSON", schema).get("type") == "object", f"{where}.type: Input should be 'object'")


def picture(data: object, media: object, where: str) -> str:
    """What a test may say of an image: its type and its size in bytes."""
    need(media in PICTURES, f"{where}.media_type: Input should be {', '.join(PICTURES)}")
    return f"{media} {len(decoded(data, where))}"


def decoded(data: object, where: str) -> bytes:
    """Bytes from base64, which must be whole and not empty."""
    need(isinstance(data, str) and data, f"{where}.data: must be a base64 string")
    try:
        return base64.b64decode(str(data), validate=True)
    except binascii.Error:
        raise Refused(400, f"{where}.data: Invalid base64 data") from None


def events(texts: Iterable[bytes], play: Play, broken: bytes, kind: str = "text/event-stream") -> list[Step]:
    """A chunked stream that ends as the scene says: whole, with `broken` for an error, or just cut."""
    head = f"HTTP/1.1 200 OK\r\ncontent-type: {kind}\r\ntransfer-encoding: chunked\r\n\r\n"
    sent: list[Step] = [head.encode(), *(wire.chunk(text) for text in texts)]
    if play.breaks is plays.Breaks.CUT:
        return [*sent, End.CLOSE]
    if play.breaks is plays.Breaks.ERROR:
        sent += [wire.chunk(broken)] if broken else []
    return [*sent, wire.chunk(b"")]


def sse(payload: JSON, name: str | None = None) -> bytes:
    """A server-sent event."""
    head = f"event: {name}\n" if name else ""
    return f"{head}data: {json.dumps(payload, ensure_ascii=False)}\n\n".encode()


def vector(text: str, dimensions: int) -> list[float]:
    """An embedding that says what was embedded: exact in binary, different for different texts."""
    seed = sum((at + 1) * byte for at, byte in enumerate(text.encode()))
    return [((seed + 7 * at) % 64 - 32) / 32 for at in range(dimensions)]
