"""The tenant emulator's own cost: CPU of a login, PATCHes side by side, and what a lost Node child costs.

`python -m tests.bench.tenant [--json] [--seed N]`. The goals are absolute and fail nothing. Beside the
PATCHes their floor, aiohttp that answers as many bytes, is measured in turns with them; a turn in which
others used more than a fifth of a core is left out and counted.
"""

import argparse
import asyncio
import json
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from tests.bench.cpu import cpu_seconds, machine_busy_seconds
from tests.bench.load import closed_loop
from tests.bench.report import Row, at_most, print_report, row
from tests.bench.tenant_client import CALLBACK, Browser, patch_request, tenant_document

_USERS, _LOGINS, _CONCURRENT, _PATCHES_EACH = 50, 40, 50, 40
_TURNS = 7
_FOREIGN_SHARE = 0.2
_LOGIN_CPU_MS, _PATCH_P99_MS = 15.0, 10.0
_CLAIM = """
exports.onExecutePostLogin = async (event, api) => {
  api.idToken.setCustomClaim('https://example.org/seen', event.user.user_id);
  const [, number] = event.user.user_id.split('|');
  if (number === '0') api.redirect.sendUserTo('http://127.0.0.3:9/away');
  if (number === '1') for (;;);
  if (number === '2') { const all = []; for (;;) all.push(new Array(1e6).fill(all.length)); }
  if (number === '3') process.exit(1);
};
exports.onContinuePostLogin = async () => {};
"""
_WAITING, _FIRST_HARMLESS = 0, 4
_LOSSES = {1: "a hang of 1 s", 2: "a memory bomb", 3: "process.exit"}


@dataclass(frozen=True, kw_only=True)
class Server:
    """A process that listens."""

    pid: int
    host: str

    @property
    def address(self) -> tuple[str, int]:
        """Host and port."""
        name, _, port = self.host.partition(":")
        return name, int(port)


def main(arguments: list[str]) -> int:
    """Measure and print; 1 if something could not be measured."""
    parser = argparse.ArgumentParser(prog="./dev bench tenant", description="What the tenant emulator costs.")
    parser.add_argument("--json", action="store_true", help="the last line is for programs")
    parser.add_argument("--seed", type=int, default=1, help="of the order of users")
    options = parser.parse_args(arguments)
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        tenant = stack.enter_context(_tenant(folder))
        login = row("own CPU of a login without redirect", "ms", list(_login_costs(tenant)))
        patches, dropped = _patches(tenant, stack, dice=random.Random(options.seed))  # noqa: S311 - no secret
        losses = [_loss(tenant, number) for number in _LOSSES]
    p99 = next(one for one in patches if one.name.startswith("PATCH p99"))
    print_report(
        "tenant",
        rows=[login, *patches, *losses],
        bars=[
            at_most(login, _LOGIN_CPU_MS),
            at_most(p99, _PATCH_P99_MS, disturbed=dropped == _TURNS),
        ],
        notes=[_note(dropped)],
        seed=options.seed,
        as_json=options.json,
    )
    return 0


def _note(dropped: int) -> str:
    if dropped == _TURNS:
        return "others used the machine in every turn: none was left out"
    return f"{dropped} of {_TURNS} turns left out, in which others used the machine"


@contextmanager
def _tenant(folder: Path) -> Iterator[Server]:
    (folder / "claim.js").write_text(_CLAIM, encoding="utf-8")
    file = folder / "tenant.yaml"
    file.write_text(json.dumps(tenant_document(users=_USERS, actions={"claim": "claim.js"})))
    with _started("tests.tenant", "--config", str(file)) as server:
        yield server


@contextmanager
def _started(*module: str) -> Iterator[Server]:
    command = [sys.executable, "-m", *module]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    try:
        assert process.stdout is not None
        ready: dict[str, Any] = json.loads(process.stdout.readline())
        yield Server(pid=process.pid, host=ready["http"].removeprefix("http://"))
    finally:
        process.terminate()
        process.wait()


