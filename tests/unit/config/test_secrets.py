"""A secret shows itself to nobody who does not ask."""

from __future__ import annotations

import copy
import hashlib
import json
import pickle

import pytest
from headgate.config.schema import Document, Key, Provider
from headgate.config.secrets import Secret
from hypothesis import given
from hypothesis import strategies as st

TEXT = "sk-very-secret-0123456789"


def test_no_way_of_printing_shows_it():
    secret = Secret(TEXT)
    shown = [
        repr(secret),
        str(secret),
        f"{secret}",
        f"{secret!r}",
        str([secret]),
        repr([secret]),
        repr({"a": secret}),
    ]
    assert not any(TEXT in text for text in shown)


def test_no_dump_of_a_document_shows_it():
    document = Document(
        providers=[Provider(name="openai", api_key=Secret(TEXT), headers={"X": Secret(TEXT)})],
        keys=[Key(name="a", key=Secret(TEXT))],
    )
    for text in (repr(document), str(document), document.model_dump_json(), repr(document.model_dump())):
        assert TEXT not in text
    assert json.loads(document.model_dump_json())["keys"][0]["key"] == "****"


@pytest.mark.parametrize("escape", [pickle.dumps, copy.copy, copy.deepcopy])
def test_it_is_not_serialised(escape):
    with pytest.raises(TypeError, match="pickled"):
        escape(Secret(TEXT))


@given(st.text(), st.text())
def test_equality_is_that_of_the_text(left: str, right: str):
    assert (Secret(left) == Secret(right)) == (left == right)
    assert Secret(left) != left


def test_digest_is_sha256():
    assert Secret("abc").digest() == hashlib.sha256(b"abc").hexdigest()
    assert Secret("abc").reveal() == "abc"
