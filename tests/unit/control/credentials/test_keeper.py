"""The keeper: fresh ahead of the end, stale while it lasts, quiet about secrets; no test waits."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass, field

import pytest
from headgate.config.runtime import CredentialSpec, Provider
from headgate.control.channel import Credentials
from headgate.control.credentials.fetched import CredentialError, Fetched
from headgate.control.credentials.keeper import Keeper, World

NOW_S = 1_800_000_000.0
SPEC = CredentialSpec("gcp_oauth", (("credentials_file", "/a"),))
OTHER = CredentialSpec("gcp_oauth", (("credentials_file", "/b"),))


def provider(name: str = "p", credential: CredentialSpec | None = SPEC) -> Provider:
    """A provider with a credential."""
    return Provider(name, "vertex", "http", True, "h", 443, "", (), credential=credential)  # noqa: FBT003  a record


@dataclass
class Stage:
    """A keeper in a world where time passes when it sleeps."""

    answers: Callable[[CredentialSpec, float], Fetched]
    chance: float = 0.0
    now_s: float = NOW_S
    rests_s: list[float] = field(default_factory=list)
    fetched: list[CredentialSpec] = field(default_factory=list)
    sent: list[Credentials] = field(default_factory=list)
    kept: dict[str, CredentialSpec] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Must be made on a loop."""
        self._slept = asyncio.Condition()
        self._turns = asyncio.Semaphore(0)
        world = World(self._fetch, lambda: self.now_s, self._sleep, lambda: self.chance)
        self.keeper = Keeper(self.sent.append, world)

    def _fetch(self, spec: CredentialSpec) -> Fetched:
        self.fetched.append(spec)
        return self.answers(spec, self.now_s)

    async def _sleep(self, delay_s: float) -> None:
        async with self._slept:
            self.rests_s.append(delay_s)
            self._slept.notify_all()
        await self._turns.acquire()
        self.now_s += delay_s

    async def rest(self, count: int) -> None:
        """Until so many rests have begun; all but the last are over."""
        async with self._slept:
            while len(self.rests_s) < count:
                self._turns.release()
                await self._slept.wait()

    async def begin(self, *providers: Provider) -> None:
        """Keep these, and wait for one rest more for each that is new."""
        before, known = len(self.rests_s), self.kept
        self.kept = {one.name: one.credential for one in providers if one.credential is not None}
        self.keeper.apply(providers)
        new = len(self.kept.items() - known.items())
        async with self._slept:
            await self._slept.wait_for(lambda: len(self.rests_s) >= before + new)


def lasting(lifetime_s: float | None) -> Callable[[CredentialSpec, float], Fetched]:
    """A token of its moment."""

    def answer(_spec: CredentialSpec, now_s: float) -> Fetched:
        return Fetched(
            {"token": f"t-{now_s - NOW_S:.0f}"}, None if lifetime_s is None else now_s + lifetime_s
        )

    return answer


@pytest.mark.parametrize(
    ("lifetime_s", "rest_s"),
    [
        (3600.0, 2880.0),  # four fifths
        (86_400.0, 69_120.0),
        (900.0, 600.0),  # five minutes before
        (200.0, 100.0),  # half, where five minutes are too many
        (12.0, 6.0),
        (1.5, 1.0),
        (None, 900.0),
    ],
)
async def test_a_credential_is_renewed_ahead_of_its_end(lifetime_s: float | None, rest_s: float) -> None:
    stage = Stage(lasting(lifetime_s))
    await stage.begin(provider())
    assert stage.rests_s == [rest_s]
    await stage.rest(2)
    assert [message.secret for message in stage.sent] == [{"token": "t-0"}, {"token": f"t-{rest_s:.0f}"}]
    expected = None if lifetime_s is None else int((NOW_S + lifetime_s) * 1000)
    assert stage.sent[0].expires_ms == expected
    await stage.keeper.close()


async def test_chance_spreads_the_renewals_and_never_delays_them() -> None:
    stage = Stage(lasting(3600.0), chance=0.999)
    await stage.begin(provider())
    assert 2590.0 < stage.rests_s[0] < 2600.0
    await stage.keeper.close()


