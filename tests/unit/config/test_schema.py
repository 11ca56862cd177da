"""The JSON Schema agrees with the loader; the shipped configurations are good and complete."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml
from headgate.config import schema
from headgate.config.fields import Section
from headgate.config.schema import json_schema
from jsonschema import Draft202012Validator

CONFIGS = Path(__file__).parents[3] / "configs"
VALIDATOR = Draft202012Validator(json_schema())


def text_values(path: Path) -> object:
    """The file as an editor sees it: before expansion, dates as text."""
    loader = type("Loader", (yaml.SafeLoader,), {})
    loader.yaml_implicit_resolvers = {
        sign: [(tag, pattern) for tag, pattern in resolvers if not tag.endswith("timestamp")]
        for sign, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }
    return yaml.load(path.read_text(encoding="utf-8"), Loader=loader)  # noqa: S506 - a SafeLoader without dates


def test_the_schema_itself_is_valid():
    Draft202012Validator.check_schema(json_schema())


@pytest.mark.parametrize("path", sorted(CONFIGS.glob("*.yaml")), ids=lambda path: path.name)
def test_shipped_configurations_are_good(path: Path, compile_text):
    assert list(VALIDATOR.iter_errors(text_values(path))) == []
    text = path.read_text(encoding="utf-8").replace("example-ca.pem", str(CONFIGS / "example-ca.pem"))
    assert compile_text(text)[1] == []


def paths_of(model: type[Section], prefix: str = "") -> set[str]:
    found = set()
    for name, field in model.model_fields.items():
        found.add(prefix + name)
        inner = [
            m for m in Section.__subclasses__() if re.search(rf"\b{m.__name__}\b", str(field.annotation))
        ]
        for section in inner:
            found |= paths_of(section, f"{prefix}{name}.")
    return found


def written(value: object, prefix: str = "") -> set[str]:
    if isinstance(value, list):
        return set().union(*(written(item, prefix) for item in value))
    if not isinstance(value, dict):
        return set()
    return {prefix + key for key in value}.union(
        *(written(item, f"{prefix}{key}.") for key, item in value.items())
    )


def test_the_full_configuration_has_every_key():
    assert paths_of(schema.Document) - written(text_values(CONFIGS / "full.yaml")) == set()


def test_every_key_is_explained():
    for model in Section.__subclasses__():
        assert all(field.description for field in model.model_fields.values()), model


@pytest.mark.parametrize(
    "wrong",
    [
        {"foo": 1}, {"server": {"listen": 8080}}, {"server": {"workers": 0}}, {"cache": {"default_ttl": 5}},
        {"providers": [{}]}, {"providers": [{"name": ""}]}, {"routes": [{"model_alias": "a"}]},
        {"routes": [{"model_alias": "a", "targets": []}]}, {"keys": [{"name": "a", "rpm": -1}]},
        {"keys": [{"name": "a", "key_hash": "xyz"}]}, {"telemetry": {"access_log": "xml"}},
        {"server": {"max_body": "10"}},
    ],
)  # fmt: skip
def test_wrong_documents_are_refused_by_the_schema_too(wrong: object):
    assert list(VALIDATOR.iter_errors(wrong))


def test_defaults_are_spelled_as_in_a_file():
    definitions = json_schema()["$defs"]
    assert definitions["Server"]["properties"]["max_body"]["default"] == "32MiB"
    assert definitions["Server"]["properties"]["workers"]["default"] == "auto"
    assert definitions["Timeouts"]["properties"]["total"]["default"] == "10m"
    assert definitions["Cache"]["properties"]["enabled"]["default"] is True
