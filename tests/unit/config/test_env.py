"""Expansion of the environment, and the only door to it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from headgate.config import env
from headgate.config.env import UndefinedVariableError, expand
from hypothesis import given
from hypothesis import strategies as st

PACKAGE = Path(env.__file__).parent.parent


@given(st.text())
def test_text_with_doubled_signs_is_itself(text: str):
    assert expand(text.replace("$", "$$"), {}) == text


@given(st.text(), st.text(), st.text())
def test_a_variable_is_put_in_once_and_not_expanded_again(before: str, value: str, after: str):
    text = before.replace("$", "$$") + "${A_1}" + after.replace("$", "$$")
    assert expand(text, {"A_1": value}) == before + value + after


@pytest.mark.parametrize(
    ("text", "result"),
    [
        ("${A}", "a"),
        ("${A:-x}", "a"),
        ("${N:-x}", "x"),
        ("${N:-}", ""),
        ("${EMPTY:-x}", "x"),
        ("${EMPTY}", ""),
        ("$$", "$"),
        ("$A", "$A"),
        ("a$", "a$"),
        ("$${A}", "${A}"),
        ("${A}${A}", "aa"),
        ("${N:-a:b-c}", "a:b-c"),
    ],
)
def test_expansion(text: str, result: str):
    assert expand(text, {"A": "a", "EMPTY": ""}) == result


def test_an_undefined_variable_is_named():
    with pytest.raises(UndefinedVariableError, match="MY_KEY"):
        expand("x${MY_KEY}", {})


@pytest.mark.parametrize("text", ["${", "${}", "${1A}", "${A-x}", "${A", "${A:-${B}}"])
def test_what_is_no_reference_is_an_error(text: str):
    with pytest.raises(ValueError, match="begins no"):
        expand(text, {"A": "a", "B": "b"})


def test_variables_are_declared_once():
    names = [variable.name for variable in env.VARIABLES]
    assert len(names) == len(set(names))
    assert {"HEADGATE_CONFIG", "HEADGATE_ADMIN_KEY", "OPENAI_API_KEY", "OLLAMA_HOST"} <= set(names)
    assert {"AWS_REGION", "GOOGLE_CLOUD_PROJECT", "GEMINI_API_KEY"} <= set(names)


def test_nobody_else_reads_the_environment():
    reader = re.compile(r"\bos\.(?:environ|getenv)|from os import .*(?:environ|getenv)")
    found = {path for path in PACKAGE.rglob("*.py") if reader.search(path.read_text(encoding="utf-8"))}
    assert found == {Path(env.__file__)}
