"""Documents to runtimes: what refers to what, and everything that is said in vain."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
from headgate.config import compile as compiling
from headgate.config.accounts import AccountTable
from headgate.config.compile import compile_runtime
from headgate.errors import ConfigError

ECHO = "providers: [{name: echo, models: [echo, two]}]\n"
KEY = "0123456789abcdef"
HASH = hashlib.sha256(KEY.encode()).hexdigest()
FAULTS = [
    ("providers: [{name: openay, models: [a]}]", 'no provider type; did you mean "openai"?'),
    (
        "providers: [{name: x, type: opnai, models: [a]}]",
        'no such provider type "opnai"; did you mean "openai"?',
    ),
    (
        "providers: [{name: openai, models: [a], api_key: k, dialect: gemini}]",
        '"gemini" is not spoken by type "openai"; it has: openai, responses',
    ),
    ("providers: [{name: acme, models: [a]}]", "add type: openai_compatible with a base_url"),
    ("providers: [{name: tgi, models: [a]}]", 'base_url: is missing: type "tgi" has no address'),
    ("providers: [{name: echo, models: [a], api_key: x}]", "api_key: does nothing: echo is built in"),
    ("providers: [{name: echo, models: [a], base_url: 'http://x'}]", "base_url: does nothing"),
    (
        "providers: [{name: echo, models: [a]}, {name: echo, models: [b]}]",
        'providers[1].name: "echo" is already used',
    ),
    ("providers: [{name: vllm, models: [a], ca_file: no.pem}]", "ca_file: cannot be read"),
    (
        "providers: [{name: vllm, base_url: 'https://h', models: [a], ca_file: f.yaml}]",
        "ca_file: holds no PEM certificate",
    ),
    ("providers: [{name: vllm, models: [a], api_key: ''}]", "api_key: is empty"),
    ("providers: [{name: vllm, models: [a], headers: {'A B': x}}]", "is no header name"),
    (
        "providers: [{name: vllm, models: [a], headers: {Host: x}}]",
        "headers.Host: is set by Headgate itself",
    ),
    (
        'providers: [{name: vllm, models: [a], headers: {A: "x\\r\\nB: y"}}]',
        "signs that a header cannot carry",
    ),
    ("providers: [{name: vllm, models: [a], api_key: k, headers: {authorization: x}}]", "is set twice"),
    (
        ECHO + "routes: [{model_alias: a, targets: [{provider: ecco}]}]",
        'no provider is called "ecco"; did you mean "echo"?',
    ),
    (ECHO + "routes: [{model_alias: a, targets: [{provider: echo, model: 't*'}]}]", "must be one model"),
    (
        ECHO + "routes: [{model_alias: a, targets: [&t {provider: echo, model: two}, *t]}]",
        "already used",
    ),
    (
        ECHO + "routes:\n- &r {model_alias: a, targets: [{provider: echo, model: two}]}\n- *r",
        'f.yaml:4: routes[1].model_alias: "a" is already used on line 3',
    ),
    (ECHO + "keys: [{name: a, key: short}]", "keys[0].key: must be at least 16 bytes long"),
    (ECHO + "keys: [{name: a, key: 'with a blank in it'}]", "visible ASCII"),
    (ECHO + "keys: [{name: a, key_hash: abc}]", "keys[0].key_hash: must be a SHA-256: 64 hex digits"),
    (ECHO + "keys: [{name: a}]", "keys[0]: needs either key or key_hash"),
    (ECHO + f"keys: [{{name: a, key: {KEY}, key_hash: {HASH}}}]", "has both key and key_hash"),
    (
        ECHO + f"keys: [{{name: a, key: {KEY}}}, {{name: b, key_hash: {HASH}}}]",
        'keys[1]: is the same key as "a"',
    ),
    (ECHO + f"keys: [{{name: admin, key: {KEY}}}]", "is the name of the admin key"),
    (ECHO + f"keys: [{{name: a, key: {KEY}, allowed_models: []}}]", "allows no model"),
    (ECHO + "auth: {admin_key: short}", "auth.admin_key: must be at least 16 bytes"),
    (
        ECHO + "server: {listen: 'a:1'}\ncontrol: {listen: 'a:1'}",
        "control.listen: is the same address as server.listen",
    ),
]


@pytest.mark.parametrize(("text", "expected"), FAULTS)
def test_each_fault_has_its_words(problems, text: str, expected: str):
    found = problems(text)
    assert len(found) == 1, found
    assert expected in found[0]
    assert KEY not in found[0]


@pytest.mark.parametrize(
    "url",
    [
        "ftp://h/v1",
        "h/v1",
        "https://",
        "https://u:p4ssw0rd@h/v1",
        "https://h/v1?x=1",
        "https://h/v1#a",
        "https://h/a b",
        "https://h/v1/chat/completions",
        "https://h:0/v1",
        "https://h:99999/v1",
        "https://[::1/v1",
        "https://h/\\nX",
        "//h",
    ],
)
def test_a_bad_base_url_is_refused_and_not_repeated(problems, url: str):
    found = problems(f'providers: [{{name: vllm, models: [a], base_url: "{url}"}}]')
    assert len(found) == 1
    assert "f.yaml:1: providers[0].base_url: " in found[0]
    assert "p4ssw0rd" not in found[0]


@pytest.mark.parametrize(
    ("url", "endpoint"),
    [
        ("https://h/v1", (True, "h", 443, "/v1")),
        ("http://h:8000", (False, "h", 8000, "")),
        ("https://h/a/b/", (True, "h", 443, "/a/b")),
        ("http://[::1]:8000/v1", (False, "::1", 8000, "/v1")),
    ],
)
def test_a_base_url_becomes_an_endpoint(compile_text, url: str, endpoint: tuple[object, ...]):
    provider = compile_text(f"providers: [{{name: vllm, models: [a], base_url: '{url}'}}]")[0].providers[0]
    assert (provider.tls, provider.host, provider.port, provider.base_path) == endpoint


def test_providers_with_the_same_model_become_one_route_in_file_order(compile_text):
    runtime, _ = compile_text("providers: [{name: vllm, models: [m, n]}, {name: sglang, models: [m]}]")
    assert [(route.alias, [t.provider for t in route.targets]) for route in runtime.routes] == [
        ("m", ["vllm", "sglang"]),
        ("n", ["vllm"]),
    ]


def test_a_written_route_wins_over_a_model_of_the_same_name(compile_text):
    text = (
        "providers: [{name: vllm, models: [m]}, {name: sglang}]\n"
        "routes: [{model_alias: m, targets: [{provider: sglang}]}]"
    )
    runtime, _ = compile_text(text)
    assert [(route.alias, route.targets[0].provider) for route in runtime.routes] == [("m", "sglang")]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("providers: [{name: vllm}]", 'f.yaml:1: providers[0]: provider "vllm" has no models and no route'),
        (
            ECHO + "routes: [{model_alias: a, targets: [{provider: echo, model: tow}]}]",
            'f.yaml:2: routes[0].targets[0].model: provider "echo" lists no model "tow"; did you mean "two"?',
        ),
        (
            ECHO + "routes: [{model_alias: a, targets: [{provider: echo}]}]",
            'f.yaml:2: routes[0].targets[0].provider: provider "echo" lists no model "a"',
        ),
    ],
)
def test_what_is_probably_not_meant_is_remarked(compile_text, text: str, expected: str):
    assert expected in str(compile_text(text)[1][0])


def test_targets_are_sorted_by_priority_and_stay_in_file_order(compile_text):
    text = """
