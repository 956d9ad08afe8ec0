"""What traces cost: CPU of the three services for a login without any, with them not exported, and exported.

`python -m tests.bench.traces [--json] [--seed N]`. Without: as if the services knew of no trace
(untraced.py). Each turn runs all three in another order, each in processes of its own; a turn in which others
used more than a fifth of a core is left out and counted.
"""

import argparse
import asyncio
import random
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, nullcontext

from tests.bench.cpu import MOST_OF_OTHERS, Others, cpu_seconds
from tests.bench.report import at_most, print_report, row
from tests.journeys.browser import WAIT
from tests.journeys.people import honest
from tests.journeys.world import World, open_world
from tests.support.local import local_stack
from tests.support.ports import free_port
from tests.support.stack import SERVICES, Stack
from tests.support.waiting import wait_until
from tests.traces.collector import collecting

_TURNS, _WARM, _LOGINS, _AT_ONCE = 7, 6, 40, 4
_WITHOUT, _OFF, _ON = "without traces", "not exported", "exported"
_OFF_BAR, _ON_BAR = 1.03, 1.25


def main(arguments: list[str]) -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="./dev bench traces", description="What traces cost.")
    parser.add_argument("--json", action="store_true", help="the last line is for programs")
    parser.add_argument("--seed", type=int, default=1, help="of the order of each turn")
    options = parser.parse_args(arguments)
    with local_stack("bench-traces", say=_say) as stack:
        turns = asyncio.run(_measure(stack, random.Random(options.seed)))  # noqa: S311 - an order, no secret
    quiet = [turn for turn in turns if turn["others"] <= MOST_OF_OTHERS]
    used = quiet or turns
    rows = [
        row(f"CPU of a login, {name}", "ms", [turn[name] for turn in used]) for name in (_WITHOUT, _OFF, _ON)
    ]
    off = row("not exported / without", "x", [turn[_OFF] / turn[_WITHOUT] for turn in used])
    on = row("exported / without", "x", [turn[_ON] / turn[_WITHOUT] for turn in used])
    print_report(
        "traces",
        rows=[*rows, off, on],
        bars=[at_most(off, _OFF_BAR, disturbed=not quiet), at_most(on, _ON_BAR, disturbed=not quiet)],
        notes=[f"{len(turns) - len(quiet)} of {len(turns)} turns in which others used the machine"],
        seed=options.seed,
        as_json=options.json,
    )
    return 0


def _say(text: str) -> None:
    sys.stderr.write(f"{text} …\n")


async def _measure(stack: Stack, dice: random.Random) -> list[dict[str, float]]:
    turns = []
    async with open_world(stack) as world:
        for _ in range(_TURNS):
            others, turn = Others(), dict[str, float]()
            for name in dice.sample((_WITHOUT, _OFF, _ON), 3):
                turn[name] = await _milliseconds(world, stack, name)
            turns.append(turn | {"others": others.cores()})
    return turns


async def _milliseconds(world: World, stack: Stack, name: str) -> float:
    """Of CPU for a login, by services that have just been started."""
    async with _services(stack, name):
        await _log_in(world, _WARM)
        before = _cpu(stack)
        await _log_in(world, _LOGINS)
        await world.quiet()
        return (_cpu(stack) - before) * 1000 / _LOGINS


@asynccontextmanager
async def _services(stack: Stack, name: str) -> AsyncIterator[None]:
    port = free_port()
    extra: Mapping[str, str] = {}
    if name == _ON:
        extra = {"OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{port}"}
    async with collecting(port) if name == _ON else nullcontext():
        for service in SERVICES:
            stack.end(service)
            through = ("tests.bench.untraced",) if name == _WITHOUT else ()
            stack.launch_service(service, extra=extra, through=through)
        await asyncio.to_thread(stack.await_ready, *SERVICES)
        yield


async def _log_in(world: World, count: int) -> None:
    room, looking = asyncio.Semaphore(_AT_ONCE), asyncio.Lock()

    async def one() -> None:
        async with room:
            await _one_login(world, looking)

    await asyncio.gather(*(one() for _ in range(count)))


async def _one_login(world: World, looking: asyncio.Lock) -> None:
    """One that looks at the waiting page once, however busy the machine is.

    One at a time may be `looking` into the database.
    """
    answers = honest(await world.person())
    browser = await world.browser()
    page = await browser.log_in(answers, to=WAIT)

    async def is_ready() -> bool:
        async with looking:
            (login,) = await world.rows.transactions(answers.person)
        return bool(login["status"] in ("ready", "handed_back"))

    await wait_until(is_ready, 30.0, what="a login to be ready")
    if page.has(WAIT):
        await browser.walk(await browser.reload(), answers)


def _cpu(stack: Stack) -> float:
    return sum(cpu_seconds(stack.processes[service].pid) for service in SERVICES)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
