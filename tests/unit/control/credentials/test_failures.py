"""What may be logged of a failure, and who fetches what."""

from __future__ import annotations

import json
import logging
import sys

import pytest
from headgate.config.runtime import CredentialSpec
from headgate.control.credentials import aws, sources
from headgate.control.credentials.fetched import CredentialError, failure
from support.cloud import Cloud

SPEC = CredentialSpec("azure_entra", (("client_secret", "short"),))


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("nobody is there", "nobody is there"),
        ("the secret short is wrong", "the secret [redacted] is wrong"),
        ("key wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY.", "key [redacted]."),
        ("see https://cloud.google.com/docs/authentication/external/set-up-adc now", None),
        ("GET http://a/b?token=x failed", "GET http://a/b failed"),
        ("two\nlines", "two lines"),
    ],
)
def test_a_failure_is_told_without_secrets(text: str, shown: str | None) -> None:
    assert str(failure(ValueError(text), SPEC)) == f"ValueError: {shown or text}"


def test_a_failure_is_short() -> None:
    assert len(str(failure(ValueError("a b " * 999), SPEC))) < 400


def test_a_library_that_went_away_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "headgate.control.credentials.aws", raising=False)
    monkeypatch.setitem(sys.modules, "botocore.session", None)
    with pytest.raises(CredentialError, match=r"botocore.session is not installed"):
        sources.fetch(CredentialSpec("aws_sigv4"))


def test_whatever_a_library_throws_is_a_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    def fall(_spec: CredentialSpec) -> None:
        raise AttributeError("'NoneType' object has no attribute 'token'")

    monkeypatch.setattr(aws, "fetch", fall)
    with pytest.raises(CredentialError, match="AttributeError: 'NoneType' object"):
        sources.fetch(CredentialSpec("aws_sigv4"))


def test_libraries_do_not_log_what_they_hear(
    here: Cloud, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    document = {
        "AccessKeyId": "AKID",
        "SecretAccessKey": "s3cret",
        "Token": "t",
        "Expiration": "2099-01-01T00:00:00Z",
    }
    here.answers["GET /creds"] = (200, json.dumps(document))
    monkeypatch.setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", f"{here.url}/creds")
    caplog.set_level(logging.DEBUG)
    assert sources.fetch(CredentialSpec("aws_sigv4")).secret["secret_access_key"] == "s3cret"
    assert caplog.text == ""
