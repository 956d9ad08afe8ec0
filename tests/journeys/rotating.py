"""Keys of a running stack, changed on either side as an operator changes them: files here, settings there."""

import asyncio
import base64
import hmac
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import yaml

from tests.journeys.browser import HAND_BACK, LOGGED_IN
from tests.journeys.people import honest
from tests.journeys.world import World
from tests.support.demo_tenant import ACTION
from tests.support.journey import Page
from tests.support.waiting import wait_until

_PATIENCE_SECONDS = 60.0


class Sides:
    """Both sides of a running stack; nothing of it is restarted. What is laid over stays until the end."""

    def __init__(self, world: World) -> None:
        self.world = world
        self._text = world.stack.tenants_text()
        self._document = yaml.safe_load(self._text)
        emulator = yaml.safe_load(world.stack.emulated())
        self._settings = dict(emulator["actions"][0]["secrets"])
        self._settings_before = dict(self._settings)

    async def gateway(self, **sections: Any) -> None:
        """Lay these over acme's part of the tenants file; return when the gateway has read it."""
        acme = self._document["tenants"]["acme"]
        for name, values in sections.items():
            acme[name] = acme[name] | values if isinstance(values, dict) else values
        await self._write(yaml.safe_dump(self._document, sort_keys=False))

    async def action(self, **settings: str) -> None:
        """Lay these over the Action's settings; empty ones are none."""
        self._settings |= settings
        await self._deploy({name: value for name, value in self._settings.items() if value})

    async def put_back(self) -> None:
        await self._deploy(self._settings_before)
        await self._write(self._text)

    async def _deploy(self, settings: Mapping[str, str]) -> None:
        action = {"name": "waystation", "code": ACTION.read_text(), "secrets": dict(settings)}
        url = f"{self.world.stack.origins.tenant}/__control/actions"
        async with self.world.tenant.session.put(url, json=[action]) as response:
            response.raise_for_status()

    async def _write(self, text: str) -> None:
        async with self.world.reread():
            self.world.stack.lay_tenants(text)


@asynccontextmanager
async def changing_keys(world: World) -> AsyncIterator[Sides]:
    """The sides as they are; at the end they are so again."""
    sides = Sides(world)
    try:
        yield sides
    finally:
        await sides.put_back()


@dataclass
class Crowd:
    """People who log in, one after the other, in several browsers at once."""

    world: World
    passed: list[int]
    failed: list[str] = field(default_factory=list)
    over: bool = False

    async def come(self, place: int) -> None:
        while not self.over and not self.failed:
            page = await (await self.world.browser()).log_in(honest(await self.world.person()))
            if not page.has(LOGGED_IN):
                self.failed.append(f"{page.who}: {page.title} ({page.status})")
            self.passed[place] += 1

    async def all_change(self) -> None:
        """Until every login that is under way now has ended."""
        wanted = [passed + 1 for passed in self.passed]

        def done() -> bool:
            return bool(self.failed) or all(
                now >= then for now, then in zip(self.passed, wanted, strict=True)
            )

        await wait_until(done, _PATIENCE_SECONDS, what="the logins that are under way")
        assert not self.failed, self.failed


@asynccontextmanager
async def crowd(world: World, *, places: int) -> AsyncIterator[Crowd]:
    """Logins in that many browsers at once, from before the block until after it."""
    people = Crowd(world, [0] * places)
    async with asyncio.TaskGroup() as tasks:
        for place in range(places):
            tasks.create_task(people.come(place))
        try:
            await people.all_change()
            yield people
            await people.all_change()
            await people.all_change()  # these began after the block
        finally:
            people.over = True


def claims_in(token: str) -> dict[str, Any]:
    return _part(token, 1)


def header_of(token: str) -> dict[str, Any]:
    return _part(token, 0)


def _part(token: str, number: int) -> dict[str, Any]:
    text = token.split(".")[number]
    part: dict[str, Any] = json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    return part


def signed(claims: Mapping[str, Any], secret: str) -> str:
    """The claims as an HS256 token."""
    parts = [_base64url(json.dumps(part).encode()) for part in ({"alg": "HS256", "typ": "JWT"}, claims)]
    text = ".".join(parts)
    return f"{text}.{_base64url(hmac.digest(secret.encode(), text.encode(), 'sha256'))}"


def _base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def answer_on(page: Page) -> str:
    """The answer token that a hand-back page carries."""
    (hidden,) = page.form(HAND_BACK).select("input[name=session_token]")
    return str(hidden["value"])
