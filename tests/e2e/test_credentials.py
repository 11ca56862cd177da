"""Credentials of clouds under traffic: fetched by control, used by workers, renewed in time, told to nobody.

Invariant: tokens live for seconds here, so that what happens at their end is seen; waits are for events.
"""

from __future__ import annotations

import json
import os
import signal
import stat
import time
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest
from headgate.cli import check
from headgate.config import compile_hosting
from support import grants, wire
from support.cloud import Cloud, cloud
from support.fakes.bedrock import Bedrock
from support.fakes.sigv4 import Credentials
from support.gateway import Gateway, document, eventually, start
from support.upstream import Upstream

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from support.client import Answer

_THEIRS = ("AWS_", "AZURE_", "GOOGLE_", "GCE_", "IDENTITY_")
_LONG = {"access_log": "json", "log_level": "debug"}


class Stage(NamedTuple):
    """An Azure OpenAI that takes any token, the machine's identity endpoint, and a provider before them."""

    home: Path
    here: Cloud
    azure: Upstream
    other: Upstream

    def config(self, **sections: Any) -> dict[str, Any]:  # noqa: ANN401
        """Models `m` at Azure alone, `spare` at Azure and then elsewhere."""
        found = document({"other": self.other}, **sections)
        row = {"name": "azure", "base_url": f"http://localhost:{self.azure.port}"}
        found["providers"].append({**row, "auth": {"type": "azure_entra"}})
        at_azure = {"provider": "azure", "model": "m"}
        found["routes"] += [
            {"model_alias": "m", "targets": [at_azure]},
            {"model_alias": "spare", "targets": [at_azure, {"provider": "other", "model": "m"}]},
        ]
        return found

    def start(self, token: tuple[int, str], **sections: Any) -> Gateway:  # noqa: ANN401
        """A gateway whose machine has this token."""
        return start(self.home, self.config(**sections), grants.azure_machine(self.here, token))

    def shown(self) -> list[str]:
        """The tokens of all requests so far."""
        return [received.headers["authorization"] for received in self.azure.requests("m")]


@pytest.fixture(autouse=True)
def _nobodys(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith(_THEIRS)]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    with ExitStack() as stack:
        found = Stage(tmp_path, *map(stack.enter_context, (cloud(), Upstream(), Upstream())))
        found.azure.script("m", wire.answer(wire.chat("from Azure")))
        found.other.script("m", wire.answer(wire.chat("from elsewhere")))
        yield found


def _answers(gateway: Gateway) -> None:
    eventually(lambda: gateway.client.chat("m").status == 200)


def test_control_fetches_once_for_all_workers(stage: Stage) -> None:
    server = {"listen": "127.0.0.1:0", "workers": 2, "shutdown_timeout": "5s"}
    with stage.start(grants.azure_token("the-token"), server=server) as gateway:
        gateway.generation(1, workers=2)
        _answers(gateway)
        # Each on a connection of its own: no worker is spared.
        assert {gateway.client.chat("m").status for _ in range(40)} == {200}
        killed, _ = gateway.worker_pids()
        os.kill(killed, signal.SIGKILL)
        eventually(lambda: len(set(gateway.worker_pids()) - {killed}) == 2)
        gateway.generation(1, workers=2)
        assert {gateway.client.chat("m").status for _ in range(40)} == {200}
    assert stage.here.paths() == [grants.AZURE_TOKEN]
    assert set(stage.shown()) == {"Bearer the-token"}


def test_a_token_is_renewed_ahead_of_its_end(stage: Stage) -> None:
    with stage.start(grants.azure_token("the-first", 6)) as gateway:
        ends_s = time.monotonic() + 6
        _answers(gateway)
        stage.here.answers[grants.AZURE_TOKEN] = grants.azure_token("the-second")
        eventually(lambda: gateway.client.chat("m").status != 200 or "Bearer the-second" in stage.shown())
        assert time.monotonic() < ends_s
        assert gateway.client.chat("m").status == 200
        assert stage.shown()[-1] == "Bearer the-second"
        assert set(stage.shown()) == {"Bearer the-first", "Bearer the-second"}


def test_a_cloud_that_fails_stops_nothing_before_the_end(stage: Stage) -> None:
    with stage.start(grants.azure_token("the-first", 4)) as gateway:
        _answers(gateway)
        stage.here.answers[grants.AZURE_TOKEN] = (400, '{"error": "down for a while"}')
        assert "no credential for provider azure" in gateway.log("asking again")
        assert gateway.client.chat("m").status == 200
        eventually(lambda: gateway.client.chat("m").status == 502)
        assert gateway.client.chat("m").code == "upstream_auth"
        stage.here.answers[grants.AZURE_TOKEN] = grants.azure_token("the-second")
        _answers(gateway)
        assert stage.shown()[-1] == "Bearer the-second"


def test_without_a_credential_the_next_target_is_asked(stage: Stage) -> None:
    with stage.start((404, "{}")) as gateway:
        gateway.log("no credential for provider azure")
        refused = gateway.client.chat("m")
        assert (refused.status, refused.code) == (502, "upstream_auth")
        assert "no valid credential" in refused.json["error"]["message"]
        answer = gateway.client.chat("spare")
        assert (answer.text, answer.headers["x-headgate-provider"]) == ("from elsewhere", "other")
        records = gateway.settled(answer.request_id, 2)
        told = [(record["provider"], record["outcome"]) for record in records]
        assert told == [("azure", "upstream_auth"), ("other", "ok")]
        streamed = gateway.client.chat("m", stream=True)
        assert (streamed.status, streamed.code) == (502, "upstream_auth")
    assert stage.shown() == []


