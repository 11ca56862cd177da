"""Google's tokens: of a service account's file, a workload identity and a metadata server."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from urllib.parse import parse_qs

import pytest
from cryptography.hazmat.primitives import serialization
from google.auth import jwt
from headgate.config.runtime import CredentialSpec
from headgate.control.credentials.fetched import CredentialError
from headgate.control.credentials.sources import fetch
from support import grants
from support.cloud import Cloud

TOKEN = json.dumps({"access_token": "ya29.secret", "expires_in": 3600, "token_type": "Bearer"})
SCOPE = "https://www.googleapis.com/auth/cloud-platform"


def spec(file: Path, document: object) -> CredentialSpec:
    """A provider's credential, from a file with this in it."""
    file.write_text(json.dumps(document))
    return CredentialSpec("gcp_oauth", (("credentials_file", str(file)),))


def test_a_service_account_signs_for_its_token(here: Cloud, tmp_path: Path) -> None:
    here.answers["POST /token"] = (200, TOKEN)
    before_s = time.time()
    found = fetch(spec(tmp_path / "sa.json", grants.service_account(f"{here.url}/token")))
    assert found.secret == {"token": "ya29.secret"}
    assert found.expires_s is not None
    assert before_s + 3590 < found.expires_s < time.time() + 3610
    (assertion,) = parse_qs(here.asked[0].body.decode())["assertion"]
    public = (
        grants.key()
        .public_key()
        .public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    )
    claims = jwt.decode(assertion, public, audience="https://oauth2.googleapis.com/token")
    assert (claims["iss"], claims["scope"]) == ("gateway@p.iam.gserviceaccount.com", SCOPE)


def test_a_workload_identity_changes_its_token(here: Cloud, tmp_path: Path) -> None:
    here.answers["POST /sts"] = (200, json.dumps({**json.loads(TOKEN), "issued_token_type": "a"}))
    (tmp_path / "oidc").write_text("the-cluster's-token")
    document = {
        "type": "external_account",
        "audience": "//iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/p/providers/k",
        "subject_token_type": "urn:ietf:params:oauth:token-type:jwt",
        "token_url": f"{here.url}/sts",
        "credential_source": {"file": str(tmp_path / "oidc")},
    }
    assert fetch(spec(tmp_path / "wif.json", document)).secret == {"token": "ya29.secret"}
    assert parse_qs(here.asked[0].body.decode())["subject_token"] == ["the-cluster's-token"]


def test_a_machine_has_a_metadata_server(here: Cloud) -> None:
    account = "/computeMetadata/v1/instance/service-accounts/default/"
    here.headers["metadata-flavor"] = "Google"
    here.answers["GET /"] = (200, "")
    here.answers["GET /computeMetadata/v1/project/project-id"] = (200, "p")
    here.answers[f"GET {account}"] = (200, json.dumps({"email": "a@b", "scopes": [SCOPE], "aliases": []}))
    here.answers[f"GET {account}token"] = (200, TOKEN)
    # Where the server is, google-auth reads when it is imported.
    host = f"127.0.0.1:{here.port}"
    code = (
        "from headgate.control.credentials.gcp import fetch\n"
        "from headgate.config.runtime import CredentialSpec\n"
        "print(fetch(CredentialSpec('gcp_oauth')).secret['token'])"
    )
    env = {**os.environ, "GCE_METADATA_HOST": host, "GCE_METADATA_IP": host, "NO_GCE_CHECK": "false"}
    command = [sys.executable, "-W", "error", "-c", code]
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=False)  # noqa: S603  our own code
    assert (done.stdout, done.returncode) == ("ya29.secret\n", 0), done.stderr
    assert here.paths()[-1] == f"GET {account}token"
    assert here.asked[-1].headers["metadata-flavor"] == "Google"


@pytest.mark.parametrize(
    ("document", "expected"),
    [
        ([], "the file is no service account's"),
        ({"type": "authorized_user", "client_id": "c"}, "ValueError: Authorized user info was not"),
        ({"type": "gdch"}, "the file is no service account's"),
        ({"type": "service_account"}, "MalformedError|ValueError|KeyError"),
        (
            {"type": "external_account", "credential_source": {"executable": {"command": "x"}}},
            "runs a command",
        ),
    ],
)
def test_a_file_that_will_not_do_has_its_words(tmp_path: Path, document: object, expected: str) -> None:
    with pytest.raises(CredentialError, match=expected):
        fetch(spec(tmp_path / "f.json", document))


def test_a_refusal_is_told_without_what_was_asked(here: Cloud, tmp_path: Path) -> None:
    here.answers["POST /token"] = (400, json.dumps({"error": "invalid_grant", "error_description": "A" * 40}))
    with pytest.raises(CredentialError, match=r"RefreshError: .*invalid_grant") as refused:
        fetch(spec(tmp_path / "sa.json", grants.service_account(f"{here.url}/token")))
    assert "A" * 40 not in str(refused.value)


def test_no_answer_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(CredentialError, match=r"TransportError|RefreshError"):
        fetch(spec(tmp_path / "sa.json", grants.service_account("http://127.0.0.1:1/token")))
