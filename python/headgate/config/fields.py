"""The field types of the document: how pydantic reads, dumps and describes them.

Invariant: each type accepts `${NAME}` in the JSON Schema, because editors see the file before expansion.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, PlainSerializer, WithJsonSchema

from headgate.config import values
from headgate.config.values import Address

_REFERENCE = r"\$\{"


def _text_or_reference(kind: str, pattern: str, example: str) -> WithJsonSchema:
    """A string of some form; `$comment` is the form's name on the reference page."""
    return WithJsonSchema(
        {
            "type": "string",
            "$comment": kind,
            "pattern": rf"^(?:{pattern})$|{_REFERENCE}",
            "examples": [example],
        }
    )


def _or_reference(kind: str, schema: dict[str, object]) -> WithJsonSchema:
    return WithJsonSchema({"$comment": kind, "anyOf": [schema, {"type": "string", "pattern": _REFERENCE}]})


def _workers(value: object) -> object:
    """`auto` is 0: the compiler asks the machine."""
    if value == "auto":
        return 0
    number = values.parse_whole(value)
    if isinstance(number, int) and not isinstance(number, bool) and 1 <= number <= MAX_WORKERS:
        return number
    message = f"expected auto or a whole number from 1 to {MAX_WORKERS}, got {_number_or_kind(value)}"
    raise ValueError(message)


def _number_or_kind(value: object) -> str:
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else values.shown(value)


def _name(value: str) -> str:
    if not value or value != value.strip() or not value.isprintable():
        message = "expected a name: at least one sign, no blanks around it, no control characters"
        raise ValueError(message)
    return str(value)


MAX_WORKERS = 256
MAX_LIMIT = (1 << 32) - 1

Duration = Annotated[
    float,
    BeforeValidator(values.parse_duration),
    PlainSerializer(values.format_duration, return_type=str),
    _text_or_reference("duration", values.DURATION_PATTERN, "10s"),
]
Size = Annotated[
    int,
    BeforeValidator(values.parse_size),
    PlainSerializer(values.format_size, return_type=str),
    _text_or_reference("size", values.SIZE_PATTERN, "32MiB"),
]
Listen = Annotated[
    Address,
    BeforeValidator(values.parse_address),
    PlainSerializer(str, return_type=str),
    _text_or_reference("host:port", values.ADDRESS_PATTERN, "127.0.0.1:8080"),
]
Instant = Annotated[
    float,
    BeforeValidator(values.parse_instant),
    PlainSerializer(values.format_instant, return_type=str),
    WithJsonSchema(
        {
            "type": "string",
            "$comment": "date or date and time",
            "examples": ["2027-01-31", "2027-01-31T12:00:00Z"],
        }
    ),
]
Workers = Annotated[
    int,
    BeforeValidator(_workers),
    PlainSerializer(lambda count: count or "auto"),
    _or_reference(
        "`auto` or a whole number",
        {"anyOf": [{"const": "auto"}, {"type": "integer", "minimum": 1, "maximum": MAX_WORKERS}]},
    ),
]
Flag = Annotated[
    bool, BeforeValidator(values.parse_flag), _or_reference("true or false", {"type": "boolean"})
]
Name = Annotated[str, AfterValidator(_name), WithJsonSchema({"type": "string", "minLength": 1})]


def _at_most(value: int) -> int:
    if not 0 <= value <= MAX_LIMIT:
        message = f"expected a whole number from 0 to {MAX_LIMIT}"
        raise ValueError(message)
    return value


Limit = Annotated[
    int,
    BeforeValidator(values.parse_whole),
    AfterValidator(_at_most),
    _or_reference("whole number", {"type": "integer", "minimum": 0, "maximum": MAX_LIMIT}),
]


class Section(BaseModel):
    """A mapping of the document: strict, without unknown keys, never changed."""

    model_config = ConfigDict(
        extra="forbid", strict=True, frozen=True, hide_input_in_errors=True, use_attribute_docstrings=True
    )
