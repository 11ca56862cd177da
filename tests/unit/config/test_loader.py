"""Files to documents: every problem at once, with line, path and the nearest key, and no secret."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from headgate.config.loader import find, load
from headgate.errors import ConfigError
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

SECRET = "sk-this-must-never-be-shown-0123456789"


def test_an_unknown_key_names_line_path_and_the_nearest_key(problems):
    text = "routes:\n  - model_alias: a\n    targets:\n      - provider: echo\n      - provdier: echo\n"
    assert problems(text) == [
        'f.yaml:5: routes[0].targets[1].provdier: unknown key; did you mean "provider"?'
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("foo: 1", "f.yaml:1: foo: unknown key; known here: server, control, state_dir, auth"),
        ("server: {prot: 1}", "server.prot: unknown key; known here: listen"),
        ("server: 5", "server: expected a mapping, got a number"),
        ("server:", "server: has no value; fill it in or remove the line"),
        ("server: {listen: 8080}", "server.listen: expected host:port such as 127.0.0.1:8080"),
        ("server: {workers: 0}", "server.workers: expected auto or a whole number from 1 to 256, got 0"),
        ("server: {workers: many}", 'got "many"'),
        ("server: {max_body: 10}", "server.max_body: expected a size such as"),
        ("server: {idle_timeout: 10}", "got a number (a unit is missing)"),
        ("cache: {enabled: 1}", "cache.enabled: expected true or false, got a number"),
        ("cache: {enabled: yes}", "cache.enabled: expected true or false, got text"),
        ("telemetry: {access_log: xml}", "telemetry.access_log: expected json, text or none"),
        ("providers: {}", "providers: expected a list, got a mapping"),
        ("providers: [a]", "providers[0]: expected a mapping, got text"),
        ("providers: [{models: [a]}]", "providers[0].name: is missing"),
        ("providers: [{name: 5}]", "providers[0].name: expected text, got a number; put it in quotes"),
        ("providers: [{name: ' a'}]", "providers[0].name: expected a name"),
        ("routes: [{model_alias: a, targets: []}]", "routes[0].targets: needs at least one entry"),
        (
            "routes: [{model_alias: a, targets: [{provider: echo}], strategy: hash}]",
            "strategy: expected priority",
        ),
        ("keys: [{name: a, rpm: 1.5}]", "keys[0].rpm: expected a whole number, got a number"),
        ("keys: [{name: a, rpm: -1}]", "keys[0].rpm: expected a whole number from 0 to 4294967295"),
        ("keys: [{name: a, rpm: true}]", "keys[0].rpm: expected a whole number, got true/false"),
        ("keys: [{name: a, role: owner}]", "keys[0].role: expected admin, member, viewer or service_account"),
        ("keys: [{name: a, expires_at: soon}]", "keys[0].expires_at: expected a date"),
        ("database: {url: x}", "f.yaml:1: database: unknown key"),
        ("- a", "f.yaml:1: expected a mapping of keys such as providers:, got a list"),
        ("a: [}", "f.yaml:1: not valid YAML"),
        ("state_dir: ${NOPE}", "state_dir: the environment variable NOPE is not set"),
    ],
)
def test_each_fault_has_its_words(problems, text: str, expected: str):
    found = problems(text)
    assert len(found) == 1, found
    assert expected in found[0]
    assert found[0].startswith("f.yaml:1: ")
    assert "pydantic" not in found[0]
    assert "Input should" not in found[0]


def test_every_problem_is_listed_in_the_order_of_the_file(problems):
    text = "server:\n  listn: x\ncache:\n  enabled: 3\n  enabled: 4\nstate_dir: ${NO}\nkeys: 5\n"
    assert [line.split(": ")[0] for line in problems(text)] == [
        "f.yaml:2",
        "f.yaml:5",
        "f.yaml:6",
        "f.yaml:7",
    ]


PLACES = [
    "providers: [{{name: openai, api_key: [{0}]}}]",
    "providers: [{{name: openai, api_key: {{a: {0}}}}}]",
    "providers: [{{name: openai, headers: {{A: [{0}]}}}}]",
    "providers: [{{name: openai, headers: {{A: {0}}}, foo: 1}}]",
    "keys: [{{name: a, key: {0}, kye_hash: {0}}}]",
    "keys: {0}",
    "auth: {0}",
    "auth: {{admin_key: [{0}]}}",
    "server: {{workers: {0}}}",
    "server: {{listen: {0}, max_body: {0}, idle_timeout: {0}}}",
    "telemetry: {{access_log: {0}}}",
    "keys: [{{name: a, rpm: {0}, expires_at: {0}, role: {0}, blocked: {0}}}]",
]


@pytest.mark.parametrize("place", PLACES)
def test_an_expanded_secret_is_never_shown_wherever_it_was_put(problems, place: str):
    found = problems(place.format("${SECRET}"), {"SECRET": SECRET})
    assert found
    assert SECRET not in "\n".join(found)


@pytest.mark.parametrize("place", PLACES[:8])
def test_a_literal_secret_is_not_shown_where_secrets_stand(problems, place: str):
    assert SECRET not in "\n".join(problems(place.format(SECRET)))


def test_numbers_and_flags_may_come_from_the_environment(load_text):
    text = """
