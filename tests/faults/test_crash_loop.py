"""The crash loop: each service dies at each effect of a login, or never hears of its end; the login ends."""

import asyncio
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass

import pytest

from tests.faults.bomb import Fate
from tests.faults.crashing import Crashing, CrashStack
from tests.faults.stubborn import StubbornBrowser
from tests.journeys.browser import LOGGED_IN, new_browser_session
from tests.journeys.control import PASSED, SEEN, STEP, told
from tests.journeys.people import honest
from tests.journeys.stacks import RunningServers
from tests.journeys.world import World, open_world
from tests.support.demo_tenant import Person
from tests.support.errors import DeadlineError
from tests.support.stack import SERVICES
from tests.support.waiting import wait_until

_STACKS = 2
_FATE_SECONDS = 10.0
_TRIES = 2
_HAVE_TO_COME = 0.8
_OF_SILENCES = 5
_IDLE_SECONDS = 20.0
# Where the end of a write was not seen: that one, the one that was waited for, and one a minute later.
_MOST_WRITES = {"gateway": 1, "proofing": 1, "metadata-sync": 3}


@dataclass(frozen=True, kw_only=True)
class Ordeal:
    """What a service had done in somebody's login when its fate met it."""

    person: Person
    effects: list[str]

    @property
    def name(self) -> str:
        return f"{len(self.effects)}, {self.effects[-1]}"

    @property
    def left_a_write_unrecorded(self) -> bool:
        """Whether it had written to the tenant and not yet committed that it had."""
        writes = [number for number, what in enumerate(self.effects) if what.startswith("PATCH")]
        after = self.effects[writes[-1] :] if writes else []
        return bool(writes) and not any(what.startswith("COMMIT") for what in after)


@pytest.fixture(scope="module")
def stacks(servers: RunningServers) -> Iterator[list[CrashStack]]:
    """Two of them, so that one works while the other waits."""
    with ExitStack() as exits:
        made = [exits.enter_context(servers.unstarted("crash", of=CrashStack)) for _ in range(_STACKS)]
        for stack in made:
            stack.launch_all()
        for stack in made:
            stack.await_ready()
        yield made


@pytest.mark.timeout(300)
@pytest.mark.parametrize("fate", Fate)
@pytest.mark.parametrize("service", SERVICES)
async def test_a_login_outlives_every_fate_at_any_effect(
    stacks: list[CrashStack],
    service: str,
    fate: Fate,
    capsys: pytest.CaptureFixture[str],
    pytestconfig: pytest.Config,
) -> None:
    """Wherever a service dies or loses an answer, the login ends, with one result, rightly written.

    It dies at every effect. Of the answers it loses each fifth, and each with --all.
    """
    async with open_world(stacks[0]) as world:
        effects = await _count(world, Crashing(stacks[0], service))
    with capsys.disabled():
        print(f"\n{fate} of {service}: K = {len(effects)}")
    every = 1 if fate is Fate.DEATH or pytestconfig.getoption("--all") else _OF_SILENCES
    chosen = range(1, len(effects) + 1, every)
    numbers = iter(chosen)
    async with asyncio.TaskGroup() as tasks:
        turns = [
            tasks.create_task(_suffer_in_turn(stack, service, fate=fate, numbers=numbers)) for stack in stacks
        ]
    assert sum(turn.result() for turn in turns) >= len(chosen) * _HAVE_TO_COME


async def _count(world: World, crashing: Crashing) -> list[str]:
    """The effects of one undisturbed login."""
    await _rise_idle(world, crashing)
    crashing.arm(0, Fate.DEATH)
    await _log_in(world)
    await _wait_idle(world)
    return crashing.disarm()


async def _suffer_in_turn(stack: CrashStack, service: str, *, fate: Fate, numbers: Iterator[int]) -> int:
    """Take the next k that is left, until none is; then look back at everybody who logged in meanwhile.

    Returns how often the fate came.
    """
    crashing = Crashing(stack, service)
    async with open_world(stack) as world:
        suffered = [
            ordeal for k in numbers if (ordeal := await _suffer(world, crashing, fate=fate, k=k)) is not None
        ]
        await _rise_idle(world, crashing)
        for ordeal in suffered:
            await _assert_once_in_effect(world, ordeal, writes=_MOST_WRITES[service])
            await _assert_repeated_if_unrecorded(world, ordeal)
        await _assert_nothing_left(world)
        return len(suffered)


