"""Credentials of clouds: what they put into a head, and that botocore makes the same signature."""

from __future__ import annotations

from datetime import UTC, datetime
from urllib.parse import quote

import botocore.auth
import pytest
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from headgate.core import Credential
from hypothesis import given
from hypothesis import strategies as st

WALL_MS = 1_440_938_160_000
HOST = "bedrock-runtime.eu-central-1.amazonaws.com"
TOKEN = "ya29.a0-secret"
SECRET = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"


def lines(
    credential: Credential, path: str = "/", body: bytes = b"", wall_ms: int = WALL_MS
) -> dict[str, str]:
    """The header lines by name."""
    head = credential.headers("POST", HOST, path, body, wall_ms)
    assert head is not None
    assert head.endswith(b"\r\n")
    return dict(line.split(": ", 1) for line in head.decode().splitlines())


def signed_by_botocore(path: str, body: bytes, session: str | None) -> str:
    """The signature of the same request."""
    request = AWSRequest("POST", f"https://{HOST}{path}", data=body)
    with pytest.MonkeyPatch.context() as patch:
        now = datetime.fromtimestamp(WALL_MS / 1000, UTC).replace(tzinfo=None)
        patch.setattr(botocore.auth, "get_current_datetime", lambda: now)
        credentials = Credentials("AKIDEXAMPLE", SECRET, session)
        botocore.auth.SigV4Auth(credentials, "bedrock", "eu-central-1").add_auth(request)
    return str(request.headers["Authorization"])


@given(
    model=st.text("abcXYZ019.-_:/@+ ~%é", min_size=1),
    action=st.sampled_from(["converse", "converse-stream", "invoke", "invoke-with-response-stream"]),
    body=st.binary(max_size=99),
    session=st.none() | st.text("abc/+=", min_size=1, max_size=9),
)
def test_botocore_signs_the_same(model: str, action: str, body: bytes, session: str | None) -> None:
    path = f"/model/{quote(model, safe='')}/{action}"
    credential = Credential.aws("eu-central-1", "bedrock")
    assert credential.set_keys("AKIDEXAMPLE", SECRET, session, None)
    found = lines(credential, path, body)
    assert found.pop("authorization") == signed_by_botocore(path, body, session)
    assert found.pop("x-amz-date") == "20150830T123600Z"
    assert found == ({} if session is None else {"x-amz-security-token": session})


def test_a_known_path_of_bedrock() -> None:
    path = "/model/anthropic.claude-3-5-sonnet-20240620-v1%3A0/converse-stream"
    credential = Credential.aws("eu-central-1", "bedrock")
    assert credential.set_keys("AKIDEXAMPLE", SECRET, None, None)
    assert lines(credential, path, b"{}")["authorization"] == signed_by_botocore(path, b"{}", None)


def test_a_token_is_sent_until_its_time_is_over() -> None:
    credential = Credential.bearer()
    assert not credential.ready
    assert credential.headers("POST", HOST, "/", b"", WALL_MS) is None
    assert credential.set_token(TOKEN, WALL_MS + 1)
    assert credential.ready
    assert lines(credential) == {"authorization": f"Bearer {TOKEN}"}
    assert credential.headers("POST", HOST, "/", b"", WALL_MS + 1) is None
    credential.clear()
    assert not credential.ready
    assert credential.headers("POST", HOST, "/", b"", WALL_MS) is None


@pytest.mark.parametrize("bad", ["", "a b", "a\r\nx: y", "é", "\x7f"])
def test_what_a_header_cannot_carry_is_not_taken(bad: str) -> None:
    token, keys = Credential.bearer(), Credential.aws("eu-central-1", "bedrock")
    assert token.set_token(TOKEN, None)
    assert not token.set_token(bad, None)
    assert lines(token)["authorization"].endswith(TOKEN)
    for values in ((bad, SECRET, None), ("AKID", bad, None), ("AKID", SECRET, bad)):
        assert not keys.set_keys(*values, None)
    assert not keys.ready


def test_each_kind_holds_its_own() -> None:
    assert not Credential.bearer().set_keys("AKID", SECRET, None, None)
    assert not Credential.aws("r", "s").set_token(TOKEN, None)


def test_nothing_secret_is_shown() -> None:
    token, keys = Credential.bearer(), Credential.aws("eu-central-1", "bedrock")
    token.set_token(TOKEN, None)
    keys.set_keys("AKID", SECRET, "session", None)
    shown = f"{token!r} {token} {keys!r} {dir(token)}"
    assert "Credential(bearer, ready)" in shown
    assert "Credential(aws bedrock eu-central-1, ready)" in shown
    assert TOKEN not in shown
    assert SECRET not in shown
    assert "session" not in shown
