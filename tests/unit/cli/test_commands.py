"""check, config schema, keys create, version."""

from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path

import pytest
import yaml
from headgate.cli.keys import mint

SECRETS = ["sk-provider-secret-1", "header-secret-22222", "key-text-of-33333333", "admin-secret-4444444"]
FILE = f"""
auth: {{admin_key: {SECRETS[3]}}}
providers:
  - {{name: openai, api_key: {SECRETS[0]}, models: [gpt-*], headers: {{X-A: {SECRETS[1]}}}}}
keys:
  - {{name: app, key: {SECRETS[2]}, allowed_models: [gpt-4o], rpm: 5, tpm: 0}}
"""


@pytest.fixture
def file(tmp_path: Path) -> str:
    (tmp_path / "f.yaml").write_text(FILE)
    return "f.yaml"


def test_check_shows_a_summary_without_secrets(headgate, file: str):
    for arguments in (("check", "-c", file), ("check", "-c", file, "--json")):
        ran = headgate(*arguments)
        assert ran.code == 0
        assert not any(secret in ran.out + ran.err for secret in SECRETS)
        assert not any(hashlib.sha256(secret.encode()).hexdigest()[:12] in ran.out for secret in SECRETS)
        assert all(
            word in ran.out for word in ("https://api.openai.com/v1", "gpt-*", "app", "member", "f.yaml")
        )


def test_check_json_is_for_programs(headgate, file: str):
    facts = json.loads(headgate("check", "-c", file, "--json").out)
    assert facts["ok"] is True
    assert facts["routes"] == [{"model_alias": "gpt-*", "targets": ["openai/(as requested)"]}]
    assert [key["rpm"] for key in facts["keys"]] == [0, 5]


def test_check_lists_every_problem_and_is_1(headgate, tmp_path: Path):
    (tmp_path / "bad.yaml").write_text("cahce: {}\nserver: {listen: 5}\n")
    ran = headgate("check", "-c", "bad.yaml")
    assert (ran.code, ran.out) == (1, "")
    assert ran.err.splitlines()[0] == 'bad.yaml:1: cahce: unknown key; did you mean "cache"?'
    ran = headgate("check", "-c", "bad.yaml", "--json")
    facts = json.loads(ran.out)
    assert (ran.code, facts["ok"]) == (1, False)
    assert [(p["file"], p["line"], p["path"]) for p in facts["problems"]] == [
        ("bad.yaml", 1, "cahce"),
        ("bad.yaml", 2, "server.listen"),
    ]


def test_check_of_no_file_is_1(headgate):
    assert headgate("check", "-c", "no.yaml")[::2] == (
        1,
        "no.yaml: cannot be read: No such file or directory\n",
    )
    assert json.loads(headgate("check", "-c", "no.yaml", "--json").out)["ok"] is False


def test_check_without_a_file_shows_the_built_in(headgate):
    ran = headgate("check")
    assert ran.code == 0
    assert "built-in configuration: good" in ran.out


def test_config_schema_is_json_schema(headgate):
    schema = json.loads(headgate("config", "schema").out)
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"


def test_a_minted_key_has_its_form():
    keys = {mint("gnd_") for _ in range(100)}
    assert len(keys) == 100
    assert all(re.fullmatch(r"gnd_[A-Za-z0-9_-]{43}", key) for key in keys)


@pytest.mark.parametrize("name", ["app", 'a: "b" #c', "ü", "- x"])
def test_a_new_keys_lines_make_a_good_configuration(headgate, tmp_path: Path, name: str):
    out = headgate("keys", "create", "--name", name, "--role", "viewer", "--rpm", "5", "--model", "echo").out
    key = re.search(r"^  (gnd_\S{43})$", out, re.MULTILINE)
    assert key
    assert out.count(key[1]) == 1
    lines = out[out.index("keys:\n") :]
    (tmp_path / "k.yaml").write_text(lines)
    assert yaml.safe_load(lines)["keys"][0]["key_hash"] == hashlib.sha256(key[1].encode()).hexdigest()
    facts = json.loads(headgate("check", "-c", "k.yaml", "--json").out)
    assert facts["keys"] == [
        {
            "name": name,
            "role": "viewer",
            "rpm": 5,
            "tpm": 100000,
            "blocked": False,
            "allowed_models": ["echo"],
        }
    ]


def test_keys_create_json(headgate, tmp_path: Path):
    (tmp_path / "headgate.yaml").write_text("auth: {key_prefix: acme-}")
    facts = json.loads(headgate("keys", "create", "--name", "a", "--json").out)
    assert facts["key"].startswith("acme-")
    assert facts["key_hash"] == hashlib.sha256(facts["key"].encode()).hexdigest()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--name", "a", "--role", "owner"], "role: expected admin, member, viewer or service_account"),
        (["--name", "admin"], '"admin" is the name of the admin key'),
        (["--name", ""], "name: expected a name"),
        (["--name", "a", "--rpm", "9999999999"], "rpm: expected a whole number from 0 to"),
    ],
)
def test_a_key_that_the_configuration_would_refuse_is_not_made(headgate, arguments: list[str], words: str):
    ran = headgate("keys", "create", *arguments)
    assert (ran.code, ran.out) == (2, "")
    assert words in ran.err


def test_an_unusable_file_stands_in_the_way_only_when_named(headgate, tmp_path: Path):
    (tmp_path / "headgate.yaml").write_text("state_dir: ${NOPE}")
    assert headgate("keys", "create", "--name", "a").code == 0
    assert headgate("keys", "create", "--name", "a", "-c", "headgate.yaml").code == 1


def test_version(headgate):
    facts = json.loads(headgate("version", "--json").out)
    assert set(facts) == {"headgate", "core", "python", "platform"}
    assert headgate("version").out.startswith(f"headgate {facts['headgate']}\n")
