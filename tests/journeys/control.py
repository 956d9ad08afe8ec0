"""The tenant emulator as a witness: its own log, its users and its logins, never our services' word."""

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import Any
from urllib.parse import quote

import aiohttp
from yarl import URL

from tests.journeys.people import user_of
from tests.support.demo_tenant import Person

STEP, SEEN = "waystation_idproof", "waystation_idproof_seen"
PASSED = {"v": 1, "rev": 1, "status": "passed", "level": "document_validated", "reason": None}


def told(result: dict[str, Any]) -> dict[str, Any]:
    """Of a result in `app_metadata` what is the same in every run."""
    return {name: result[name] for name in ("v", "rev", "status", "level", "reason")}


def older(metadata: dict[str, Any], *, by: timedelta) -> dict[str, Any]:
    """The same results, each earned and due so much earlier: what a person's record is after that time."""
    times = {"at", "until"}
    return {
        key: {
            name: _earlier(value, by) if name in times and value else value for name, value in result.items()
        }
        for key, result in metadata.items()
    }


def _earlier(time: str, by: timedelta) -> str:
    return (datetime.fromisoformat(time) - by).strftime("%Y-%m-%dT%H:%M:%SZ")


@dataclass(frozen=True, kw_only=True)
class Call:
    """One request that the tenant answered; `seq` is the order of the answers."""

    seq: int
    method: str
    path: str
    status: int | None
    body: str
    entry: dict[str, Any]


@dataclass(frozen=True)
class Control:
    """The control plane at `origin`."""

    origin: str
    session: aiohttp.ClientSession

    async def add(self, person: Person, **more: Any) -> Person:
        """Have the tenant know this person; `more` goes into their record."""
        async with self.session.put(self._user(person), json=user_of(person) | more) as response:
            response.raise_for_status()
        return person

    async def change(self, person: Person, **changes: Any) -> None:
        """Lay `changes` over the person's record."""
        async with self.session.get(self._user(person)) as response:
            user = await response.json()
        async with self.session.put(self._user(person), json=user | changes) as response:
            response.raise_for_status()

    async def user(self, person: Person) -> dict[str, Any]:
        async with self.session.get(self._user(person)) as response:
            user: dict[str, Any] = await response.json()
        return user

    async def app_metadata(self, person: Person) -> dict[str, Any]:
        metadata: dict[str, Any] = (await self.user(person)).get("app_metadata", {})
        return metadata

    async def logins(self, person: Person) -> list[dict[str, Any]]:
        """The person's logins at the tenant, oldest first."""
        async with self.session.get(f"{self.origin}/__control/transactions") as response:
            return [login for login in await response.json() if login["user_id"] == person.user_id]

    async def calls(self, match: str) -> list[Call]:
        """Requests whose `METHOD /path?query` the expression finds, in the order of their answers."""
        async with self.session.get(f"{self.origin}/__control/log", params={"match": match}) as response:
            entries = (await response.json())["entries"]
        return [
            Call(
                seq=entry["seq"],
                method=entry["method"],
                path=entry["raw_path"],
                status=entry["status"],
                body=entry["body"],
                entry=entry,
            )
            for entry in entries
        ]

    async def patches(self, person: Person) -> list[Call]:
        """Our writes to this person's metadata, refused ones included.

        Not so the first after another test had the tenant begun anew, which knows no token of before (401).
        """
        calls = await self.calls(f"^PATCH /api/v2/users/{re.escape(quote(person.user_id, safe=''))}$")
        return [call for call in calls if call.status != HTTPStatus.UNAUTHORIZED]

    async def continues(self, person: Person) -> list[Call]:
        """Every return of this person's browser to /continue."""
        theirs = {login["transaction_id"] for login in await self.logins(person)}
        calls = await self.calls("^(GET|POST) /continue")
        return [call for call in calls if call.entry["transaction_id"] in theirs]

    async def plant(self, match: str, **fault: Any) -> None:
        """Have requests fail whose `METHOD /path` the expression finds; `heal` ends that."""
        planted = {"match": match, **fault}
        async with self.session.post(f"{self.origin}/__control/faults", json=planted) as response:
            response.raise_for_status()

    async def heal(self) -> None:
        async with self.session.delete(f"{self.origin}/__control/faults") as response:
            response.raise_for_status()

    def _user(self, person: Person) -> URL:
        return URL(f"{self.origin}/__control/users/{quote(person.user_id, safe='')}", encoded=True)
