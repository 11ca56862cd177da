"""Credentials of clouds: what they put into a request's head, and that botocore makes the same signature."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from importlib.resources import files
from typing import TYPE_CHECKING
from urllib.parse import quote

import botocore.auth
import pytest
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from headgate.core import (
    Credential,
    Desk,
    KeyTable,
    Ledger,
    LedgerShape,
    Manner,
    OutputMean,
    Reader,
    SpoolPage,
    Target,
    Ticket,
    Tokenizer,
)
from hypothesis import given
from hypothesis import strategies as st

if TYPE_CHECKING:
    from pathlib import Path

DATA = files("headgate") / "data"
WALL_MS = 1_440_938_160_000
HOST = "bedrock-runtime.eu-central-1.amazonaws.com"
TOKEN = "ya29.a0-secret"
SECRET = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
BODY = '{"model":"m","messages":[{"role":"user","content":"Grüße"}]}'.encode()
_KEY = b"sk-0123456789abcdef"


class Worker:
    """What asks upstreams, without a socket; one request, sent at `WALL_MS` and a millisecond later."""

    def __init__(self, home: Path) -> None:
        self._ledger = Ledger.create(str(home / "segment"), "boot", 77, LedgerShape(1, 8, 16, 64, 8))
        attached = self._ledger.attach(0)
        keys = KeyTable([hashlib.sha256(_KEY).hexdigest()])
        self._desk = Desk(attached, keys, SpoolPage(), [(3, 0, 0, 0, 1 << 63)])
        self._desk.learn(0, "m", 4, OutputMean())
        self._reader = Reader(
            attached, Tokenizer(*(str(DATA / f"{name}.ranks") for name in ("o200k", "cl100k"))), None, HOST
        )
        self._tickets = {at_ms: self._take(at_ms) for at_ms in (WALL_MS, WALL_MS + 1)}

    def _take(self, wall_ms: int) -> Ticket:
        ticket = self._desk.open(b"Bearer " + _KEY, BODY, (0, None), (5, 5, wall_ms))
        assert ticket is not None
        return ticket

    def asks(self, credential: Credential, path: str = "/", wall_ms: int = WALL_MS) -> dict[str, str] | str:
        """The lines that the credential adds to the request's head, by name; a refusal's code."""
        head = f"POST {path} HTTP/1.1\r\nhost: {HOST}\r\n".encode()
        target = Target((head, head), None, Manner("m", None, [], "warn"), ("openai", "direct"), credential)
        sent = self._reader.begin(self._tickets[wall_ms], target, b"", 0)
        if isinstance(sent, tuple):
            return sent[0]
        rest = b"content-length: %d\r\n\r\n%b" % (len(BODY), BODY)
        assert (sent.startswith(head), sent.endswith(rest)) == (True, True)
        added = sent.removeprefix(head).removesuffix(rest)
        return dict(line.split(": ", 1) for line in added.decode().splitlines())


@pytest.fixture(scope="module")
def worker(tmp_path_factory: pytest.TempPathFactory) -> Worker:
    return Worker(tmp_path_factory.mktemp("worker"))


def signed_by_botocore(path: str, session: str | None) -> str:
    """The signature of the same request."""
    request = AWSRequest("POST", f"https://{HOST}{path}", data=BODY)
    with pytest.MonkeyPatch.context() as patch:
        now = datetime.fromtimestamp(WALL_MS / 1000, UTC).replace(tzinfo=None)
        patch.setattr(botocore.auth, "get_current_datetime", lambda: now)
        credentials = Credentials("AKIDEXAMPLE", SECRET, session)
        botocore.auth.SigV4Auth(credentials, "bedrock", "eu-central-1").add_auth(request)
    return str(request.headers["Authorization"])


@given(
    model=st.text("abcXYZ019.-_:/@+ ~%é", min_size=1),
    action=st.sampled_from(["converse", "converse-stream", "invoke", "invoke-with-response-stream"]),
    session=st.none() | st.text("abc/+=", min_size=1, max_size=9),
)
def test_botocore_signs_the_same(worker: Worker, model: str, action: str, session: str | None) -> None:
    path = f"/model/{quote(model, safe='')}/{action}"
    credential = Credential.aws("eu-central-1", "bedrock")
    assert credential.set_keys("AKIDEXAMPLE", SECRET, session, None)
    found = worker.asks(credential, path)
    assert isinstance(found, dict)
    assert found.pop("authorization") == signed_by_botocore(path, session)
    assert found.pop("x-amz-date") == "20150830T123600Z"
    assert found == ({} if session is None else {"x-amz-security-token": session})


def test_a_known_path_of_bedrock(worker: Worker) -> None:
    path = "/model/anthropic.claude-3-5-sonnet-20240620-v1%3A0/converse-stream"
    credential = Credential.aws("eu-central-1", "bedrock")
    assert credential.set_keys("AKIDEXAMPLE", SECRET, None, None)
    expected = {"authorization": signed_by_botocore(path, None), "x-amz-date": "20150830T123600Z"}
    assert worker.asks(credential, path) == expected


def test_a_token_is_sent_until_its_time_is_over(worker: Worker) -> None:
    credential = Credential.bearer()
    assert not credential.ready
    assert worker.asks(credential) == "no_credential"
    assert credential.set_token(TOKEN, WALL_MS + 1)
    assert credential.ready
    assert worker.asks(credential) == {"authorization": f"Bearer {TOKEN}"}
    assert worker.asks(credential, wall_ms=WALL_MS + 1) == "no_credential"
    credential.clear()
    assert not credential.ready
    assert worker.asks(credential) == "no_credential"


@pytest.mark.parametrize("bad", ["", "a b", "a\r\nx: y", "é", "\x7f"])
def test_what_a_header_cannot_carry_is_not_taken(worker: Worker, bad: str) -> None:
    token, keys = Credential.bearer(), Credential.aws("eu-central-1", "bedrock")
    assert token.set_token(TOKEN, None)
    assert not token.set_token(bad, None)
    assert worker.asks(token) == {"authorization": f"Bearer {TOKEN}"}
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
