"""A profile that was filled in, in a login that was left: what the same browser's next login makes of it."""

from pathlib import Path
from typing import Any

import pytest

from common.messages import UpdateMetadata
from common.personal_values import open_personal
from common.sealing import Sealer
from tests.common.tenants_on_disk import section, write_tenants
from tests.gateway.arrivals import redirect
from tests.gateway.browsers import Browser
from tests.gateway.rig import SEAL_KEY, Rig
from tests.support.zones import Zone

_SCHEMA = {
    "type": "object",
    "required": ["country"],
    "properties": {
        "country": {"type": "string", "format": "country", "x-label": "Country", "x-to": "user_metadata"}
    },
}
_ANSWERED = ("passed", "asked")
_ASKED = ("asked", "due")


@pytest.fixture
def tenants_file(tmp_path: Path) -> Path:
    """Acme asks for a profile, and then for a document."""
    profile = {"revision": 2, "valid_for": "365d", "schema": _SCHEMA}
    steps = {"profile": profile, **section()["steps"]}
    return write_tenants(tmp_path, {"acme": section(steps=steps)})


async def begin(rig: Rig, browser: Browser, *, steps: tuple[str, ...] = ("profile:2", "idproof:1")) -> str:
    profile: dict[str, Any] = {"email": "anna@acme.example", "known": {}}
    return await browser.begin(redirect(rig.clock, steps=list(steps), profile=profile))


async def answer(browser: Browser, login: str, country: str = "SE") -> None:
    assert (await browser.press(login, "profile/submit", p_country=country)).status == 303


async def statuses(rig: Rig, login: str) -> tuple[str, ...]:
    return tuple(step.status for step in (await rig.login(login)).transaction.steps)


async def written(rig: Rig, login: str) -> list[Any]:
    """What this login has metadata-sync write of what was typed."""
    found = []
    for update in await rig.told(UpdateMetadata):
        if update.transaction_id == login and update.sealed is not None:
            bound_to = (update.tenant, login, update.event_id)
            values = open_personal(update.sealed, sealer=Sealer((SEAL_KEY,)), bound_to=bound_to)
            found += [{name: one.value for name, one in named.items()} for named in values.values()]
    return found


async def finish(rig: Rig, browser: Browser, login: str) -> None:
    await browser.press(login, "idproof/submit", mrz=Zone().text())
    await rig.outcomes.handle(await rig.verdict(login))


async def test_it_comes_along_into_the_next_login(rig: Rig, anna: Browser) -> None:
    """Whoever left after the profile goes on behind it, and what they typed is written all the same."""
    first = await begin(rig, anna)
    await answer(anna, first)
    second = await begin(rig, anna)
    assert await statuses(rig, second) == _ANSWERED
    assert [line["step"] for line in rig.lines.all if line["event"] == "step.taken_over"] == ["profile"]
    await finish(rig, anna, second)
    assert await written(rig, second) == [{"country": "SE"}]
    await finish(rig, anna, first)
    assert await written(rig, first) == [{"country": "SE"}]


async def test_the_newest_answer_comes_along(rig: Rig, anna: Browser) -> None:
    """Of two open logins in which it was filled in, the later one is taken."""
    first, second = await begin(rig, anna), await begin(rig, anna)
    await answer(anna, first, "SE")
    await answer(anna, second, "DE")
    third = await begin(rig, anna)
    await finish(rig, anna, third)
    assert await written(rig, third) == [{"country": "DE"}]


async def test_another_browser_is_asked(rig: Rig, anna: Browser, mallory: Browser) -> None:
    """What a victim has filled in, in an attacker's login, counts in no login of the attacker's own."""
    await answer(anna, await begin(rig, anna))
    assert await statuses(rig, await begin(rig, mallory)) == _ASKED


async def test_another_revision_is_asked(rig: Rig, anna: Browser, tenants_file: Path) -> None:
    """Where the tenant asks anew, an answer of before is none."""
    await answer(anna, await begin(rig, anna))
    profile = {"revision": 3, "valid_for": "365d", "schema": _SCHEMA}
    steps = {"profile": profile, **section()["steps"]}
    write_tenants(tenants_file.parent, {"acme": section(steps=steps)})
    rig.tenants.refresh()
    assert await statuses(rig, await begin(rig, anna, steps=("profile:3", "idproof:1"))) == _ASKED


async def test_a_login_that_has_ended_brings_nothing(rig: Rig, anna: Browser) -> None:
    """What was typed in a login that came to nothing is gone with it: the person is asked again."""
    first = await begin(rig, anna)
    await answer(anna, first)
    await rig.advance(50 * 60)
    await rig.timekeeper.sweep()
    assert await statuses(rig, await begin(rig, anna)) == _ASKED
