"""Every replica of every service is replaced while people log in, and nobody notices."""

import asyncio
import json
import subprocess
import tarfile
from collections.abc import Iterator
from dataclasses import replace
from http import HTTPStatus
from pathlib import Path
from typing import Any

import pytest

from tests.faults.crowd import KINDS, Crowd, Visit
from tests.faults.fleet import BY_READINESS, LIKE_KUBERNETES, Fleet, Manner
from tests.journeys.stacks import RunningServers
from tests.journeys.world import World, open_world
from tests.support.run_folder import ROOT
from tests.support.stack import SERVICES, Stack
from tests.support.waiting import wait_until

_REPLICAS = 2
_PLACES = 3
_SETTLED_SECONDS = 60.0
_EITHER = {"gateway": BY_READINESS, "proofing": LIKE_KUBERNETES, "metadata-sync": LIKE_KUBERNETES}


@pytest.fixture
def stack(servers: RunningServers) -> Iterator[Stack]:
    with servers.unstarted("rolling", of=Stack) as made:
        yield made


@pytest.fixture
def former_release(tmp_path: Path) -> Path:
    """A folder with the services as they were before the newest migration was added."""
    migrations = ("services/*/*/migrations/*.sql", "services/common/common/migrations/*.sql")
    newest = _git("log", "-1", "--diff-filter=A", "--format=%H", "--", *migrations).strip()
    if not newest or _git("rev-parse", "--is-shallow-repository").strip() != "false":
        pytest.skip("the history of the repository is not here")
    archive = tmp_path / "former.tar"
    _git("archive", f"--output={archive}", f"{newest}^", "services")
    with tarfile.open(archive) as packed:
        packed.extractall(tmp_path, filter="data")
    return tmp_path / "services"


def _git(*arguments: str) -> str:
    """What git says; nothing where it says no."""
    done = subprocess.run(
        ["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=False, timeout=60
    )
    return done.stdout


@pytest.mark.timeout(180)
async def test_a_rolling_restart(stack: Stack) -> None:
    """All at once, replica by replica: every login ends, nobody sees a 5xx, each effect is there once."""
    fleet = Fleet(stack, manners=_EITHER)
    async with fleet.running(each=_REPLICAS), open_world(stack) as world:
        crowd = Crowd(world, places=_PLACES, keeps_connections=False)
        async with crowd.logging_in(), asyncio.TaskGroup() as rollouts:
            for service in SERVICES:
                rollouts.create_task(fleet.replace_all(service))
        await _assert_nobody_noticed(world, crowd, fleet, replaced=_REPLICAS * len(SERVICES))


@pytest.mark.thorough
@pytest.mark.timeout(900)
@pytest.mark.parametrize("manner", [BY_READINESS, LIKE_KUBERNETES], ids=["readiness", "kubernetes"])
async def test_rolling_restarts_one_after_the_other(stack: Stack, manner: Manner) -> None:
    """Again and again, service by service, under browsers that keep their connections."""
    fleet = Fleet(stack, manners=dict.fromkeys(SERVICES, replace(manner, drain=5)))
    rounds = 3
    async with fleet.running(each=_REPLICAS), open_world(stack) as world:
        crowd = Crowd(world, places=2 * len(KINDS), keeps_connections=True)
        async with crowd.logging_in():
            for service in SERVICES * rounds:
                await fleet.replace_all(service)
        await _assert_nobody_noticed(world, crowd, fleet, replaced=_REPLICAS * len(SERVICES) * rounds)


@pytest.mark.thorough
@pytest.mark.timeout(300)
async def test_a_rolling_upgrade(stack: Stack, former_release: Path) -> None:
    """The release before the newest migration runs on today's schema, and beside today's services."""
    fleet = Fleet(stack, manners=_EITHER)
    fleet.code = former_release
    async with fleet.running(each=_REPLICAS), open_world(stack) as world:
        crowd = Crowd(world, places=_PLACES, keeps_connections=False)
        async with crowd.logging_in():
            fleet.code = None
            for service in ("proofing", "metadata-sync", "gateway"):
                await fleet.replace_all(service)
        await _assert_nobody_noticed(world, crowd, fleet, replaced=_REPLICAS * len(SERVICES))


async def _assert_nobody_noticed(world: World, crowd: Crowd, fleet: Fleet, *, replaced: int) -> None:
    assert crowd.failed == []
    assert [status for status in crowd.statuses if status >= HTTPStatus.BAD_REQUEST] == []
    assert fleet.exit_codes == [0] * replaced
    assert {visit.steps for visit in crowd.ended} == set(KINDS)
    assert [balancer.refused for balancer in fleet.balancers.values()] == [0, 0, 0]
    await _settled(world)
    for visit in crowd.ended:
        await _assert_once_in_effect(world, visit)
    assert [await world.stack.amqp.depth(f"{service}.dead") for service in SERVICES] == [0, 0, 0]
    lines = _lines(fleet)
    assert [line for line in lines if line["severity"] not in {"INFO", "WARNING"}] == []
    # A machine that stands still for seconds loses leases; what was under way then is written once more.
    lost = [
        line for line in lines if line["event"] in {"write.taken_over", "write.lease_lost", "write.failed"}
    ]
    repeated = sum([await _writes_repeated(world, visit) for visit in crowd.ended])
    assert repeated <= len(lost)


async def _settled(world: World) -> None:
    async def is_idle() -> bool:
        depths = [await world.stack.amqp.depth(service) for service in SERVICES]
        return not (any(depths) or await world.rows.unsent() or await world.rows.unwritten())

    await wait_until(is_idle, _SETTLED_SECONDS, what="what nobody waits for to be written", every=0.2)


async def _assert_once_in_effect(world: World, visit: Visit) -> None:
    """Each step has passed and is written, nothing was sent twice or checked twice."""
    person, steps = visit.person, visit.steps
    metadata = await world.tenant.app_metadata(person)
    assert {step: metadata[f"waystation_{step}"]["status"] for step in steps} == dict.fromkeys(
        steps, "passed"
    )
    statuses = [login["status"] for login in await world.rows.transactions(person)]
    asked_again = ["restarted"] if "password" in steps else []
    went_back = ["handed_back"] if set(steps) - {"password"} else []
    assert statuses == [*asked_again, *went_back], steps
    assert len(await world.rows.verifications(person)) == steps.count("idproof")
    assert len(await world.inbox(person).codes()) == steps.count("stepup")


async def _writes_repeated(world: World, visit: Visit) -> int:
    """How many writes of the same to this person were taken by the tenant beyond the first."""
    patches = await world.tenant.patches(visit.person)
    assert {patch.status for patch in patches} == {HTTPStatus.OK}, visit.steps
    return len(patches) - len({patch.body for patch in patches})


def _lines(fleet: Fleet) -> list[dict[str, Any]]:
    """All that replicas have logged, those that went included."""
    return [json.loads(line) for output in fleet.outputs for line in output.read_text().splitlines()]
