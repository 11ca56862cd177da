"""Reading YAML and JSON: lines, duplicates, bounds; never an unforeseen exception."""

from __future__ import annotations

import json

import pytest
from headgate.config import tree
from headgate.config.values import Expanded
from hypothesis import given
from hypothesis import strategies as st

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**15), 10**15) | st.text(st.characters(codec="utf-8")),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text(st.characters(codec="utf-8"), max_size=9), inner, max_size=4)
    ),
    max_leaves=12,
)


def without_signs(value: object) -> object:
    """Values without `$`, which is not JSON's business."""
    return json.loads(json.dumps(value).replace("$", "S"))


@given(JSON, st.booleans(), st.sampled_from([None, 2, "\t"]))
def test_json_means_what_it_means_to_json(value: object, ascii_only: bool, indent: object):
    value = without_signs(value)
    text = json.dumps(value, ensure_ascii=ascii_only, indent=indent)
    assert tree.read(text, {}, is_json=True).value == value


def test_escapes_of_json():
    text = r'{"a": "\/ \\u0041 \u00e9 \ud83d\ude00 \ud83d. \u007f\u2028 \t"}'
    assert tree.read(text, {}, is_json=True).value == {"a": "/ \\u0041 é 😀 \ufffd. \x7f\u2028 \t"}


def outcome(text: str, *, is_json: bool) -> tree.Tree | tree.UnreadableError:
    try:
        return tree.read(text, {}, is_json=is_json)
    except tree.UnreadableError as error:
        return error


@given(st.text(max_size=200), st.booleans())
def test_any_text_is_read_or_refused(text: str, is_json: bool):
    found = outcome(text, is_json=is_json)
    lines = [found.line] if isinstance(found, tree.UnreadableError) else found.lines.values()
    assert all(line >= 1 for line in lines)


@given(st.text("{}[]:,-&*!|>'\"%@ \n\tab<?#0.", max_size=60))
def test_yaml_signs_are_read_or_refused(text: str):
    assert str(outcome(text, is_json=False))


@pytest.mark.parametrize("is_json", [True, False])
@pytest.mark.parametrize("sign", ["[", '{"a":'])
def test_depth_is_bounded(sign: str, is_json: bool):
    with pytest.raises(tree.UnreadableError):
        tree.read(sign * 200_000, {}, is_json=is_json)


def test_lines():
    read = tree.read("# head\na: 1\nb:\n  - c: 2\n  -\n    d: 3\n", {}, is_json=False)
    assert read.lines == {
        (): 1, ("a",): 2, ("b",): 3, ("b", 0): 4, ("b", 0, "c"): 4, ("b", 1): 6, ("b", 1, "d"): 6,
    }  # fmt: skip


def test_duplicate_keys_are_problems():
    read = tree.read("a: 1\nb: {c: 1, c: 2}\na: 2\n", {}, is_json=False)
    assert [(p.path, p.message) for p in read.problems] == [
        (("b", "c"), "written twice (first on line 2)"),
        (("a",), "written twice (first on line 1)"),
    ]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("no", "no"),
        ("on", "on"),
        ("12:30", "12:30"),
        ("2027-01-01", "2027-01-01"),
        ("true", True),
        ("~", None),
        ("", None),
        ("0123", 123),
        ("1.5", 1.5),
        ('"5"', "5"),
        ("'true'", "true"),
        ("!!str 5", "5"),
        ("1_000", "1_000"),
        ("0x10", "0x10"),
        ("none", "none"),
    ],
)
def test_scalars_follow_the_core_schema(text: str, value: object):
    assert tree.read(f"a: {text}", {}, is_json=False).value == {"a": value}


def test_expansion_happens_in_values_and_cannot_change_the_shape():
    text = "a: ${X}\nb: '${X}'\nc: [\"${X}\"]\n${X}: $$1\n# ${NOPE}\n"
    read = tree.read(text, {"X": "{evil: 1}\n- 2"}, is_json=False)
    assert read.problems == []
    assert read.value == {"a": "{evil: 1}\n- 2", "b": "{evil: 1}\n- 2", "c": ["{evil: 1}\n- 2"], "${X}": "$1"}
    assert isinstance(read.value["a"], Expanded)


def test_anchors_and_merges():
    read = tree.read("a: &x {p: 1, q: 2}\nb: {<<: *x, q: 3}\nc: *x\n", {}, is_json=False)
    assert read.value == {"a": {"p": 1, "q": 2}, "b": {"q": 3, "p": 1}, "c": {"p": 1, "q": 2}}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a: *nope", "stands for no anchor"),
        ("a: &x [*x]", "stands for no anchor"),
        ("a: !!python/object:os.system x", "tags are not used"),
        ("a: {<<: 5}", "merges something"),
    ],
)
def test_what_yaml_can_and_we_do_not(text: str, words: str):
    assert [words in problem.message for problem in tree.read(text, {}, is_json=False).problems] == [True]


@pytest.mark.parametrize("native", [True, False])
@pytest.mark.parametrize(
    "text", ["a: !sk-secret!x y", "%YAML sk-secret\n---\na", "a: 'sk-secret", "a: &sk-secret &b c"]
)
def test_no_parser_repeats_the_text(text: str, native: bool, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(tree.yaml, "__with_libyaml__", native)
    with pytest.raises(tree.UnreadableError) as caught:
        tree.read(text, {}, is_json=False)
    assert "secret" not in str(caught.value)


def test_a_syntax_error_does_not_repeat_the_text():
    with pytest.raises(tree.UnreadableError) as caught:
        tree.read("a: 1\nkey: *sk-secret-text !!sk-secret-text\n  b: 'sk-secret-text\n", {}, is_json=False)
    assert "secret" not in str(caught.value)


def test_two_documents_are_refused_with_the_line():
    with pytest.raises(tree.UnreadableError, match="more than one") as caught:
        tree.read("a: 1\n---\nb: 2\n", {}, is_json=False)
    assert caught.value.line == 2
