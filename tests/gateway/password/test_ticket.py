"""The tenant's own page for a new password."""

from pathlib import Path

import pytest

from common.messages import UpdateMetadata
from tests.common.tenants_on_disk import section, write_tenants
from tests.gateway.browsers import Browser
from tests.gateway.password.form import ANNA, SUBJECT, arrival, result, type_new, way_on
from tests.gateway.password_service import PasswordService
from tests.gateway.rig import Rig

_TICKET = "https://acme.eu.auth0.com/u/reset-verify?ticket=abc#"


@pytest.fixture
def tenants_file(tmp_path: Path) -> Path:
    """acme, where people set their password on the tenant's own page."""
    steps = {"password": {"revision": 2, "attempts": 2, "mode": "ticket", "notice": False}}
    return write_tenants(tmp_path, {"acme": section(steps=steps)})


async def test_there_and_back(rig: Rig, anna: Browser, passwords: PasswordService) -> None:
    """The tenant's own page comes back here; a new login follows, and nothing is recorded."""
    passwords.answers = [(200, {"ticket": _TICKET})]
    login = await anna.begin(arrival(rig.clock))
    assert (await anna.look(login)).html.select("input[type=password]") == []
    assert way_on(await anna.press(login, "password/ticket")) == _TICKET
    assert passwords.asked == [
        {
            "tenant": "acme",
            "transaction_id": login,
            "user_id": SUBJECT,
            "result_url": f"{rig.origin}/t/{login}",
        }
    ]
    back = await anna.get(f"/t/{login}?success=true&code=success&message=You+can+now+login")
    assert back.status == 200
    assert (await anna.press(login, "password/done")).status == 303
    assert await result(rig, login) == ("restarted", "pending", "seen_at_the_next_login")
    assert await rig.told(UpdateMetadata) == []
    assert _TICKET not in await rig.everything() + str(rig.lines.all)


async def test_no_password_is_taken_here(rig: Rig, anna: Browser, passwords: PasswordService) -> None:
    """A form that somebody else made for the other mode changes nothing."""
    login = await anna.begin(arrival(rig.clock))
    assert (await type_new(anna, login)).status == 303
    assert passwords.asked == []
    assert (await result(rig, login))[0] == "working"


async def test_a_directorys_password_is_typed_here(rig: Rig, anna: Browser) -> None:
    """The tenant has no page for it."""
    profile = ANNA | {"connection": {"name": "acme-ad", "strategy": "ad"}}
    login = await anna.begin(arrival(rig.clock, profile=profile))
    assert len((await anna.look(login)).html.select("input[type=password]")) == 2


async def test_no_ticket_for_a_directorys_password(
    rig: Rig, anna: Browser, passwords: PasswordService
) -> None:
    """A form that somebody else made asks the tenant for nothing and is no attempt."""
    profile = ANNA | {"connection": {"name": "acme-ad", "strategy": "ad"}}
    login = await anna.begin(arrival(rig.clock, profile=profile))
    assert (await anna.press(login, "password/ticket")).status == 303
    assert passwords.asked == []
    assert await rig.rows("SELECT * FROM step_attempts") == []
    assert (await result(rig, login))[0] == "working"


async def test_none_now_and_not_too_many(rig: Rig, anna: Browser, passwords: PasswordService) -> None:
    """While there is none the page says so; all are counted, since they take from the tenant's limit."""
    passwords.answers = [
        (503, {"code": "ticket_forbidden", "retry_after": 30}),
        (200, {"ticket": "javascript:alert(1)"}),
    ]
    login = await anna.begin(arrival(rig.clock))
    for _ in range(2):
        answer = await anna.press(login, "password/ticket")
        assert answer.status == 503
        assert "The page cannot be opened right now" in answer.html.get_text()
    assert (await anna.press(login, "password/ticket")).status == 303
    assert (await result(rig, login))[1:] == ("failed", "too_many_attempts")
