"""The members of Bedrock's requests, from the model of the service that AWS publishes with its SDK.

Invariant: a member that the model has not, a union with two members and a value out of its bounds are
refused, at every depth.
Source: the service model bedrock-runtime of botocore; smithy.io/2.0/spec/constraint-traits.html.
"""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING, Any

import botocore.session
from support.fakes.server import decoded, need

if TYPE_CHECKING:
    from botocore.model import Shape, StructureShape

_KINDS: dict[str, type | tuple[type, ...]] = {
    "string": str,
    "integer": int,
    "long": int,
    "float": (int, float),
    "double": (int, float),
    "boolean": bool,
    "list": list,
    "map": dict,
    "structure": dict,
}


@cache
def _service() -> Any:  # noqa: ANN401  botocore has no types
    return botocore.session.get_session().get_service_model("bedrock-runtime")


def check(operation: str, body: dict[str, Any]) -> None:
    """Refuse a body that is not of the operation; what is in its path and headers is not in its body."""
    shape: StructureShape = _service().operation_model(operation).input_shape
    placed = {name for name, member in shape.members.items() if member.serialization.get("location")}
    _structure(shape, body, "", frozenset(placed))


def _value(shape: Shape, value: Any, where: str) -> None:  # noqa: ANN401  any JSON
    if getattr(shape, "is_document_type", False):
        return
    if shape.type_name == "blob":
        decoded(value, where)
        return
    expected = _KINDS[shape.type_name]
    right = isinstance(value, expected) and (expected is bool or not isinstance(value, bool))
    need(right, f"Value at '{where}' failed to satisfy constraint: Member must be a {shape.type_name}")
    _bounds(shape, value, where)
    if shape.type_name == "structure":
        _structure(shape, value, where)
    elif shape.type_name == "list":
        for at, each in enumerate(value):
            _value(shape.member, each, f"{where}.{at}")
    elif shape.type_name == "map":
        for name, each in value.items():
            _value(shape.value, each, f"{where}.{name}")


def _structure(shape: Any, value: dict[str, Any], where: str, apart: frozenset[str] = frozenset()) -> None:  # noqa: ANN401
    known = {
        member.serialization.get("name", name): member
        for name, member in shape.members.items()
        if name not in apart
    }
    for name, held in value.items():
        need(
            name in known,
            f"Malformed input request: extraneous key [{where}.{name}] is not permitted".replace("[.", "["),
        )
        _value(known[name], held, f"{where}.{name}".lstrip("."))
    missing = [name for name in shape.required_members if name not in value and name not in apart]
    need(not missing, f"Value at '{where}' failed to satisfy constraint: Member must not be null: {missing}")
    one = not getattr(shape, "is_tagged_union", False) or len(value) == 1
    need(one, f"Value at '{where}': exactly one member of the union must be set")


def _bounds(shape: Any, value: Any, where: str) -> None:  # noqa: ANN401  botocore has no types
    what = f"Value at '{where}' failed to satisfy constraint: Member must"
    size = value if shape.type_name in ("integer", "long", "float", "double") else None
    size = len(value) if shape.type_name in ("string", "list", "map") else size
    low, high = shape.metadata.get("min"), shape.metadata.get("max")
    need(
        size is None or low is None or size >= low,
        f"{what} have value or length greater than or equal to {low}",
    )
    need(
        size is None or high is None or size <= high,
        f"{what} have value or length less than or equal to {high}",
    )
    enum = shape.metadata.get("enum")
    need(not enum or value in enum, f"{what} satisfy enum value set: {enum}")
    pattern = shape.metadata.get("pattern")
    fits = not pattern or not isinstance(value, str) or re.fullmatch(pattern, value)
    need(fits, f"{what} satisfy regular expression pattern: {pattern}")
