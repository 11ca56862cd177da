"""Providers at a cloud: where they are, how one gets in, and what is wrong with a document about it."""

from __future__ import annotations

from pathlib import Path

import pytest
from headgate.config import compile_hosting, snapshot
from headgate.config.runtime import CredentialSpec, Provider

AWS = CredentialSpec("aws_sigv4")
GCP = CredentialSpec("gcp_oauth")
ENTRA = CredentialSpec("azure_entra")
GOOD = [
    (
        "type: bedrock, region: eu-central-1",
        "https://bedrock-runtime.eu-central-1.amazonaws.com",
        "bedrock",
        AWS,
    ),
    (
        "type: bedrock, region: cn-north-1",
        "https://bedrock-runtime.cn-north-1.amazonaws.com.cn",
        "bedrock",
        AWS,
    ),
    (
        "type: anthropic, hosting: bedrock, region: us-east-1, auth: {profile: dev}",
        "https://bedrock-runtime.us-east-1.amazonaws.com",
        "anthropic",
        CredentialSpec("aws_sigv4", (("profile", "dev"),)),
    ),
    (
        "type: anthropic, hosting: vertex, region: europe-west1, project: p-1",
        "https://europe-west1-aiplatform.googleapis.com",
        "anthropic",
        GCP,
    ),
    ("type: vertex, region: global, project: p-1", "https://aiplatform.googleapis.com", "gemini", GCP),
    ("type: vertex, region: eu, project: p-1", "https://aiplatform.eu.rep.googleapis.com", "gemini", GCP),
    (
        "type: gemini, hosting: vertex, region: us-central1, project: 'example.com:p'",
        "https://us-central1-aiplatform.googleapis.com",
        "gemini",
        GCP,
    ),
    ("type: gemini, api_key: k", "https://generativelanguage.googleapis.com/v1beta", "gemini", None),
    (
        "type: azure, base_url: 'https://r.openai.azure.com', api_key: k",
        "https://r.openai.azure.com",
        "openai",
        None,
    ),
    (
        "type: openai, hosting: azure, base_url: 'https://r.openai.azure.com/openai/v1/', api_key: k",
        "https://r.openai.azure.com",
        "openai",
        None,
    ),
    (
        "type: azure, base_url: 'https://r.openai.azure.com/openai', auth: {type: azure_entra}",
        "https://r.openai.azure.com",
        "openai",
        ENTRA,
    ),
    ("type: bedrock, region: r-1, base_url: 'http://127.0.0.1:9/x'", "http://127.0.0.1:9/x", "bedrock", AWS),
]
HEADERS = [
    ("type: azure, base_url: 'https://r', api_key: k", (("api-key", "k"),)),
    ("type: bedrock, region: r-1, api_key: k", (("Authorization", "Bearer k"),)),
    ("type: anthropic, hosting: bedrock, region: r-1, api_key: k", (("Authorization", "Bearer k"),)),
    ("type: anthropic, hosting: bedrock, region: r-1", ()),
    ("type: anthropic, api_key: k", (("x-api-key", "k"), ("anthropic-version", "2023-06-01"))),
    ("type: gemini, api_key: k", (("x-goog-api-key", "k"),)),
    ("type: vertex, region: r-1, project: p, headers: {X-A: b}", (("X-A", "b"),)),
]
FAULTS = [
    (
        "type: openai, hosting: bedrock",
        'hosting: "bedrock" does not host type openai; it has direct or azure',
    ),
    ("type: vllm, hosting: azure", 'hosting: "azure" does not host type vllm; it has direct'),
    ("type: bedrock", "region: is missing: name one, such as eu-central-1, or set AWS_REGION"),
    (
        "type: vertex, project: p",
        "region: is missing: name one, such as europe-west1 or global, or set GOOGLE_",
    ),
    ("type: vertex, region: r-1", "project: is missing: name one, or set GOOGLE_CLOUD_PROJECT"),
    (
        "type: azure, api_key: k",
        'base_url: is missing: type "azure" has no address of its own on azure; name',
    ),
    ("type: openai, hosting: azure, api_key: k", "or set AZURE_OPENAI_ENDPOINT"),
    ("type: bedrock, region: 'a/b'", "region: is no region's name"),
    ("type: vertex, region: r-1, project: 'p/..'", "project: is no project's id"),
    (
        "type: azure, base_url: 'https://r', api_key: k, api_version: 'a&b'",
        "api_version: is no version such as",
    ),
    ("type: openai, api_key: k, region: r-1", "region: does nothing: hosting is direct"),
    ("type: bedrock, region: r-1, project: p", "project: does nothing: hosting is bedrock"),
    (
        "type: bedrock, region: r-1, auth: {type: gcp_oauth}",
        "auth.type: is not taken by bedrock; it takes aws_sigv4",
    ),
    ("type: openai, auth: {type: azure_entra}", "auth.type: is not taken by direct; it takes api_key"),
    ("type: bedrock, region: r-1, auth: {scope: s}", "auth.scope: does nothing: the type is aws_sigv4"),
    ("type: openai, api_key: k, auth: {profile: p}", "auth.profile: does nothing: the type is api_key"),
    (
        "type: bedrock, region: r-1, api_key: k, auth: {type: aws_sigv4}",
        "api_key: does nothing: auth.type is aws_",
    ),
    (
        "type: bedrock, region: r-1, headers: {Authorization: b}",
        "headers.Authorization: is set by auth.type aws_sig",
    ),
    (
        "type: azure, base_url: 'https://r', auth: {type: azure_entra, client_id: c, client_secret: s3cret}",
        "auth.tenant_id: is missing: client_secret belongs to an application",
    ),
    (
        "type: azure, base_url: 'https://r', auth: {type: azure_entra, tenant_id: t}",
        "auth.tenant_id: does nothing without client_secret",
    ),
    (
        "type: vertex, region: r-1, project: p, auth: {credentials_file: no.json}",
        "auth.credentials_file: cannot be read: No such file",
    ),
    (
        "type: bedrock, region: r-1, auth: {type: iam}",
        "auth.type: expected api_key, azure_entra, gcp_oauth or aws_",
    ),
]


