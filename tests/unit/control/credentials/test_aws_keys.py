"""AWS keys, from each place of botocore's chain."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from botocore.utils import ContainerMetadataFetcher
from headgate.config.runtime import CredentialSpec
from headgate.control.credentials.fetched import CredentialError
from headgate.control.credentials.sources import fetch
from support.cloud import Cloud

SPEC = CredentialSpec("aws_sigv4")
UNTIL = datetime(2099, 1, 2, 3, 4, 5, tzinfo=UTC)
SECRET = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
ROLE = "/latest/meta-data/iam/security-credentials/"


def document(access_key: str) -> str:
    """Keys as AWS's own endpoints write them."""
    return json.dumps(
        {
            "Code": "Success",
            "Type": "AWS-HMAC",
            "AccessKeyId": access_key,
            "SecretAccessKey": SECRET,
            "Token": "session",
            "Expiration": UNTIL.strftime("%Y-%m-%dT%H:%M:%SZ"),
        }
    )


@pytest.fixture
def _no_metadata(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")


def test_the_environment_comes_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIDENV")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
    found = fetch(SPEC)
    assert found.secret == {"access_key_id": "AKIDENV", "secret_access_key": SECRET, "session_token": None}
    assert found.expires_s is None


def test_a_profile_is_read_and_read_again(monkeypatch: pytest.MonkeyPatch) -> None:
    home = Path.home()
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIDENV")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
    for key in ("AKIDONE", "AKIDTWO"):
        text = f"[dev]\naws_access_key_id = {key}\naws_secret_access_key = {SECRET}\naws_session_token = s\n"
        (home / "credentials").write_text(text)
        found = fetch(CredentialSpec("aws_sigv4", (("profile", "dev"),)))
        assert (found.secret["access_key_id"], found.secret["session_token"]) == (key, "s")


def test_a_container_has_an_endpoint(here: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    here.answers["GET /creds"] = (200, document("AKIDTASK"))
    monkeypatch.setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", f"{here.url}/creds")
    monkeypatch.setenv("AWS_CONTAINER_AUTHORIZATION_TOKEN", "let me in")
    found = fetch(SPEC)
    assert found.secret == {
        "access_key_id": "AKIDTASK",
        "secret_access_key": SECRET,
        "session_token": "session",
    }
    assert found.expires_s == UNTIL.timestamp()
    assert here.asked[0].headers["authorization"] == "let me in"


def test_an_instance_has_a_role(here: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    here.answers["PUT /latest/api/token"] = (200, "imds-token")
    here.answers[f"GET {ROLE}"] = (200, "gateway")
    here.answers[f"GET {ROLE}gateway"] = (200, document("AKIDROLE"))
    monkeypatch.setenv("AWS_EC2_METADATA_SERVICE_ENDPOINT", here.url)
    found = fetch(SPEC)
    assert (found.secret["access_key_id"], found.expires_s) == ("AKIDROLE", UNTIL.timestamp())
    assert here.asked[-1].headers["x-aws-ec2-metadata-token"] == "imds-token"
    fetch(SPEC)
    assert here.paths() == 2 * ["PUT /latest/api/token", f"GET {ROLE}", f"GET {ROLE}gateway"]


@pytest.mark.usefixtures("_no_metadata")
@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        (SPEC, "AWS's chain of credentials found none"),
        (CredentialSpec("aws_sigv4", (("profile", "gone"),)), "ProfileNotFound: The config profile"),
    ],
)
def test_none_has_its_words(spec: CredentialSpec, expected: str) -> None:
    with pytest.raises(CredentialError, match=expected):
        fetch(spec)


def test_an_endpoint_that_refuses_tells_no_secret(here: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ContainerMetadataFetcher, "SLEEP_TIME", 0)
    here.answers["GET /creds"] = (400, json.dumps({"message": f"bad token {SECRET}"}))
    monkeypatch.setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", f"{here.url}/creds")
    with pytest.raises(CredentialError) as refused:
        fetch(SPEC)
    assert SECRET not in str(refused.value)
    assert "[redacted]" in str(refused.value)
