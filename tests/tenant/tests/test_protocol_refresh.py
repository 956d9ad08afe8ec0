"""Refresh tokens, and what Actions may do with them."""

import asyncio
from pathlib import Path
from typing import Any

from tests.tenant.tests.support import (
    CALLBACK,
    CLIENT,
    EMAIL,
    PASSWORD,
    REDIRECTING,
    Answer,
    Tenant,
    answer_token,
    claims_of,
    run_tenant,
)

_WEB = {
    "client_id": CLIENT,
    "client_secret": "web-secret",
    "name": "Web",
    "callbacks": [CALLBACK],
    "grant_types": ["authorization_code", "refresh_token", "password"],
}
_ROTATING = [{**_WEB, "refresh_token_rotation": "rotating"}]
_COUNTING = """
exports.onExecutePostLogin = async (event, api) => {
  api.idToken.setCustomClaim('https://example.org/seen', {
    protocol: event.transaction.protocol, can: api.redirect.canRedirect(), session: event.session?.id ?? null,
    method: event.request.method, secret: event.request.body.refresh_token ?? null,
  });
};
"""
_SLOW = "exports.onExecutePostLogin = async () => { await new Promise((done) => setTimeout(done, 50)); };"


async def _refresh(tenant: Tenant, token: str, **values: str) -> Answer:
    client = {"client_id": CLIENT, "client_secret": "web-secret"}
    return await tenant.token(grant_type="refresh_token", refresh_token=token, **client, **values)


async def _tokens(tenant: Tenant) -> dict[str, Any]:
    back = await tenant.log_in(prompt="login")
    tokens: dict[str, Any] = (await tenant.exchange(back.query["code"])).json
    return tokens


async def test_what_an_action_sees(tmp_path: Path) -> None:
    """The Action runs again, knows that nobody can be redirected, and does not see the token."""
    async with run_tenant(tmp_path, actions={"count": _COUNTING}) as tenant:
        tokens = await _tokens(tenant)
        fresh = (await _refresh(tenant, tokens["refresh_token"])).json
    assert claims_of(fresh["id_token"])["https://example.org/seen"] == {
        "protocol": "oauth2-refresh-token",
        "can": False,
        "session": claims_of(tokens["id_token"])["sid"],
        "method": "POST",
        "secret": None,
    }


async def test_redirect_is_impossible(tmp_path: Path) -> None:
    """A redirect during a refresh is interaction_required; the token is good for another try."""
    async with run_tenant(tmp_path, actions={"way": REDIRECTING}) as tenant:
        state = (await tenant.log_in()).query["state"]
        back = await tenant.continue_(state, answer_token(state))
        token = (await tenant.exchange(back.query["code"])).json["refresh_token"]
        refused = await _refresh(tenant, token)
        await tenant.control("PUT", "/actions", [])
        fresh = await _refresh(tenant, token)
    assert refused.json["error"] == "interaction_required"
    assert fresh.status == 200


async def test_password_grant(tmp_path: Path) -> None:
    """A redirect in a password grant is interaction_required too, and there is no session at all."""
    grant = {"grant_type": "password", "client_id": CLIENT, "client_secret": "web-secret", "scope": "openid"}
    person = {"username": EMAIL, "password": PASSWORD}
    async with run_tenant(tmp_path, actions={"count": _COUNTING}) as tenant:
        seen = claims_of((await tenant.token(**grant, **person)).json["id_token"])
        action = {"name": "way", "code": REDIRECTING, "secrets": {"SECRET": "s"}}
        await tenant.control("PUT", "/actions", [action])
        refused = await tenant.token(**grant, **person)
        silent = await tenant.authorize(prompt="none")
    assert seen["https://example.org/seen"]["protocol"] == "oauth2-password"
    assert seen["https://example.org/seen"]["session"] is None
    assert refused.json["error"] == "interaction_required"
    assert silent.query["error"] == "login_required"


async def test_rotation(tmp_path: Path) -> None:
    """Each use brings the next token; a replaced one is refused and takes its whole family with it."""
    async with run_tenant(tmp_path, clients=_ROTATING) as tenant:
        first = (await _tokens(tenant))["refresh_token"]
        second = (await _refresh(tenant, first)).json["refresh_token"]
        third = (await _refresh(tenant, second)).json["refresh_token"]
        replayed = await _refresh(tenant, first)
        newest = await _refresh(tenant, third)
        other = await _tokens(tenant)
        unharmed = await _refresh(tenant, other["refresh_token"])
    assert len({first, second, third}) == 3
    assert (replayed.status, newest.status, unharmed.status) == (403, 403, 200)
    assert replayed.json["error_description"] == "Unknown or invalid refresh token."


async def test_rotation_in_two_places_at_once(tmp_path: Path) -> None:
    """Of two refreshes with one token at the same time only one can win."""
    async with run_tenant(tmp_path, clients=_ROTATING, actions={"slow": _SLOW}) as tenant:
        token = (await _tokens(tenant))["refresh_token"]
        answers = await asyncio.gather(_refresh(tenant, token), _refresh(tenant, token))
    assert sorted(answer.status for answer in answers) == [200, 403]


async def test_denied_refresh_keeps_the_token(tmp_path: Path) -> None:
    """A rotating token that an Action denied is still the newest one."""
    denying = "exports.onExecutePostLogin = async (event, api) => { api.access.deny('later'); };"
    async with run_tenant(tmp_path, clients=_ROTATING) as tenant:
        token = (await _tokens(tenant))["refresh_token"]
        await tenant.control("PUT", "/actions", [{"name": "deny", "code": denying}])
        denied = await _refresh(tenant, token)
        await tenant.control("PUT", "/actions", [])
        fresh = await _refresh(tenant, token)
    assert (denied.json["error_description"], fresh.status) == ("later", 200)


async def test_revoking_ends_the_family(tmp_path: Path) -> None:
    """A revoked token takes those that came before it along."""
    async with run_tenant(tmp_path, clients=_ROTATING) as tenant:
        first = (await _tokens(tenant))["refresh_token"]
        second = (await _refresh(tenant, first)).json["refresh_token"]
        client = {"client_id": CLIENT, "client_secret": "web-secret"}
        await tenant.send("POST", "/oauth/revoke", data={**client, "token": second})
        refused = [(await _refresh(tenant, token)).status for token in (first, second)]
    assert refused == [403, 403]