async def test_what_did_not_change_is_not_sent_again() -> None:
    stage = Stage(lambda _spec, _now: Fetched({"token": "same"}, NOW_S + 1e6))
    await stage.begin(provider())
    await stage.rest(3)
    assert len(stage.fetched) == 3
    assert len(stage.sent) == 1
    await stage.keeper.close()


async def test_a_failure_keeps_what_there_is_and_is_tried_again_ever_slower(caplog) -> None:
    def answer(spec: CredentialSpec, now_s: float) -> Fetched:
        if 1 < len(stage.fetched) < 11:
            raise CredentialError("no route to the metadata server")
        return lasting(3600.0)(spec, now_s)

    stage = Stage(answer)
    caplog.set_level(logging.INFO)
    await stage.begin(provider())
    await stage.rest(10)
    assert stage.rests_s[1:] == [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 60.0, 60.0, 60.0]
    assert (
        stage.keeper.current()
        == stage.sent
        == [Credentials("p", {"token": "t-0"}, int((NOW_S + 3600) * 1000))]
    )
    await stage.rest(11)
    assert len(stage.sent) == 2
    assert "no credential for provider p: no route to the metadata server; asking again in 1 s" in caplog.text
    assert "provider p has its credential again" in caplog.text
    assert "t-0" not in caplog.text
    await stage.keeper.close()


async def test_what_is_over_when_it_comes_replaces_nothing(caplog) -> None:
    def answer(spec: CredentialSpec, now_s: float) -> Fetched:
        return lasting(3600.0 if len(stage.fetched) == 1 else 0.0)(spec, now_s)

    stage = Stage(answer)
    await stage.begin(provider())
    await stage.rest(3)
    assert stage.rests_s == [2880.0, 1.0, 2.0]
    assert [message.secret for message in stage.sent] == [{"token": "t-0"}]
    assert "what came is over already; is this machine's clock right?" in caplog.text
    await stage.keeper.close()


async def test_a_reload_keeps_what_is_the_same_and_ends_what_is_gone() -> None:
    stage = Stage(lambda spec, now: Fetched({"token": str(spec.get("credentials_file"))}, now + 3600))
    await stage.begin(provider("a"), provider("b"), provider("plain", None))
    assert {message.provider for message in stage.keeper.current()} == {"a", "b"}
    await stage.begin(provider("a"), provider("c", OTHER))
    assert stage.fetched == [SPEC, SPEC, OTHER]
    assert {message.provider for message in stage.keeper.current()} == {"a", "c"}
    await stage.keeper.close()
    assert stage.keeper.current() == []


async def test_another_spec_is_fetched_for_the_same_provider() -> None:
    stage = Stage(lambda spec, now: Fetched({"token": str(spec.get("credentials_file"))}, now + 3600))
    await stage.begin(provider())
    await stage.begin(provider(credential=OTHER))
    assert [message.secret["token"] for message in stage.sent] == ["/a", "/b"]
    await stage.keeper.close()


async def test_the_end_waits_for_nobody() -> None:
    stage = Stage(lasting(None))
    stage.keeper.apply([provider()])
    await stage.keeper.close()
    assert stage.sent == []


def test_a_fetch_that_hangs_delays_no_end() -> None:
    release, began = threading.Event(), threading.Event()

    def hang(spec: CredentialSpec) -> Fetched:
        began.set()
        release.wait()
        raise CredentialError(spec.kind)

    async def serve() -> None:
        keeper = Keeper(lambda _message: None, World(fetch=hang))
        keeper.apply([provider()])
        await asyncio.to_thread(began.wait)
        await keeper.close()

    asyncio.run(serve())
    fetching = [thread for thread in threading.enumerate() if thread.name == "credentials"]
    assert len(fetching) == 1
    # Its answer finds the loop closed, and that is all.
    release.set()
    fetching[0].join()


def test_what_was_fetched_does_not_show_itself() -> None:
    assert "s3cret" not in repr(Fetched({"token": "s3cret"}, 1.0))
