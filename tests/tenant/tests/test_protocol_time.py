"""Many tabs, an hour for a login, and what ends a session."""

import time
from pathlib import Path
from typing import Any

import pytest

from tests.tenant.tests.protocol import SHOWING, seen
from tests.tenant.tests.support import CALLBACK, CLIENT, EMAIL, REDIRECTING, answer_token, run_tenant

_HOUR = {"transaction_lifetime": 3600}
_SESSIONS = {"session_lifetime": 1000, "session_idle_lifetime": 300}


async def test_many_tabs(tmp_path: Path) -> None:
    """Ten logins wait at their redirects; the eleventh ends the oldest, all others can be finished."""
    settings = {"transactions_per_browser": 10, "double_continue": "invalid_request"}
    async with run_tenant(tmp_path, actions={"way": REDIRECTING}, settings=settings) as tenant:
        states = [(await tenant.log_in()).query["state"]]
        states += [(await tenant.authorize()).query["state"] for _ in range(10)]
        answers = [await tenant.continue_(state, answer_token(state)) for state in states]
    assert answers[0].status >= 400
    assert "opened too many login dialogs" in answers[0].text
    assert ["code" in answer.query for answer in answers[1:]] == [True] * 10


async def test_finished_logins_do_not_count(tmp_path: Path) -> None:
    """A login that has ended makes room for another."""
    settings = {"transactions_per_browser": 2}
    async with run_tenant(tmp_path, actions={"way": REDIRECTING}, settings=settings) as tenant:
        first = (await tenant.log_in()).query["state"]
        second = (await tenant.authorize()).query["state"]
        await tenant.continue_(second, answer_token(second))
        third = (await tenant.authorize()).query["state"]
        answers = [await tenant.continue_(state, answer_token(state)) for state in (first, third)]
    assert ["code" in answer.query for answer in answers] == [True, True]


@pytest.mark.parametrize(("passes", "status"), [(3500, 302), (3601, 400)])
async def test_an_hour_for_everything(tmp_path: Path, passes: int, status: int) -> None:
    """The hour runs from /authorize: what the login page took is gone for the redirect."""
    settings = {**_HOUR, "continue_error_status": 400}
    async with run_tenant(tmp_path, actions={"way": REDIRECTING}, settings=settings) as tenant:
        page = await tenant.authorize()
        await tenant.control("POST", "/clock", {"advance": 1800})
        submitted = await tenant.submit_password(page.query["state"])
        state = (await tenant.send("GET", str(submitted.location))).query["state"]
        await tenant.control("POST", "/clock", {"advance": passes - 1800})
        late = passes + 120
        answer = await tenant.continue_(state, answer_token(state, exp=_in(late)))
    assert answer.status == status


def _in(seconds: float) -> int:
    """A moment by the clock of a tenant that was moved."""
    return int(time.time() + seconds)


@pytest.mark.parametrize("stage", ["login page", "resume"])
async def test_hour_at_the_login_page(tmp_path: Path, stage: str) -> None:
    """A login page that was left open for an hour leads nowhere, and neither does what follows it."""
    async with run_tenant(tmp_path, settings=_HOUR) as tenant:
        state = (await tenant.authorize()).query["state"]
        if stage == "resume":
            state = (await tenant.submit_password(state)).query["state"]
        await tenant.control("POST", "/clock", {"advance": 3601})
        answer = (
            await tenant.send("GET", f"/authorize/resume?state={state}")
            if stage == "resume"
            else await tenant.submit_password(state)
        )
    assert answer.status >= 400


async def test_idle_session(tmp_path: Path) -> None:
    """A session that is used lives on; one that is not ends after its idle time."""
    async with run_tenant(tmp_path, settings=_SESSIONS) as tenant:
        await tenant.log_in()
        used = []
        for _ in range(3):
            await tenant.control("POST", "/clock", {"advance": 250})
            used.append("code" in (await tenant.authorize(prompt="none")).query)
        await tenant.control("POST", "/clock", {"advance": 301})
        idle = await tenant.authorize(prompt="none")
    assert used == [True, True, True]
    assert idle.query["error"] == "login_required"


async def test_longest_session(tmp_path: Path) -> None:
    """However much it is used, a session ends; the next login asks for the password and begins another."""
    async with run_tenant(tmp_path, actions={"show": SHOWING}, settings=_SESSIONS) as tenant:
        first = await seen(tenant, await tenant.log_in())
        for _ in range(4):
            await tenant.control("POST", "/clock", {"advance": 240})
            await tenant.authorize(prompt="none")
        await tenant.control("POST", "/clock", {"advance": 41})
        over = await tenant.authorize(prompt="none")
        second = await seen(tenant, await tenant.log_in())
    assert over.query["error"] == "login_required"
    assert first["session"] != second["session"]


