"""The greeting's command names a model that is served and a URL that can be reached."""

from __future__ import annotations

from dataclasses import replace

import pytest
from headgate.config.runtime import (
    CacheSettings,
    Provider,
    Route,
    Runtime,
    ServerSettings,
    Target,
    Telemetry,
    Timeouts,
)
from headgate.control.greeting import base_url, first_model, greeting

_PROVIDER = Provider("openai", "openai", "http", True, "h", 443, "/v1", (), models=("gpt-*", "gpt-4o"))  # noqa: FBT003  a record
_EMPTY = Runtime(
    generation=1,
    server=ServerSettings("127.0.0.1", 8080, 1, 1, 1, 1, 1, 1),
    control_host="127.0.0.1",
    control_port=0,
    state_dir="",
    keys=(),
    providers=(_PROVIDER,),
    routes=(),
    cache=CacheSettings(enabled=False, max_bytes=0, default_ttl_s=0),
    telemetry=Telemetry("none", "info"),
)


def _with(*aliases: str) -> Runtime:
    routes = tuple(Route(alias, (Target("openai", None, 0),), Timeouts(), None, "") for alias in aliases)
    return replace(_EMPTY, routes=routes)


@pytest.mark.parametrize(
    ("aliases", "model"),
    [((), "echo"), (("fast",), "fast"), (("openai/*", "x"), "openai/gpt-4o"), (("*",), "gpt-4o")],
)
def test_the_model_is_one_that_is_served(aliases: tuple[str, ...], model: str) -> None:
    assert first_model(_with(*aliases)) == model


@pytest.mark.parametrize(
    ("host", "url"),
    [
        ("127.0.0.1", "http://127.0.0.1:1"),
        ("0.0.0.0", "http://127.0.0.1:1"),  # noqa: S104  an address to translate
        ("::", "http://[::1]:1"),
        ("::1", "http://[::1]:1"),
    ],
)
def test_the_url_is_one_that_this_machine_reaches(host: str, url: str) -> None:
    assert base_url(host, 1) == url


def test_a_made_key_is_told_and_any_other_is_a_variable() -> None:
    first = greeting(_with("m"), "http://a", "http://b", "gnd_made")
    assert first.count("gnd_made") == 2
    later = greeting(_with("m"), "http://a", "http://b", None)
    assert '"Authorization: Bearer $HEADGATE_KEY"' in later
    assert "http://b/metrics" in later
