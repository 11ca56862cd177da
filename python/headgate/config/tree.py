"""YAML and JSON text to plain values, with the line of every path; nothing is validated here.

Invariant: any bytes give values or a list of problems, never another exception: depth and size are bounded,
duplicate keys are problems, and `${NAME}` is expanded in values only, after the structure is known, so that a
variable's content can never change the document's shape. Scalars follow YAML 1.2's core schema (`no` and
`12:30` are text), section 10.3.2.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import NamedTuple, NoReturn, TypeAlias

import yaml

from headgate.config.env import expand
from headgate.config.problems import Path, Problem
from headgate.config.values import Expanded

Value: TypeAlias = "bool | int | float | str | list[Value] | dict[str, Value] | None"

_MAX_DEPTH = 32
_MAX_NODES = 2_000_000
_NULL = re.compile(r"|~|null|Null|NULL")
_FLAG = re.compile(r"true|True|TRUE|false|False|FALSE")
_WHOLE = re.compile(r"[-+]?[0-9]{1,18}")
_REAL = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]{1,3})?")
_NOT_PLAIN = re.compile(
    r"\\u[dD][89abAB][0-9A-Fa-f]{2}\\u[dD][c-fC-F][0-9A-Fa-f]{2}|\\u[0-9A-Fa-f]{4}|\\.|[^\x20-\x7e\r\n]"
)
_STANDARD_TAG = re.compile(r"tag:yaml\.org,2002:(?:str|int|float|bool|null|map|seq)")
# The parser quotes pieces of the text in its messages; only the names of its own tokens may be shown.
_QUOTED_TEXT = re.compile(r"'(?!<)[^']{2,}'")


class UnreadableError(Exception):
    """The text has no structure at all; the message says why, `line` where."""

    def __init__(self, message: str, line: int) -> None:
        super().__init__(message)
        self.line = line


class Tree(NamedTuple):
    """Values, the line (from 1) of every path, and the duplicate keys and undefined variables among them."""

    value: Value
    lines: dict[Path, int]
    problems: list[Problem]


def read(text: str, env: Mapping[str, str], *, is_json: bool) -> Tree:
    """The tree of a text.

    Raises:
        UnreadableError: it is no YAML, or no JSON.
    """
    if is_json:
        text = _checked_json(text)
    builder = _Builder(text, env)
    try:
        value = builder.document()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        words = _QUOTED_TEXT.sub("a text", error.problem or error.context or "it cannot be read")
        _fail(f"not valid YAML: {words}", mark.line + 1 if mark else 1)
    except yaml.YAMLError:
        _fail("not valid YAML: a character is not allowed there", 1)
    return Tree(value, builder.lines, builder.problems)


def _fail(message: str, line: int) -> NoReturn:
    raise UnreadableError(message, line)


def _line(event: yaml.Event) -> int:
    return event.start_mark.line + 1 if event.start_mark else 1


def _checked_json(text: str) -> str:
    """JSON that is sure to be JSON, so that the YAML parser, which knows the lines, can read it.

    In valid JSON a tab stands only between tokens, where YAML wants spaces, and a sign beyond ASCII only in a
    text, where it may be escaped: so YAML's own rules on printable signs and line breaks do not come in.
    """
    try:
        json.loads(text)
    except json.JSONDecodeError as error:
        _fail(f"not valid JSON: {error.msg}", error.lineno)
    except RecursionError:
        _fail("is nested too deeply", 1)
    return _NOT_PLAIN.sub(_escaped, text)


def _escaped(match: re.Match[str]) -> str:
    """A sign or an escape of JSON as YAML writes it; half a pair of surrogates is U+FFFD."""
    text = match[0]
    if text == "\t":
        return " "
    if text == "\\/":
        return "/"
    if text[0] == "\\" and text[1] != "u":
        return text
    sign = json.loads(f'"{text}"') if text[0] == "\\" else text
    point = ord(sign) if len(sign) == 1 and not "\ud800" <= sign <= "\udfff" else 0xFFFD
    return f"\\U{point:08x}"


class _Builder:
    """Builds values from the parser's events: the parser keeps no stack of ours, so depth is counted here."""

    def __init__(self, text: str, env: Mapping[str, str]) -> None:
        self._events = yaml.parse(text, Loader=yaml.CSafeLoader if yaml.__with_libyaml__ else yaml.SafeLoader)
        self._env = env
        self._anchors: dict[str, Value] = {}
        self._nodes = 0
        self.lines: dict[Path, int] = {(): 1}
        self.problems: list[Problem] = []

    def document(self) -> Value:
        """The only document of the stream; an empty stream is None."""
        value: Value = None
        documents = 0
        for event in self._events:
            if isinstance(event, yaml.DocumentStartEvent):
                documents += 1
                if documents > 1:
                    _fail("holds more than one YAML document", _line(event))
                value = self._node(next(self._events), ())
        return value

    def _node(self, event: yaml.Event, path: Path) -> Value:
        self._nodes += 1
        if len(path) > _MAX_DEPTH or self._nodes > _MAX_NODES:
            _fail("is nested too deeply or too large", _line(event))
        self.lines.setdefault(path, _line(event))
        if isinstance(event, yaml.AliasEvent):
            return self._alias(event, path)
        tag = getattr(event, "tag", None)
        if tag and tag != "!" and not _STANDARD_TAG.fullmatch(tag):
            self.problems.append(Problem(path, "YAML tags are not used here"))
        value: Value
        if isinstance(event, yaml.MappingStartEvent):
            value = self._mapping(path)
        elif isinstance(event, yaml.SequenceStartEvent):
            value = self._sequence(path)
        elif isinstance(event, yaml.ScalarEvent):
            value = self._scalar(event, path)
        else:
            _fail("is cut short", _line(event))
        anchor = getattr(event, "anchor", None)
        if anchor:
            self._anchors[anchor] = value
        return value

    def _alias(self, event: yaml.AliasEvent, path: Path) -> Value:
        if event.anchor in self._anchors:
            return self._anchors[event.anchor]
        self.problems.append(Problem(path, "the YAML alias stands for no anchor above it"))
        return None

    def _mapping(self, path: Path) -> Value:
        mapping: dict[str, Value] = {}
        merged: list[Value] = []
        while not isinstance(event := next(self._events), yaml.MappingEndEvent):
            line = _line(event)
            if not isinstance(event, yaml.ScalarEvent):
                _fail("a key must be plain text", line)
            key = event.value
            below = (*path, key)
            if key in mapping:
                self.problems.append(Problem(below, f"written twice (first on line {self.lines[below]})"))
                self.lines[below] = line
            self.lines.setdefault(below, line)
            value = self._node(next(self._events), below)
            if key == "<<" and not event.style:
                merged += value if isinstance(value, list) else [value]
            else:
                mapping[key] = value
        return self._merge(mapping, merged, path)

    def _merge(self, mapping: dict[str, Value], merged: list[Value], path: Path) -> Value:
        """YAML's merge key: what is written in the mapping itself wins, then the earlier source."""
        for source in merged:
            if not isinstance(source, dict):
                self.problems.append(Problem((*path, "<<"), "merges something that is no mapping"))
                continue
            for key, value in source.items():
                mapping.setdefault(key, value)
        return mapping

    def _sequence(self, path: Path) -> Value:
        items: list[Value] = []
        while not isinstance(event := next(self._events), yaml.SequenceEndEvent):
            items.append(self._node(event, (*path, len(items))))
        return items

    def _scalar(self, event: yaml.ScalarEvent, path: Path) -> Value:
        text: str = event.value
        if "$" in text:
            try:
                expanded = expand(text, self._env)
            except ValueError as error:
                self.problems.append(Problem(path, str(error)))
                return Expanded()
            return Expanded(expanded) if "${" in text else expanded
        return _resolve(text) if not event.style and event.implicit[0] else text


def _resolve(text: str) -> Value:
    if _NULL.fullmatch(text):
        return None
    if _FLAG.fullmatch(text):
        return text.lower() == "true"
    if _WHOLE.fullmatch(text):
        return int(text)
    return float(text) if _REAL.fullmatch(text) else text