def _everything_written(home: Path, capsys: pytest.CaptureFixture[str]) -> str:
    """Every file of the state directory but those that hold the configuration, and what `check` prints."""
    state = home / ".headgate"
    private = {
        path for path in state.rglob("*") if path.is_file() and b"the-config-secret" in path.read_bytes()
    }
    assert private == {state / "headgate.config.snapshot"}
    assert {stat.S_IMODE(path.stat().st_mode) for path in private} == {0o600}
    files = [path.read_bytes() for path in state.rglob("*") if path.is_file() and path not in private]
    for as_json in (False, True):
        assert check.check(home / "headgate.yaml", as_json=as_json) == 0
    printed = capsys.readouterr()
    # What was fetched is in no file at all.
    snapshot = (state / "headgate.config.snapshot").read_bytes().replace(b"the-config-secret", b"")
    return b"".join([*files, snapshot]).decode("latin-1") + printed.out + printed.err


def test_no_secret_is_written_anywhere(stage: Stage, capsys: pytest.CaptureFixture[str]) -> None:
    fetched = {"the-azure-token", "the-google-token", "the-aws-secret/key", "the-aws-session"}
    home, here = stage.home, stage.here
    here.answers[grants.GOOGLE_TOKEN] = grants.google_token("the-google-token")
    (home / "account.json").write_text(json.dumps(grants.service_account(f"{here.url}/token")))
    keys = grants.aws_keys("AKIDOFTHETEST", "the-aws-secret/key", "the-aws-session")
    env = grants.azure_machine(here, grants.azure_token("the-azure-token"))
    config = stage.config(telemetry=_LONG)
    at = {"base_url": f"http://localhost:{stage.azure.port}"}
    region = {"region": "r-1", "project": "p", "auth": {"credentials_file": "account.json"}}
    application = {"type": "azure_entra", "tenant_id": "t", "client_id": "c"}
    config["providers"] += [
        {"name": "bedrock", "region": "r-1", **at},
        {"name": "vertex", **region, **at},
        {"name": "app", "type": "azure", **at, "auth": {**application, "client_secret": "the-config-secret"}},
    ]
    names = ("bedrock", "vertex", "app")
    config["routes"] += [
        {"model_alias": name, "targets": [{"provider": name, "model": "m"}]} for name in names
    ]
    env |= {"AZURE_AUTHORITY_HOST": f"https://127.0.0.1:{here.port}", **grants.aws_container(here, keys)}
    with start(home, config, env) as gateway:
        _answers(gateway)
        for name in ("bedrock", "vertex"):
            # They answer nothing that is of use, but they were asked.
            eventually(lambda name=name: gateway.client.chat(name).code != "upstream_auth")  # type: ignore[misc]
        assert gateway.client.chat("app").code == "upstream_auth"
        gateway.log("no credential for provider app")
        written = _everything_written(home, capsys)
        gateway.stop()
        assert gateway.process.stdout is not None
        assert gateway.process.stderr is not None
        said = "".join([*gateway.read, *gateway.errors, gateway.process.stdout.read()])
        said += gateway.process.stderr.read()
    pem = (home / "account.json").read_text()
    secrets = {*fetched, "the-config-secret", json.loads(pem)["private_key"].splitlines()[1]}
    assert "no credential for provider app" in said
    assert [secret for secret in secrets if secret in said + written] == []


def test_another_region_and_profile_take_effect(tmp_path: Path) -> None:
    first = Bedrock.credentials
    other = Credentials("AKIDOFANOTHER", "another/secret", "eu-central-1", "bedrock")
    profiles = {"one": first, "other": other}
    text = "".join(
        f"[{name}]\naws_access_key_id = {keys.access_key}\naws_secret_access_key = {keys.secret_key}\n"
        for name, keys in profiles.items()
    )
    (tmp_path / "credentials").write_text(text)
    env = {"AWS_SHARED_CREDENTIALS_FILE": str(tmp_path / "credentials")}
    with Bedrock() as bedrock:

        def config(profile: str, region: str) -> dict[str, Any]:
            row = {
                "name": "bedrock",
                "region": region,
                "base_url": bedrock.root,
                "auth": {"profile": profile},
            }
            target = {"provider": "bedrock", "model": "amazon.nova-text"}
            routes = [{"model_alias": "m", "targets": [target]}]
            return document({}, providers=[row], routes=routes)

        def asks() -> Answer:
            return gateway.client.chat("m")

        with start(tmp_path, config("one", first.region), env) as gateway:
            eventually(lambda: asks().status == 200)
            bedrock.credentials = first._replace(region=other.region)
            gateway.reconfigure(config("one", other.region))
            gateway.hang_up()
            eventually(lambda: asks().status == 200)
            bedrock.credentials = other
            gateway.reconfigure(config("other", other.region))
            gateway.hang_up()
            eventually(lambda: asks().status == 200)
            assert "Credential=AKIDOFANOTHER/" in bedrock.requests[-1].headers["authorization"]


def test_a_missing_library_is_told_with_its_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    config = tmp_path / "headgate.yaml"
    rows = [{"name": "bedrock", "region": "r-1"}, {"name": "vertex", "region": "r-1", "project": "p"}]
    config.write_text(json.dumps({"providers": rows}))
    monkeypatch.setattr(compile_hosting, "installed", lambda _module: False)
    assert check.check(config, as_json=False) != 0
    told = capsys.readouterr().err
    assert "pip install 'headgate[aws]'" in told
    assert "pip install 'headgate[gcp]'" in told
