"""The emulated tenant as a test of ours drives it: its users, its faults, and what it was sent."""

import json
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import quote

import aiohttp
from yarl import URL

CLIENT_ID = "waystation-m2m"


class Tenant:
    """One user of the running emulator, which several tests share one after the other."""

    def __init__(self, base: str, session: aiohttp.ClientSession) -> None:
        self.base = base
        self.user_id = f"auth0|{uuid.uuid4().hex[:12]}"
        self._session = session

    @property
    def authority(self) -> str:
        return self.base.removeprefix("http://")

    async def create_user(self, user_id: str | None = None) -> None:
        await self._put(user_id or self.user_id, {"email": "ann@example.org", "app_metadata": {"theirs": 1}})

    async def app_metadata(self, user_id: str | None = None) -> dict[str, Any]:
        metadata: dict[str, Any] = (await self.user(user_id))["app_metadata"]
        return metadata

    async def user(self, user_id: str | None = None) -> dict[str, Any]:
        found: dict[str, Any] = await self._send(
            "GET", f"/__control/users/{quote(user_id or self.user_id, safe='')}"
        )
        return found

    async def edit(self, app_metadata: dict[str, Any]) -> None:
        """Somebody else replaces this user's metadata."""
        await self._put(self.user_id, {"email": "ann@example.org", "app_metadata": app_metadata})

    async def fault(self, path: str = "PATCH /api/v2/users/", *, times: int = 1, **what: Any) -> None:
        """Plant a fault for requests whose `METHOD /path` matches."""
        await self._send("POST", "/__control/faults", {"match": path, "times": times, **what})

    async def met_faults(self) -> bool:
        """Whether every planted fault has met its requests; a request that it delays has arrived then."""
        faults = (await self._send("GET", "/__control/faults"))["faults"]
        return all(fault["left"] == 0 for fault in faults)

    async def rate(self, profile: dict[str, Any]) -> None:
        await self._send("POST", "/__control/rate", profile)

    async def calls(self, method: str) -> list[dict[str, Any]]:
        """Every request of this method for a token or one of this test's users, as the emulator logged it.

        A call that an earlier test delayed or cut off is logged when it ends, perhaps only now.
        """
        entries = (await self._send("GET", "/__control/log?since=0"))["entries"]
        return [entry for entry in entries if entry["method"] == method and self._is_mine(entry["raw_path"])]

    def _is_mine(self, raw_path: str) -> bool:
        own = f"/api/v2/users/{quote(self.user_id, safe='')}"
        return raw_path.startswith((own, "/oauth/token"))

    async def patches(self) -> list[dict[str, Any]]:
        """What each PATCH wanted in app_metadata."""
        return [json.loads(call["body"])["app_metadata"] for call in await self.calls("PATCH")]

    async def reset(self) -> None:
        for path in ("/__control/faults", "/__control/log"):
            await self._send("DELETE", path)
        await self.rate({"profile": "enterprise"})
        await self.create_user()

    async def _put(self, user_id: str, body: dict[str, Any]) -> None:
        await self._send("PUT", f"/__control/users/{quote(user_id, safe='')}", body)

    async def _send(self, method: str, path: str, body: Any = None) -> Any:
        url = URL(self.base + path, encoded=True)
        async with self._session.request(method, url, json=body) as response:
            text = await response.text()
            assert response.status < 300, text
            return json.loads(text) if text else None


@asynccontextmanager
async def open_tenant(base: str) -> AsyncIterator[Tenant]:
    """The emulator at `base`, without faults, log and earlier limits, and a new user in it."""
    async with aiohttp.ClientSession() as session:
        tenant = Tenant(base, session)
        await tenant.reset()
        yield tenant
