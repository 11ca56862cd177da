"""Handles of credentials: one for each provider that needs one, filled in place."""

from __future__ import annotations

from headgate.config.runtime import CredentialSpec, Provider
from headgate.upstream.credentials import CredentialTable

GCP, AWS = CredentialSpec("gcp_oauth"), CredentialSpec("aws_sigv4")
KEYS = {"access_key_id": "AKID", "secret_access_key": "s3cret", "session_token": None}


def provider(name: str, credential: CredentialSpec | None, region: str = "eu-1") -> Provider:
    """A provider that is called with a credential."""
    return Provider(name, "t", "http", True, "h", 443, "", (), region=region, credential=credential)  # noqa: FBT003  a record


def test_a_handle_is_there_for_those_that_need_one() -> None:
    table = CredentialTable()
    token, keys, plain = provider("v", GCP), provider("b", AWS), provider("o", None)
    table.adopt([token, keys, plain])
    assert table.handle(plain) is None
    assert repr(table.handle(token)) == "Credential(bearer, empty)"
    assert repr(table.handle(keys)) == "Credential(aws bedrock eu-1, empty)"


def test_a_handle_is_filled_by_what_comes() -> None:
    table = CredentialTable()
    table.adopt([provider("v", GCP), provider("b", AWS)])
    token, keys = table.handle(provider("v", GCP)), table.handle(provider("b", AWS))
    assert token is not None
    assert keys is not None
    assert table.apply("v", {"token": "t"}, None)
    assert table.apply("b", KEYS, 5_000)
    assert (token.ready, keys.ready) == (True, True)


def test_what_does_not_fit_changes_nothing() -> None:
    table = CredentialTable()
    table.adopt([provider("v", GCP), provider("b", AWS)])
    assert not table.apply("who", {"token": "t"}, None)
    assert not table.apply("v", KEYS, None)
    assert not table.apply("b", {"token": "t"}, None)


def test_a_handle_outlives_a_reload_that_does_not_touch_it() -> None:
    table = CredentialTable()
    first = provider("v", GCP)
    table.adopt([first, provider("gone", GCP)])
    table.apply("v", {"token": "t"}, None)
    kept = table.handle(first)
    table.adopt([provider("v", GCP)])
    assert table.handle(first) is kept
    assert table.handle(provider("gone", GCP)) is None
    for moved in (
        provider("v", GCP, "us-1"),
        provider("v", CredentialSpec("gcp_oauth", (("credentials_file", "x"),))),
    ):
        table.adopt([moved])
        found = table.handle(moved)
        assert found is not kept
        assert found is not None
        assert not found.ready