providers: [{name: vllm}, {name: sglang}, {name: ollama}]
routes:
  - model_alias: m
    targets: [{provider: vllm, priority: 2}, {provider: sglang}, {provider: ollama, priority: 1}]
"""
    route = compile_text(text)[0].routes[0]
    assert [target.provider for target in route.targets] == ["sglang", "ollama", "vllm"]
    assert route.owned_by == "sglang"


def test_a_disabled_provider_is_skipped_and_an_empty_route_is_remarked(compile_text):
    text = """
providers: [{name: vllm, enabled: false}, {name: sglang}]
routes:
  - {model_alias: m, targets: [{provider: vllm}, {provider: sglang}]}
  - {model_alias: n, targets: [{provider: vllm}]}
"""
    runtime, warnings = compile_text(text)
    assert [provider.name for provider in runtime.providers] == ["sglang"]
    assert [(route.alias, len(route.targets)) for route in runtime.routes] == [("m", 1)]
    assert "f.yaml:5: routes[1]: serves nothing" in str(warnings[0])


def test_timeouts_are_inherited_field_by_field(compile_text):
    text = """
timeouts: {connect: 1s, idle: 2s}
providers: [{name: vllm, timeouts: {idle: 3s}}]
routes: [{model_alias: m, cache_ttl: 0s, timeouts: {total: 4s}, targets: [{provider: vllm}]}]
"""
    runtime, _ = compile_text(text)
    provider, route = runtime.providers[0].timeouts, runtime.routes[0].timeouts
    assert (provider.connect_s, provider.idle_s, provider.total_s) == (1.0, 3.0, 600.0)
    assert (route.connect_s, route.idle_s, route.total_s) == (1.0, 2.0, 4.0)
    assert runtime.routes[0].cache_ttl_s == 0.0


def test_keys_take_the_defaults_and_zero_is_unlimited(compile_text):
    text = f"""{ECHO}
