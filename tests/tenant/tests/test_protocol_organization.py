"""Logging in to an organisation."""

from pathlib import Path
from typing import Any

import pytest

from tests.tenant.tests.support import (
    CALLBACK,
    CLIENT,
    REDIRECTING,
    USER,
    answer_token,
    claims_of,
    run_tenant,
)

_ACME = {"id": "org_acme", "name": "acme", "display_name": "Acme Inc.", "members": [USER]}
_OTHER = {"id": "org_other", "name": "other"}
_SHOWING = """
exports.onExecutePostLogin = async (event, api) => {
  api.idToken.setCustomClaim('https://example.org/organization', event.organization ?? null);
};
"""


def _tenant(usage: str, **changes: Any) -> dict[str, Any]:
    client = {
        "client_id": CLIENT,
        "client_secret": "web-secret",
        "name": "Web",
        "callbacks": [CALLBACK],
        "organization_usage": usage,
    }
    metadata = {**_ACME, "metadata": {"tier": "one"}}
    return {"clients": [client], "organizations": [metadata, _OTHER], **changes}


async def test_member(tmp_path: Path) -> None:
    """A member's tokens carry the organisation, and Actions see it."""
    async with run_tenant(tmp_path, actions={"show": _SHOWING}, **_tenant("allow")) as tenant:
        back = await tenant.log_in(organization="org_acme")
        tokens = (await tenant.exchange(back.query["code"])).json
        none = await tenant.id_claims(await tenant.authorize())
    claims = claims_of(tokens["id_token"])
    assert claims["org_id"] == claims_of(tokens["access_token"])["org_id"] == "org_acme"
    assert claims["https://example.org/organization"] == {
        "id": "org_acme",
        "name": "acme",
        "display_name": "Acme Inc.",
        "metadata": {"tier": "one"},
    }
    assert "org_id" not in none
    assert none["https://example.org/organization"] is None


async def test_refresh_keeps_it(tmp_path: Path) -> None:
    """Tokens of a refresh are for the same organisation."""
    async with run_tenant(tmp_path, actions={"show": _SHOWING}, **_tenant("allow")) as tenant:
        back = await tenant.log_in(organization="org_acme")
        tokens = (await tenant.exchange(back.query["code"])).json
        grant = {"grant_type": "refresh_token", "refresh_token": tokens["refresh_token"]}
        fresh = (await tenant.token(client_id=CLIENT, client_secret="web-secret", **grant)).json
    claims = claims_of(fresh["id_token"])
    assert (claims["org_id"], claims["https://example.org/organization"]["id"]) == ("org_acme", "org_acme")


async def test_stranger(tmp_path: Path) -> None:
    """Somebody else is turned away before any Action runs; their session stays."""
    async with run_tenant(tmp_path, actions={"show": _SHOWING}, **_tenant("allow")) as tenant:
        refused = await tenant.log_in(organization="org_other")
        silent = await tenant.authorize(prompt="none")
        history = (await tenant.control("GET", "/transactions")).json[0]["history"]
    assert refused.query == {
        "error": "access_denied",
        "error_description": "user auth0|ann is not part of the org_other organization",
        "state": "app-state",
    }
    assert [entry["event"] for entry in history] == ["denied"]
    assert "code" in silent.query


async def test_through_a_redirect(tmp_path: Path) -> None:
    """The organisation survives an Action's redirect."""
    async with run_tenant(tmp_path, actions={"way": REDIRECTING}, **_tenant("require")) as tenant:
        state = (await tenant.log_in(organization="org_acme")).query["state"]
        claims = await tenant.id_claims(await tenant.continue_(state, answer_token(state)))
    assert claims["org_id"] == "org_acme"


@pytest.mark.parametrize(
    ("usage", "asked", "description"),
    [
        ("deny", {"organization": "org_acme"}, "parameter organization is not allowed for this client"),
        ("require", {}, "parameter organization is required for this client"),
        ("allow", {"organization": "org_nobody"}, "parameter organization is invalid"),
        (
            "allow",
            {"organization": "acme"},
            "authorization request parameter organization must be an organization id",
        ),
    ],
)
async def test_refusals(tmp_path: Path, usage: str, asked: dict[str, str], description: str) -> None:
    """A wrong organisation is told at the callback, before anybody logs in."""
    settings = {
        "organization_names": "off",
        "unknown_organization_text": "parameter organization is invalid",
    }
    async with run_tenant(tmp_path, **_tenant(usage, settings=settings)) as tenant:
        answer = await tenant.authorize(**asked)
    assert (answer.query["error"], answer.query["error_description"]) == ("invalid_request", description)


async def test_names_variant(tmp_path: Path) -> None:
    """The other variant: /authorize takes the name in any case, and tokens carry it."""
    async with run_tenant(tmp_path, **_tenant("allow", settings={"organization_names": "on"})) as tenant:
        claims = await tenant.id_claims(await tenant.log_in(organization="Acme"))
        unknown = await tenant.authorize(organization="nobody")
    assert (claims["org_id"], claims["org_name"]) == ("org_acme", "acme")
    assert unknown.query["error"] == "invalid_request"
