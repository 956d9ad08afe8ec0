"""Somebody whom an administrator has blocked: no Action runs for them, wherever they try."""

from pathlib import Path

import pytest

from tests.tenant.tests.support import CLIENT, EMAIL, PASSWORD, REDIRECTING, Tenant, answer_token, run_tenant

_WEB = {"client_id": CLIENT, "client_secret": "web-secret"}
_PASSWORD_GRANT = {"grant_type": "password", "username": EMAIL, "password": PASSWORD}


async def _block(tenant: Tenant, *, blocked: bool = True) -> None:
    assert (await tenant.patch_user({"blocked": blocked})).status == 200


async def test_at_the_login_page(tmp_path: Path) -> None:
    """The right password leads to the application with the words of real tenants, a wrong one nowhere."""
    settings = {"wrong_password_status": 400, "blocked_user_text": "user is blocked"}
    async with run_tenant(tmp_path, actions={"way": REDIRECTING}, settings=settings) as tenant:
        await _block(tenant)
        state = (await tenant.authorize()).query["state"]
        wrong = await tenant.submit_password(state, password="nonsense")
        answer = await tenant.log_in()
        await _block(tenant, blocked=False)
        again = await tenant.log_in()
    assert (wrong.status, "blocked" in wrong.text) == (400, False)
    assert answer.query == {
        "error": "unauthorized",
        "error_description": "user is blocked",
        "state": "app-state",
    }
    assert "session_token" in again.query


@pytest.mark.parametrize("text", ["user is blocked", "Talk to us."])
async def test_with_a_session(tmp_path: Path, text: str) -> None:
    """Neither a silent login nor a return from a redirect gets past a block, in the words of its row."""
    async with run_tenant(
        tmp_path, actions={"way": REDIRECTING}, settings={"blocked_user_text": text}
    ) as tenant:
        state = (await tenant.log_in()).query["state"]
        await _block(tenant)
        answers = [await tenant.authorize(prompt="none"), await tenant.continue_(state, answer_token(state))]
    errors = [(answer.query["error"], answer.query["error_description"]) for answer in answers]
    assert errors == [("unauthorized", text)] * 2


async def test_at_the_token_endpoint(tmp_path: Path) -> None:
    """A refresh is an invalid_grant, as recorded; the password grant says unauthorized."""
    async with run_tenant(tmp_path, settings={"denied_grant_status": 403}) as tenant:
        tokens = (await tenant.exchange((await tenant.log_in()).query["code"])).json
        await _block(tenant)
        refresh = {"grant_type": "refresh_token", "refresh_token": tokens["refresh_token"]}
        answers = [await tenant.token(**_WEB, **grant) for grant in (refresh, _PASSWORD_GRANT)]
    told = [(answer.status, answer.json["error"], answer.json["error_description"]) for answer in answers]
    assert told == [
        (403, "invalid_grant", "user is blocked"),
        (403, "unauthorized", "user is blocked"),
    ]