def _login_costs(tenant: Server) -> Iterator[float]:
    """Milliseconds of the tenant's CPU, Node included, for a login from /authorize to the callback."""
    for _ in range(_TURNS):
        before = cpu_seconds(tenant.pid)
        for number in range(_LOGINS):
            _check_callback(_one_login(tenant, _FIRST_HARMLESS + number % (_USERS - _FIRST_HARMLESS)))
        yield (cpu_seconds(tenant.pid) - before) * 1000 / _LOGINS


def _one_login(tenant: Server, user: int) -> str:
    browser = Browser(tenant.address)
    try:
        return browser.log_in(user)
    finally:
        browser.close()


def _check_callback(location: str) -> None:
    if not location.startswith(f"{CALLBACK}?code="):
        message = f"a login ended at {location.partition('?')[0]}"
        raise RuntimeError(message)


def _patches(tenant: Server, stack: ExitStack, *, dice: random.Random) -> tuple[list[Row], int]:
    """Rows about PATCHes of 50 connections at once beside their floor, and the number of turns left out."""
    browser = Browser(tenant.address)
    token = browser.machine_token(tenant.host)
    browser.close()
    users = dice.sample(range(_USERS), _CONCURRENT)
    requests = [patch_request(host=tenant.host, token=token, user=user, number=1) for user in users]
    floor = stack.enter_context(_started("tests.bench.floor_server", "700"))
    turns = [_turn(tenant, floor, requests, swapped=number % 2 == 1) for number in range(_TURNS)]
    quiet = [turn for turn in turns if turn["foreign"] <= _FOREIGN_SHARE]
    used = quiet or turns
    names = {
        "p99": (f"PATCH p99, {_CONCURRENT} at once", "ms"),
        "p50": (f"PATCH p50, {_CONCURRENT} at once", "ms"),
        "cpu": ("own CPU of a PATCH", "ms"),
        "floor_p99": ("floor: p99 of aiohttp with as many bytes", "ms"),
        "floor_cpu": ("floor: its CPU", "ms"),
    }
    rows = [row(name, unit, [turn[key] for turn in used]) for key, (name, unit) in names.items()]
    return rows, len(turns) - len(quiet)


def _turn(tenant: Server, floor: Server, requests: list[bytes], *, swapped: bool) -> dict[str, float]:
    """System and floor, one after the other, in alternating order."""
    both = {"": tenant, "floor_": floor}
    measured: dict[str, float] = {"foreign": 0.0}
    for prefix, server in reversed(both.items()) if swapped else both.items():
        busy, started = machine_busy_seconds(), time.perf_counter()
        own, client = cpu_seconds(server.pid), time.process_time()
        times = sorted(asyncio.run(closed_loop(server.address, requests, each=_PATCHES_EACH)))
        ours = cpu_seconds(server.pid) - own + time.process_time() - client
        seconds = time.perf_counter() - started
        foreign = (machine_busy_seconds() - busy - ours) / seconds
        measured["foreign"] = max(measured["foreign"], foreign)
        measured[f"{prefix}p50"] = times[len(times) // 2] * 1000
        measured[f"{prefix}p99"] = times[len(times) * 99 // 100] * 1000
        measured[f"{prefix}cpu"] = (cpu_seconds(server.pid) - own) * 1000 / len(times)
    return measured


def _loss(tenant: Server, killer: int) -> Row:
    """Milliseconds from the end of an Action that takes its process along to the end of the next login.

    A login that waited at a redirect meanwhile must come to its end afterwards.
    """
    samples = []
    for _ in range(3):
        waiting = Browser(tenant.address)
        state = parse_qs(urlsplit(waiting.log_in(_WAITING)).query)["state"][0]
        _one_login(tenant, killer)
        started = time.perf_counter()
        _check_callback(_one_login(tenant, _FIRST_HARMLESS))
        samples.append((time.perf_counter() - started) * 1000)
        _check_callback(waiting.send("POST", "/continue", {"state": state})[1])
        waiting.close()
    return row(f"next login after {_LOSSES[killer]}", "ms", samples)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
