"""Entra ID's tokens: of an application, and of a machine's managed identity."""

from __future__ import annotations

import json
from types import TracebackType
from typing import Self
from urllib.parse import parse_qs

import pytest
from azure.core.credentials import AccessToken
from azure.core.exceptions import ClientAuthenticationError
from headgate.config.runtime import CredentialSpec
from headgate.control.credentials import azure
from headgate.control.credentials.fetched import CredentialError
from headgate.control.credentials.sources import fetch
from support.cloud import Cloud

APPLICATION = (("tenant_id", "t"), ("client_id", "c"), ("client_secret", "s3cret-of-the-application"))
SCOPE = "https://cognitiveservices.azure.com/.default"


class FakeCredential:
    """Stands for a class of azure-identity; remembers what it was made with and asked for."""

    made: tuple[str, ...] = ()
    asked: tuple[str, ...] = ()
    refusal: Exception | None = None

    def __init__(self, *given: str, **_limits: object) -> None:
        type(self).made = given

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type | None, error: Exception | None, trace: TracebackType | None) -> None:
        """Close nothing."""

    def get_token(self, *scopes: str) -> AccessToken:
        type(self).asked = scopes
        if self.refusal is not None:
            raise self.refusal
        return AccessToken("eyJ.secret", 1_900_000_000)


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> type[FakeCredential]:
    """In place of an application's class."""
    one = type("One", (FakeCredential,), {})
    monkeypatch.setattr(azure, "ClientSecretCredential", one)
    return one


def test_an_application_has_a_secret(fake: type[FakeCredential]) -> None:
    found = fetch(CredentialSpec("azure_entra", APPLICATION))
    assert (found.secret, found.expires_s) == ({"token": "eyJ.secret"}, 1_900_000_000.0)
    assert (fake.made, fake.asked) == (("t", "c", "s3cret-of-the-application"), (SCOPE,))
    fetch(CredentialSpec("azure_entra", (*APPLICATION, ("scope", "https://ai.azure.com/.default"))))
    assert fake.asked == ("https://ai.azure.com/.default",)


def test_a_refusal_does_not_repeat_the_secret(fake: type[FakeCredential]) -> None:
    fake.refusal = ClientAuthenticationError("wrong: s3cret-of-the-application")
    with pytest.raises(CredentialError, match=r"ClientAuthenticationError: wrong: \[redacted\]") as refused:
        fetch(CredentialSpec("azure_entra", APPLICATION))
    assert "s3cret" not in str(refused.value)


@pytest.mark.parametrize("client", [None, "a-client"])
def test_a_machine_has_an_identity(here: Cloud, monkeypatch: pytest.MonkeyPatch, client: str | None) -> None:
    here.answers["GET /msi"] = (
        200,
        json.dumps(
            {
                "access_token": "eyJ.machine",
                "expires_on": "1900000000",
                "resource": "r",
                "token_type": "Bearer",
            }
        ),
    )
    monkeypatch.setenv("IDENTITY_ENDPOINT", f"{here.url}/msi")
    monkeypatch.setenv("IDENTITY_HEADER", "let me in")
    found = fetch(CredentialSpec("azure_entra", (("client_id", client),) if client else ()))
    assert found.secret == {"token": "eyJ.machine"}
    assert found.expires_s is not None
    query = parse_qs(here.asked[-1].query)
    assert query["resource"] == ["https://cognitiveservices.azure.com"]
    assert query.get("client_id") == ([client] if client else None)
    assert here.asked[-1].headers["x-identity-header"] == "let me in"
