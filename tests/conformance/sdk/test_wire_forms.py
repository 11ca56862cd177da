"""What SDKs hide of the fakes: framing, headers and signatures.

Invariant: what is seen here is on the wire, read without any SDK.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import botocore.session
import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from conformance.sdk import pairs
from conformance.sdk.refusals import ASKS
from support.client import Answer, Client
from support.fakes.bedrock import Bedrock

if TYPE_CHECKING:
    from support.fakes.server import Fake

_CONVERSE = b'{"messages":[{"role":"user","content":[{"text":"hello"}]}]}'
_HELLO = {"contents": [{"parts": [{"text": "hello"}]}]}


def _post(fake: Fake, path: str, body: dict[str, Any], headers: dict[str, str]) -> Answer:
    return Client(fake.root, None).post(path, body, headers)


def test_parallel_calls_of_openai_interleave(fakes: dict[str, Fake]) -> None:
    ask = ASKS["openai"]
    body = {**ask.body, "stream": True, "messages": [{"role": "user", "content": "weather?"}]}
    answer = _post(fakes["openai"], ask.path, body, ask.headers)
    deltas = [json.loads(event)["choices"][0]["delta"] for event in answer.payloads[:-1]]
    order = [call["index"] for delta in deltas for call in delta.get("tool_calls", ())]
    assert order[:6] == [0, 1, 0, 1, 0, 1]
    assert answer.payloads[-1] == b"[DONE]"


def test_openai_tells_usage_of_a_stream_only_if_asked(fakes: dict[str, Fake]) -> None:
    body = {"model": "gpt-text", "messages": [{"role": "user", "content": "hello"}], "stream": True}
    answer = _post(fakes["openai"], ASKS["openai"].path, body, ASKS["openai"].headers)
    assert not any(b"usage" in event for event in answer.payloads)


def test_gemini_streams_an_array_without_sse(fakes: dict[str, Fake]) -> None:
    path = "/v1beta/models/gemini-text:streamGenerateContent"
    answer = _post(fakes["gemini"], path, _HELLO, ASKS["gemini"].headers)
    chunks: Any = json.loads(answer.body)
    texts = [
        chunk["candidates"][0].get("content", {"parts": [{"text": ""}]})["parts"][0]["text"]
        for chunk in chunks
    ]
    assert "".join(texts).startswith("Hello, wörld")
    assert chunks[-1]["usageMetadata"]["totalTokenCount"] == 16


def test_gemini_takes_the_key_from_the_query_too(fakes: dict[str, Fake]) -> None:
    fake = fakes["gemini"]
    path = f"/v1beta/models/gemini-text:streamGenerateContent?alt=sse&key={fake.key}"
    answer = _post(fake, path, _HELLO, {})
    assert answer.headers["content-type"] == "text/event-stream"
    assert len(answer.payloads) == 6


def test_who_asks_too_often_is_told_when_to_come_back(fakes: dict[str, Fake]) -> None:
    body = {"messages": [{"role": "user", "content": "a"}], "max_tokens": 9, "model": "claude-limited"}
    answer = _post(fakes["anthropic"], "/v1/messages", body, ASKS["anthropic"].headers)
    assert (answer.status, answer.headers["retry-after"]) == (429, "7")
    assert answer.json["error"]["type"] == "rate_limit_error"
    answer = _post(
        fakes["gemini"], "/v1beta/models/gemini-limited:generateContent", _HELLO, ASKS["gemini"].headers
    )
    assert answer.json["error"]["status"] == "RESOURCE_EXHAUSTED"
    assert answer.json["error"]["details"][0]["retryDelay"] == "7s"
    assert "retry-after" not in answer.headers


def _signed(fake: Fake, secret: str, model: str) -> dict[str, str]:
    own = Bedrock.credentials
    request = AWSRequest("POST", f"{fake.root}/model/{model}/converse", data=_CONVERSE)
    request.headers["content-type"] = "application/json"
    SigV4Auth(Credentials(own.access_key, secret), own.service, own.region).add_auth(request)
    return dict(request.headers.items())


@pytest.mark.parametrize(
    ("secret", "path", "body", "status"),
    [
        (None, "/model/anthropic.claude-text/converse", _CONVERSE, 200),
        (None, "/model/anthropic.claude-text/converse", _CONVERSE.replace(b"hello", b"hullo"), 403),
        (None, "/model/anthropic.claude-echo/converse", _CONVERSE, 403),
        ("another secret", "/model/anthropic.claude-text/converse", _CONVERSE, 403),
    ],
)
def test_a_signature_is_of_these_bytes_with_this_key(
    fakes: dict[str, Fake], secret: str | None, path: str, body: bytes, status: int
) -> None:
    fake = fakes["bedrock"]
    headers = _signed(fake, secret or Bedrock.credentials.secret_key, "anthropic.claude-text")
    answer = Client(fake.root, None).ask("POST", path, body, headers)
    assert answer.status == status
    if status == 403:
        assert answer.headers["x-amzn-errortype"].startswith("InvalidSignatureException")
        assert "does not match" in answer.json["message"]


def test_there_is_a_fake_for_every_sdk_and_every_provider() -> None:
    assert {pairing.fake for pairing in pairs.CLIENTS.values()} == set(pairs.FAKES)
    assert "bedrock-runtime" in botocore.session.get_session().get_available_services()