def only(compile_text, entry: str, env: dict[str, str] | None = None) -> Provider:
    """The one provider of a document."""
    return compile_text(f"providers: [{{name: p, models: [m], {entry}}}]", env)[0].providers[0]


@pytest.mark.parametrize(("entry", "url", "dialect", "credential"), GOOD)
def test_a_cloud_is_called_where_it_is(compile_text, entry, url, dialect, credential):
    made = only(compile_text, entry)
    default = 443 if made.tls else 80
    authority = made.host if made.port == default else f"{made.host}:{made.port}"
    assert f"{'https' if made.tls else 'http'}://{authority}{made.base_path}" == url
    assert (made.dialects[0], made.credential) == (dialect, credential)


@pytest.mark.parametrize(("entry", "headers"), HEADERS)
def test_a_key_is_sent_as_the_hosting_wants_it(compile_text, entry, headers):
    assert only(compile_text, entry).headers == headers


@pytest.mark.parametrize(("entry", "expected"), FAULTS)
def test_each_fault_has_its_words(problems, entry: str, expected: str):
    found = problems(f"providers:\n- {{name: p, models: [m], {entry}}}")
    assert len(found) == 1, found
    assert found[0].startswith("f.yaml:2: providers[0].")
    assert expected in found[0]
    assert "s3cret" not in found[0]


def test_what_the_document_does_not_say_a_clouds_variables_do(compile_text):
    env = {
        "AWS_DEFAULT_REGION": "us-east-1",
        "GOOGLE_CLOUD_LOCATION": "global",
        "GOOGLE_CLOUD_PROJECT": "p-2",
        "AZURE_OPENAI_ENDPOINT": "https://r.openai.azure.com/",
    }
    bedrock = only(compile_text, "type: bedrock", env)
    assert bedrock.region == "us-east-1"
    assert only(compile_text, "type: bedrock", {**env, "AWS_REGION": "eu-west-1"}).region == "eu-west-1"
    assert only(compile_text, "type: bedrock, region: eu-north-1", env).region == "eu-north-1"
    vertex = only(compile_text, "type: vertex", env)
    assert (vertex.region, vertex.project) == ("global", "p-2")
    assert only(compile_text, "type: azure, api_key: k", env).host == "r.openai.azure.com"
    direct = only(compile_text, "type: anthropic, api_key: k", env)
    assert (direct.hosting, direct.region, direct.project) == ("direct", None, None)


def test_a_library_that_is_missing_is_named_with_its_command(problems, compile_text, monkeypatch):
    monkeypatch.setattr(compile_hosting, "installed", lambda _module: False)
    for entry, where, extra in (
        ("type: bedrock, region: r-1", "type: needs botocore", "aws"),
        ("type: vertex, region: r-1, project: p", "type: needs google.auth", "gcp"),
        ("type: anthropic, hosting: bedrock, region: r-1", "hosting: needs botocore", "aws"),
        (
            "type: azure, base_url: 'https://r', auth: {type: azure_entra}",
            "auth.type: needs azure.identity",
            "azure",
        ),
    ):
        assert problems(f"providers: [{{name: p, models: [m], {entry}}}]") == [
            f"f.yaml:1: providers[0].{where}: pip install 'headgate[{extra}]'"
        ]
    compile_text("providers: [{name: p, models: [m], type: bedrock, region: r-1, enabled: false}]")
    compile_text("providers: [{name: p, models: [m], type: bedrock, region: r-1, api_key: k}]")


def test_modules_are_looked_up_without_an_error():
    assert compile_hosting.installed("json.decoder")
    assert not compile_hosting.installed("json.no_such")
    assert not compile_hosting.installed("no_such.module")


def test_an_azure_provider_without_a_key_hears_of_entra(compile_text):
    _, warnings = compile_text("providers: [{name: azure, models: [m], base_url: 'https://r'}]")
    assert "has no api_key; Azure OpenAI will refuse its requests (or set auth.type to azure_entra)" in str(
        warnings[0]
    )
    assert compile_text("providers: [{name: bedrock, models: [m], region: r-1}]")[1] == []


def test_secrets_reach_the_snapshot_and_no_text(compile_text, tmp_path: Path):
    (tmp_path / "sa.json").write_text("{}")
    runtime, _ = compile_text(
        "providers:\n"
        "- {name: a, models: [m], type: azure, base_url: 'https://r', api_version: 2024-10-21,\n"
        "   auth: {type: azure_entra, tenant_id: t, client_id: c, client_secret: s3cret, scope: s}}\n"
        "- {name: v, models: [m], type: vertex, region: r-1, project: p, auth: {credentials_file: sa.json}}"
    )
    azure, vertex = runtime.providers
    assert azure.credential is not None
    assert (azure.credential.get("client_secret"), azure.credential.get("profile")) == ("s3cret", None)
    assert azure.api_version == "2024-10-21"
    assert vertex.credential is not None
    assert vertex.credential.get("credentials_file") == str(tmp_path / "sa.json")
    assert "s3cret" not in repr(runtime)
    assert snapshot.decode(snapshot.encode(runtime)) == runtime