@pytest.mark.parametrize(
    ("params", "page"), [({"max_age": "100"}, True), ({"max_age": "300"}, False), ({"prompt": "login"}, True)]
)
async def test_session_is_not_good_enough(tmp_path: Path, params: dict[str, str], *, page: bool) -> None:
    """An application may ask for a fresh login."""
    async with run_tenant(tmp_path) as tenant:
        await tenant.log_in()
        await tenant.control("POST", "/clock", {"advance": 200})
        answer = await tenant.authorize(**params)
    assert (answer.location.path == "/u/login") is page


async def test_refresh_outlives_the_session(tmp_path: Path) -> None:
    """A refresh token works on when the session has ended."""
    async with run_tenant(tmp_path, settings=_SESSIONS) as tenant:
        tokens = (await tenant.exchange((await tenant.log_in()).query["code"])).json
        await tenant.control("POST", "/clock", {"advance": 2000})
        client = {"client_id": CLIENT, "client_secret": "web-secret"}
        grant = {"grant_type": "refresh_token", "refresh_token": tokens["refresh_token"]}
        answer = await tenant.token(**client, **grant)
    assert answer.status == 200


async def test_new_password_ends_sessions(tmp_path: Path) -> None:
    """A password that the Management API changes ends the session; the old one is wrong from then on."""
    async with run_tenant(tmp_path, settings={"wrong_password_status": 400}) as tenant:
        await tenant.log_in()
        changed = await tenant.patch_user({"password": "another-Password-of-ann"})
        silent = await tenant.authorize(prompt="none")
        page = await tenant.authorize()
        old = await tenant.submit_password(page.query["state"])
        new = await tenant.submit_password(page.query["state"], password="another-Password-of-ann")
    assert (changed.status, "last_password_reset" in changed.json) == (200, True)
    assert silent.query["error"] == "login_required"
    assert (old.status, new.status) == (400, 302)


@pytest.mark.parametrize(("variant", "goes_on"), [("off", True), ("on", False)])
async def test_new_password_during_a_redirect(tmp_path: Path, variant: str, *, goes_on: bool) -> None:
    """Whether a login that waits at a redirect survives its own password change is a setting."""
    settings = {"password_change_kills_logins": variant}
    async with run_tenant(tmp_path, actions={"way": REDIRECTING}, settings=settings) as tenant:
        state = (await tenant.log_in()).query["state"]
        await tenant.patch_user({"password": "another-Password-of-ann"})
        answer = await tenant.continue_(state, answer_token(state))
    assert (answer.status == 302 and str(answer.location).startswith(CALLBACK)) is goes_on


@pytest.mark.parametrize(("variant", "goes_on"), [("on", False), ("off", True)])
@pytest.mark.parametrize("passes", [{"session_lifetime": 60}, {"session_idle_lifetime": 60}])
async def test_session_ends_during_a_redirect(
    tmp_path: Path, variant: str, passes: dict[str, float], *, goes_on: bool
) -> None:
    """A session of a minute leaves a minute at the redirect, unless the row says that it does not."""
    settings = {**passes, "session_limits_redirects": variant}
    async with run_tenant(tmp_path, actions={"way": REDIRECTING}, settings=settings) as tenant:
        state = (await tenant.log_in()).query["state"]
        await tenant.control("POST", "/clock", {"advance": 61})
        answer = await tenant.continue_(state, answer_token(state, exp=_in(120)))
    assert (answer.status == 302 and "code" in answer.query) is goes_on


@pytest.mark.parametrize("body", [{"email": "ann@example.net"}, {"email_verified": False}])
async def test_another_address_ends_sessions(tmp_path: Path, body: dict[str, Any]) -> None:
    """A new address, or one that is no longer verified, ends the sessions of a person of a database."""
    async with run_tenant(tmp_path) as tenant:
        await tenant.log_in()
        changed = await tenant.patch_user(body)
        silent = await tenant.authorize(prompt="none")
    assert (changed.status, silent.query.get("error")) == (200, "login_required")


@pytest.mark.parametrize(
    "body",
    [{"given_name": "Anna"}, {"app_metadata": {"a": 1}}, {"email": EMAIL}, {"email_verified": True}],
)
async def test_other_changes_keep_sessions(tmp_path: Path, body: dict[str, Any]) -> None:
    """Any other update leaves the session alone."""
    async with run_tenant(tmp_path) as tenant:
        await tenant.log_in()
        await tenant.patch_user(body)
        silent = await tenant.authorize(prompt="none")
    assert "code" in silent.query
