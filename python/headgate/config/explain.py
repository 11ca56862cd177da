"""The validation library's errors in the words of a person who wrote a configuration file.

Invariant: no value appears; every kind of error that our models can raise has its own sentence, and an
unforeseen one still says where it is.
"""

from __future__ import annotations

import re
import typing

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from headgate.config.problems import Path, Problem, did_you_mean
from headgate.config.values import kind

_MISSING = "is missing"
_FIXED = {"missing": _MISSING, "too_short": "needs at least one entry"}
_SUGGESTION = re.compile(r'^unknown key; did you mean "(.+)"')
_EXPECTED = {
    "string_type": "text",
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "bool_type": "true or false",
    "list_type": "a list",
    "dict_type": "a mapping",
    "model_type": "a mapping",
}


def problems_of(error: ValidationError, model: type[BaseModel]) -> list[Problem]:
    """Every error of a validation as a problem; a misspelt key is not also missed by its right name."""
    problems = [_problem(detail, model) for detail in error.errors(include_url=False)]
    misspelt = {(*p.path[:-1], name) for p in problems if (name := _meant(p.message)) is not None}
    return [p for p in problems if not (p.message == _MISSING and p.path in misspelt)]


def _meant(message: str) -> str | None:
    found = _SUGGESTION.search(message)
    return found[1] if found else None


def _problem(detail: ErrorDetails, model: type[BaseModel]) -> Problem:
    path: Path = tuple(detail["loc"])
    if detail["type"] == "extra_forbidden":
        return Problem(path, f"unknown key{did_you_mean(str(path[-1]), _keys_at(model, path[:-1]))}")
    if detail["type"] == "value_error":
        return Problem(path, str(detail["ctx"]["error"]))
    if detail["type"] in _FIXED:
        return Problem(path, _FIXED[detail["type"]])
    return Problem(path, _mistyped(detail))


def _mistyped(detail: ErrorDetails) -> str:
    """What stands there and what should."""
    code, value = detail["type"], detail["input"]
    if value is None:
        return "has no value; fill it in or remove the line"
    if code == "literal_error":
        return f"expected {detail['ctx']['expected'].replace(chr(39), '')}"
    if code not in _EXPECTED:
        return "has a value that is not allowed here"
    quote = "; put it in quotes" if code == "string_type" and not isinstance(value, (list, dict)) else ""
    return f"expected {_EXPECTED[code]}, got {kind(value)}{quote}"


def _keys_at(model: type[BaseModel], path: Path) -> list[str]:
    """The keys that the section at `path` knows; none when the path leads to no section."""
    for part in path:
        if isinstance(part, int):
            continue
        field = model.model_fields.get(part)
        inner = _section_in(field.annotation) if field else None
        if inner is None:
            return []
        model = inner
    return list(model.model_fields)


def _section_in(annotation: object) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((found for arg in typing.get_args(annotation) if (found := _section_in(arg))), None)