rate_limits: {{default_rpm: 5, default_tpm: 6}}
keys: [{{name: a, key: {KEY}}}, {{name: b, key_hash: {"AB" * 32}, rpm: 0, tpm: 9}}]
"""
    runtime, _ = compile_text(text, admin_digest="cd" * 32)
    admin, first, second = runtime.keys
    assert (admin.name, admin.role, admin.rpm, admin.tpm, admin.max_concurrency) == (
        "admin",
        "admin",
        0,
        0,
        0,
    )
    assert (first.digest, first.rpm, first.tpm, first.allowed_models) == (HASH, 5, 6, ())
    assert (second.digest, second.rpm, second.tpm) == ("ab" * 32, 0, 9)
    assert len({key.account for key in runtime.keys}) == 3
    assert KEY[:5] not in repr(runtime)


def test_a_key_may_not_be_the_admin_key(problems):
    assert "is the admin key" in problems(f"{ECHO}keys: [{{name: a, key: {KEY}}}]", admin_digest=HASH)[0]


def test_only_a_minted_key_shows_its_beginning(compile_text):
    minted = "gnd_" + "A" * 43
    keys = compile_text(f"{ECHO}keys: [{{name: a, key: {minted}}}, {{name: b, key: {KEY}}}]")[0].keys
    assert keys[0].preview == "gnd_AAAAAAAA"
    assert KEY[:4] not in keys[1].preview


def test_what_is_said_in_vain_is_remarked(compile_text):
    text = f"{ECHO}keys: [{{name: a, key: {KEY}, allowed_models: [echo, 't*', zzz], expires_at: 2001-01-01}}]"
    assert [str(warning) for warning in compile_text(text)[1]] == [
        'f.yaml:2: keys[0].allowed_models[2]: "zzz" matches no model of any route',
        'f.yaml:2: keys[0].expires_at: the key "a" has expired',
    ]


def test_a_missing_credential_is_remarked(compile_text):
    assert "has no api_key" in str(compile_text("providers: [{name: openai, models: [m]}]")[1][0])
    assert compile_text("providers: [{name: openai, models: [m], headers: {Authorization: x}}]")[1] == []


def test_paths_are_relative_to_the_file(compile_text, tmp_path: Path):
    (tmp_path / "ca.pem").write_text("-----BEGIN CERTIFICATE-----\n")
    text = "state_dir: s\nproviders: [{name: vllm, models: [a], base_url: 'https://h', ca_file: ca.pem}]"
    runtime, _ = compile_text(text)
    assert runtime.state_dir == str(tmp_path / "s")
    assert runtime.providers[0].ca_file == str(tmp_path / "ca.pem")
    assert compile_text("state_dir: /x/y")[0].state_dir == "/x/y"


def test_a_failed_compilation_takes_no_account(load_text):
    accounts = AccountTable()
    loaded = load_text(f"{ECHO}keys: [{{name: a, key: {KEY}}}, {{name: a, key_hash: x}}]")
    with pytest.raises(ConfigError):
        compile_runtime(loaded, generation=1, admin_digest=None, accounts=accounts, now_s=0.0)
    assert accounts.size == 0


def test_workers_follow_affinity_and_quota(compile_text, monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.setattr(compiling.os, "sched_getaffinity", lambda _: set(range(8)), raising=False)
    monkeypatch.setattr(compiling, "_CGROUP_LIMIT", tmp_path / "cpu.max")
    assert compiling.available_cpus() == 8
    for content, cpus in (
        ("max 100000", 8),
        ("150000 100000", 2),
        ("10000 100000", 1),
        ("9000000 100000", 8),
    ):
        (tmp_path / "cpu.max").write_text(content)
        assert compiling.available_cpus() == cpus
    assert compile_text("server: {workers: 3}")[0].server.workers == 3
