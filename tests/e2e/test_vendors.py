"""Every OpenAI-compatible vendor is asked as its page says: path, credential, and members of the body."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from headgate.providers.catalog import CATALOG
from support import wire
from support.gateway import Gateway, document, start
from support.upstream import Received, Step, Upstream
from support.vendors import VENDORS, Wanted

if TYPE_CHECKING:
    from collections.abc import Iterator

KEY = "key-of-the-vendor"
BODIES: dict[str, dict[str, Any]] = {
    "/chat/completions": {"messages": [{"role": "user", "content": "hi"}]},
    "/completions": {"prompt": "hi"},
    "/embeddings": {"input": "hi"},
}
EMBEDDED = {
    "object": "list",
    "data": [{"object": "embedding", "index": 0, "embedding": [0.5]}],
    "model": "m",
    "usage": {"prompt_tokens": 1, "total_tokens": 1},
}
CHATTING = [wanted for wanted in VENDORS if wanted.endpoint == "/chat/completions"]


def _answer(request: Received) -> list[Step]:
    if request.path.endswith("/embeddings"):
        return wire.answer(EMBEDDED)
    if request.json.get("stream"):
        return wire.stream(wire.chat_events(wire.HEALTHY))
    return wire.answer(wire.chat(wire.HEALTHY))


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory, upstream: Upstream) -> Iterator[Gateway]:
    """Every vendor at once, each at the test's own server under the path of its row."""
    origin = upstream.url.removesuffix("/v1")
    config = document({})
    for wanted in VENDORS:
        base_url = wanted.url.removesuffix(wanted.endpoint) if wanted.configured else None
        address = base_url or CATALOG[wanted.type].base_url or ""
        path = address.partition("://")[2].partition("/")[2]
        provider = {"name": wanted.type, "base_url": f"{origin}/{path}", "api_key": KEY}
        config["providers"].append(provider)
        config["routes"].append({"model_alias": wanted.type, "targets": [{"provider": wanted.type}]})
        upstream.script(wanted.type, _answer)
    with start(tmp_path_factory.mktemp("vendors"), config) as running:
        yield running


@pytest.mark.parametrize("wanted", VENDORS, ids=lambda wanted: wanted.type)
def test_the_request_goes_where_the_page_says_with_its_credential(
    gateway: Gateway, upstream: Upstream, wanted: Wanted
) -> None:
    asked = len(upstream.requests(wanted.type))
    body = {"model": wanted.type, **BODIES[wanted.endpoint]}
    answer = gateway.client.post("/v1" + wanted.endpoint, body)
    assert answer.status == 200, answer.body
    request = upstream.request(wanted.type, asked + 1)
    assert (request.method, request.path) == ("POST", wanted.path)
    name, scheme = wanted.auth
    assert request.headers[name] == scheme + KEY
    assert [other for other in request.headers if KEY in request.headers[other]] == [name]
    assert request.headers["content-type"] == "application/json"
    assert request.json == body


@pytest.mark.parametrize("wanted", CHATTING, ids=lambda wanted: wanted.type)
def test_a_stream_s_usage_is_asked_for_where_that_is_accepted(
    gateway: Gateway, upstream: Upstream, wanted: Wanted
) -> None:
    asked = len(upstream.requests(wanted.type))
    answer = gateway.client.chat(wanted.type, stream=True)
    assert (answer.status, answer.text) == (200, wire.HEALTHY)
    sent = upstream.request(wanted.type, asked + 1).json
    options = None if "stream_options" in wanted.refuses else {"include_usage": True}
    assert (sent["stream"], sent.get("stream_options")) == (True, options)


@pytest.mark.parametrize(
    ("wanted", "endpoint"),
    [(wanted, endpoint) for wanted in VENDORS for endpoint in wanted.lacks],
    ids=lambda part: part.type if isinstance(part, Wanted) else part.strip("/"),
)
def test_an_endpoint_that_a_vendor_lacks_is_refused_here(
    gateway: Gateway, upstream: Upstream, wanted: Wanted, endpoint: str
) -> None:
    asked = len(upstream.requests(wanted.type))
    answer = gateway.client.post("/v1" + endpoint, {"model": wanted.type, **BODIES[endpoint]})
    assert (answer.status, answer.json["error"]["param"]) == (400, "model")
    label = endpoint.strip("/").removesuffix("/completions")
    assert f"The provider '{wanted.type}' has no {label};" in answer.json["error"]["message"]
    assert len(upstream.requests(wanted.type)) == asked


def _sent(upstream: Upstream, gateway: Gateway, wanted: Wanted, body: dict[str, Any]) -> dict[str, Any]:
    """The body that reaches a vendor."""
    asked = len(upstream.requests(wanted.type))
    answer = gateway.client.post("/v1/chat/completions", body)
    assert answer.status == 200, answer.body
    return upstream.request(wanted.type, asked + 1).json


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize("wanted", CHATTING, ids=lambda wanted: wanted.type)
def test_a_vendor_gets_the_members_that_it_knows_and_all_others_untouched(
    gateway: Gateway, upstream: Upstream, wanted: Wanted, *, stream: bool
) -> None:
    tool = {"type": "function", "function": {"name": "max_tokens", "parameters": {"type": "object"}}}
    body: dict[str, Any] = {
        "model": wanted.type,
        "max_completion_tokens": 16,
        "messages": [
            {"role": "developer", "content": "Be brief."},
            {"role": "user", "content": [{"type": "text", "text": "developer"}]},
        ],
        "tools": [tool],
        "parallel_tool_calls": False,
        "reasoning_effort": "low",
        "x_of_the_caller": {"role": "developer", "max_completion_tokens": [1.5, None]},
        **({"stream": True, "stream_options": {"include_usage": True}} if stream else {}),
    }
    expected = {name: value for name, value in body.items() if name not in wanted.refuses}
    expected[wanted.limit or "max_completion_tokens"] = expected.pop("max_completion_tokens")
    expected["messages"] = [{"role": wanted.role, "content": "Be brief."}, body["messages"][1]]
    assert _sent(upstream, gateway, wanted, body) == expected


@pytest.mark.parametrize("wanted", CHATTING, ids=lambda wanted: wanted.type)
def test_the_older_maximum_gets_the_name_that_a_vendor_knows(
    gateway: Gateway, upstream: Upstream, wanted: Wanted
) -> None:
    body = {"model": wanted.type, **BODIES["/chat/completions"]}
    sent = _sent(upstream, gateway, wanted, {**body, "max_tokens": 7})
    assert sent == {**body, wanted.limit or "max_tokens": 7}