async def _suffer(world: World, crashing: Crashing, *, fate: Fate, k: int) -> Ordeal | None:
    """A login during which the service meets its fate at its k-th effect; None where none had so many.

    How often a page is looked at while a login waits is a matter of the machine's speed.
    """
    for _ in range(_TRIES):
        await _rise_idle(world, crashing)
        life = crashing.life
        crashing.arm(k, fate)
        person = await _log_in(world)
        if await _has_come(crashing, lives=life + (fate is Fate.DEATH)):
            ordeal = Ordeal(person=person, effects=crashing.disarm())
            await _assert_once_in_effect(world, ordeal, writes=_MOST_WRITES[crashing.service])
            return ordeal
    return None


async def _has_come(crashing: Crashing, *, lives: int) -> bool:
    """False where the login had fewer effects: the machine was so slow that a page was not looked at."""
    try:
        await wait_until(lambda: crashing.life == lives and not crashing.is_armed, _FATE_SECONDS)
    except DeadlineError:
        return False
    return True


async def _rise_idle(world: World, crashing: Crashing) -> None:
    """Every fate meets the same process: a new one, with nothing left to do from the last."""
    await crashing.rise()
    await _wait_idle(world)


async def _wait_idle(world: World) -> None:
    async def is_idle() -> bool:
        depths = [await world.stack.amqp.depth(service) for service in SERVICES]
        return not (any(depths) or await world.rows.unsent() or await world.rows.unwritten())

    await wait_until(is_idle, _IDLE_SECONDS, what="the services to have nothing left to do")


async def _log_in(world: World) -> Person:
    """A new person's whole login, which ends at the application."""
    person = await world.person()
    async with new_browser_session(world.stack) as session:
        browser = StubbornBrowser(world, session, person=person)
        page = await browser.insist(honest(person))
    assert page.has(LOGGED_IN), f"{page.who}: {page.title}"
    return person


async def _assert_once_in_effect(world: World, ordeal: Ordeal, *, writes: int) -> None:
    person, after = ordeal.person, ordeal.name
    (login,) = await world.rows.transactions(person)
    assert (login["status"], login["metadata"]) == ("handed_back", "applied"), after
    (verification,) = await world.rows.verifications(person)
    assert verification["status"] == "approved", after
    assert await world.rows.rev(person) == 1, after
    metadata = await world.tenant.app_metadata(person)
    assert told(metadata[STEP]) == PASSED, after
    assert metadata == {STEP: metadata[STEP], SEEN: metadata[STEP]}, after
    patches = await world.tenant.patches(person)
    assert 1 <= len(patches) <= writes, after
    assert {patch.status for patch in patches} == {200}, after
    (at_tenant,) = await world.tenant.logins(person)
    assert at_tenant["status"] == "finished", after
    (resumed,) = await world.tenant.continues(person)
    assert resumed.status == 302, after
    assert patches[0].seq < resumed.seq, after


async def _assert_repeated_if_unrecorded(world: World, ordeal: Ordeal) -> None:
    """Nobody knows when such a write takes effect, so the last word is written after it."""
    if ordeal.left_a_write_unrecorded:
        assert len(await world.tenant.patches(ordeal.person)) == _MOST_WRITES["metadata-sync"], ordeal.name


async def _assert_nothing_left(world: World) -> None:
    """Nothing was parked, nothing unforeseen was logged in any life, and no call met a rate limit."""
    for service in SERVICES:
        assert await world.stack.amqp.depth(f"{service}.dead") == 0
        assert [
            line for line in world.log_lines(service) if line["severity"] not in {"INFO", "WARNING"}
        ] == []
    assert [call for call in await world.tenant.calls(" /(api|oauth)/") if call.status == 429] == []
