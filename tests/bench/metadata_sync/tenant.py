"""A tenant of the bench: an emulator process of its own, what is asked of it, and what it saw."""

import asyncio
import json
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus
from typing import Any
from urllib.parse import quote, unquote

import aiohttp
from yarl import URL

from tests.bench.metadata_sync.workload import kind_in, revs_in, user_id
from tests.support.processes import Process
from tests.support.run_folder import RunFolder
from tests.support.waiting import wait_until

CLIENT, SECRET = "m2m", "client-secret-of-acme"
ANSWER_SECONDS = 0.03
_ACTION, _NEIGHBOUR = "bench-action", "bench-neighbour"
_AT_ONCE = 16
_READY_SECONDS = 60.0
_ACTION_AFTER_SECONDS = 0.2


@dataclass(frozen=True, kw_only=True)
class Call:
    """One PATCH as the tenant saw it; `at`: when it was answered, in seconds since 1970, after `seconds`."""

    at: float
    seconds: float
    who: str
    status: int | None
    user: int
    kind: str
    revs: dict[str, int]

    @property
    def is_the_systems(self) -> bool:
        return self.who not in (_ACTION, _NEIGHBOUR)


class Tenant:
    """An emulator of a limit, with people's Actions and others' calls."""

    def __init__(self, process: Process, *, origin: str, session: aiohttp.ClientSession) -> None:
        self.process = process
        self.origin = origin
        self.calls: list[Call] = []
        self._session = session
        self._token = ""
        self._seen = 0
        self._actions: set[asyncio.Task[int]] = set()

    @property
    def authority(self) -> str:
        return self.origin.removeprefix("http://")

    async def prepare(self, *, users: Iterable[int], burst: int, per_second: int) -> None:
        """These users, this limit, answers after 30 ms, and a token for what is called besides."""
        await self.limit(burst=burst, per_second=per_second)
        slots = asyncio.Semaphore(_AT_ONCE)

        async def put(number: int) -> None:
            async with slots:
                await self._control(
                    "PUT", f"users/{quote(user_id(number), safe='')}", {"email": "a@b.example"}
                )

        await asyncio.gather(*map(put, users))
        self._token = await self.token()

    async def limit(self, *, burst: int, per_second: int) -> None:
        await self._control("POST", "rate", {"burst": burst, "per_second": per_second})

    async def answer_after(self, seconds: float = ANSWER_SECONDS) -> None:
        await self.plant(delay=seconds)

    async def plant(self, **fault: Any) -> None:
        """A fault of PATCHes; the first that fits counts."""
        await self._control("POST", "faults", {"match": "^PATCH ", **fault})

    async def forget_faults(self) -> None:
        await self._control("DELETE", "faults")

    async def forget_calls(self) -> None:
        """Whatever was called until now is of no interest."""
        self._seen = (await self._control("GET", "log?since=0"))["next"]
        self.calls.clear()

    async def token(self) -> str:
        form = {
            "grant_type": "client_credentials",
            "client_id": CLIENT,
            "client_secret": SECRET,
            "audience": f"https://{self.authority}/api/v2/",
        }
        async with self._session.post(f"{self.origin}/oauth/token", json=form) as response:
            return str((await response.json())["access_token"])

    async def revs(self, users: int) -> dict[int, dict[str, int]]:
        """Which revs the tenant holds for each user, of keys that are not the Action's."""
        held = {}
        for number in range(users):
            found = await self._control("GET", f"users/{quote(user_id(number), safe='')}")
            held[number] = revs_in(found)
        return {number: revs for number, revs in held.items() if revs}

    @asynccontextmanager
    async def watched(self, *, on_call: Callable[[Call], None] | None = None) -> AsyncIterator[None]:
        """Note every PATCH in `calls` while the block runs, about when it is answered."""
        watching = asyncio.create_task(self._watch(on_call))
        try:
            yield
        finally:
            watching.cancel()
            with suppress(asyncio.CancelledError):
                await watching

    async def _watch(self, on_call: Callable[[Call], None] | None) -> None:
        while True:
            page = await self._control("GET", f"log?since={self._seen}&wait=2&match=^PATCH")
            self._seen = max(self._seen, page["next"])
            for entry in page["entries"]:
                call = _call(entry)
                self.calls.append(call)
                if on_call:
                    on_call(call)

    def confirm_soon(self, user: int, *, rev: int) -> None:
        """A person's login goes on: the Action writes its own key."""
        task = asyncio.create_task(self._confirm(user, rev=rev))
        self._actions.add(task)
        task.add_done_callback(self._actions.discard)

    async def _confirm(self, user: int, *, rev: int) -> int:
        await asyncio.sleep(_ACTION_AFTER_SECONDS)
        return await self.patch(user, {"confirmed_seen": {"rev": rev}}, who=_ACTION)

    async def neighbour_calls(self, user: int) -> int:
        """One call of the customer's own code; the status of its answer."""
        return await self.patch(user, {"neighbour": {"rev": 1}}, who=_NEIGHBOUR)

    async def patch(self, user: int, metadata: dict[str, Any], *, who: str) -> int:
        headers = {"Authorization": f"Bearer {self._token}", "User-Agent": who}
        url = URL(f"{self.origin}/api/v2/users/{quote(user_id(user), safe='')}", encoded=True)
        async with self._session.patch(url, json={"app_metadata": metadata}, headers=headers) as response:
            await response.read()
            return response.status

    async def _control(self, method: str, path: str, body: Any = None) -> Any:
        url = URL(f"{self.origin}/__control/{path}", encoded=True)
        async with self._session.request(method, url, json=body) as response:
            text = await response.text()
            if response.status >= HTTPStatus.BAD_REQUEST:
                raise RuntimeError(f"{method} {path}: {text}")
            return json.loads(text) if text else None


def _call(entry: dict[str, Any]) -> Call:
    body = json.loads(entry["body"])
    return Call(
        at=datetime.fromisoformat(entry["t_out"]).timestamp(),
        seconds=entry["ms"] / 1000,
        who=entry["headers"].get("User-Agent", ""),
        status=entry["status"],
        user=int(unquote(entry["raw_path"]).rpartition("|")[2]),
        kind=kind_in(body),
        revs=revs_in(body),
    )


@asynccontextmanager
async def open_tenant(folder: RunFolder, name: str) -> AsyncIterator[Tenant]:
    """A running emulator without users."""
    config = folder.path / f"{name}.yaml"
    client = {
        "client_id": CLIENT,
        "client_secret": SECRET,
        "name": "Waystation",
        "grant_types": ["client_credentials"],
        "scope": "read:users update:users update:users_app_metadata",
    }
    config.write_text(json.dumps({"tenant": {"id": name}, "clients": [client], "users": []}))
    argv = [sys.executable, "-m", "tests.tenant", "--config", str(config), "--http", "127.0.0.1:0"]
    process = folder.start(name, argv, env={})
    origin = await _announced(process)
    # A peer keeps its connections, and so does the bench.
    connector = aiohttp.TCPConnector(limit=0)
    try:
        async with aiohttp.ClientSession(connector=connector) as session:
            yield Tenant(process, origin=origin, session=session)
    finally:
        folder.stop_one(process)


async def _announced(process: Process) -> str:
    def ready() -> list[str]:
        return [line for line in process.output.read_text().splitlines() if "tenant.ready" in line]

    (line,) = await wait_until(ready, _READY_SECONDS, what=f"{process.name} to be ready")
    return str(json.loads(line)["http"])


def now() -> float:
    """Seconds since 1970, as the emulator's log has them."""
    return time.time()