server: {workers: '${W}', max_body: '${M:-1MiB}'}
cache: {enabled: '${C}'}
rate_limits: {default_rpm: '${R}'}
telemetry: {access_log: '${L}'}
"""
    document = load_text(text, {"W": "3", "C": "false", "R": "7", "L": "text"}).document
    assert (document.server.workers, document.server.max_body) == (3, 1 << 20)
    assert (document.cache.enabled, document.rate_limits.default_rpm) == (False, 7)
    assert document.telemetry.access_log == "text"


def test_json_is_read_like_yaml(load_text):
    text = json.dumps({"providers": [{"name": "echo", "models": ["echo"]}]}, indent="\t")
    assert load_text(text, name="f.json").document.providers[0].name == "echo"


def test_json_problems_have_lines(load_text):
    with pytest.raises(ConfigError, match=r"f.json:2: cahce: unknown key; did you mean \"cache\"\?"):
        load_text('{\n\t"cahce": {}\n}', name="f.json")
    with pytest.raises(ConfigError, match=r"f.json:3: not valid JSON"):
        load_text('{\n\n"a": 1,}', name="f.json")


def test_an_empty_file_is_all_defaults(load_text):
    loaded = load_text("# nothing\n")
    assert loaded.document.server.listen == ("127.0.0.1", 8080)
    assert [provider.name for provider in loaded.document.providers] == ["echo"]
    assert loaded.discovered


def test_the_search_goes_from_the_option_to_the_built_in(tmp_path: Path):
    given_path = Path("given.yaml")
    env = {"HEADGATE_CONFIG": "named.yaml"}
    assert find(None, {}, tmp_path) is None
    (tmp_path / "headgate.yaml").touch()
    assert find(None, {}, tmp_path) == Path("headgate.yaml")
    assert find(None, env, tmp_path) == Path("named.yaml")
    assert find(given_path, env, tmp_path) == given_path


def test_a_named_file_that_is_not_there_is_an_error(tmp_path: Path):
    for path, env in ((Path("no.yaml"), {}), (None, {"HEADGATE_CONFIG": "no.yaml"})):
        with pytest.raises(ConfigError, match=r"^no.yaml: cannot be read: No such file"):
            load(path, env, tmp_path)
    with pytest.raises(ConfigError, match="Is a directory"):
        load(tmp_path, {}, tmp_path)


def refusal_of(path: Path, base: Path) -> str | None:
    """Why the configuration is refused, if it is."""
    try:
        load(path, {}, base)
    except ConfigError as error:
        return str(error)
    return None


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(max_size=80))
def test_any_bytes_give_a_document_or_a_config_error(tmp_path: Path, content: bytes):
    (tmp_path / "x.yaml").write_bytes(content)
    said = refusal_of(Path("x.yaml"), tmp_path)
    assert said is None or said.startswith("x.yaml:")


def test_the_admin_key_comes_from_the_file_then_from_the_environment(load_text):
    env = {"HEADGATE_ADMIN_KEY": "from-the-environment"}
    assert (
        load_text("auth: {admin_key: from-the-file-0123}", env).document.auth.admin_key.reveal()
        == "from-the-file-0123"
    )
    assert load_text("", env).document.auth.admin_key.reveal() == "from-the-environment"
    assert (
        load_text("auth: {admin_key: '${NO:-}'}", env).document.auth.admin_key.reveal()
        == "from-the-environment"
    )
    assert load_text("").document.auth.admin_key is None
