"""Silent logins: prompt=none."""

from pathlib import Path

import pytest

from tests.tenant.tests.protocol import SHOWING, seen
from tests.tenant.tests.support import REDIRECTING, run_tenant


async def test_silent_login_without_a_session(tmp_path: Path) -> None:
    """Nobody is logged in: login_required, with the application's state, and no login is left open."""
    async with run_tenant(tmp_path) as tenant:
        answer = await tenant.authorize(prompt="none")
        transactions = (await tenant.control("GET", "/transactions")).json
    assert answer.query == {
        "error": "login_required",
        "error_description": "Login required",
        "state": "app-state",
    }
    assert transactions == []


async def test_silent_login_with_a_session(tmp_path: Path) -> None:
    """Somebody is: tokens of the same session, and Actions see the prompt."""
    async with run_tenant(tmp_path, actions={"show": SHOWING}) as tenant:
        first = await seen(tenant, await tenant.log_in())
        silent = await seen(tenant, await tenant.authorize(prompt="none"))
    assert (first["prompt"], silent["prompt"]) == ([], ["none"])
    assert first["session"] == silent["session"]


@pytest.mark.parametrize("mode", ["query", "web_message", "form_post", "fragment"])
async def test_interaction_required(tmp_path: Path, mode: str) -> None:
    """An Action that redirects makes a silent login fail, in the response mode that was asked for."""
    async with run_tenant(tmp_path) as tenant:
        await tenant.log_in()
        action = {"name": "way", "code": REDIRECTING, "secrets": {"SECRET": "s" * 32}}
        await tenant.control("PUT", "/actions", [action])
        refused = await tenant.authorize(prompt="none", response_mode=mode)
        await tenant.control("PUT", "/actions", [])
        after = await tenant.authorize(prompt="none")
    said = f"{refused.text} {refused.headers.get('Location')}"
    assert ("interaction_required" in said, "app-state" in said) == (True, True)
    assert refused.status == (302 if mode in {"query", "fragment"} else 200)
    assert "code" in after.query


async def test_session_exists_before_the_redirect_is_done(tmp_path: Path) -> None:
    """Whoever turns back at a redirect is logged in: only the Action keeps the step from being avoided."""
    async with run_tenant(tmp_path, actions={"way": REDIRECTING}) as tenant:
        away = await tenant.log_in()
        await tenant.control("PUT", "/actions", [])
        silent = await tenant.authorize(prompt="none")
    assert away.location.host == "127.0.0.3"
    assert "code" in silent.query
