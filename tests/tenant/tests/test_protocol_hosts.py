"""Custom domains: one tenant with two names."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
from yarl import URL

from tests.tenant.tests.protocol import SHOWING, seen
from tests.tenant.tests.support import (
    CLIENT,
    REDIRECTING,
    Tenant,
    answer_token,
    claims_of,
    run_tenant,
)


@asynccontextmanager
async def _two_hosts(folder: Path, **changes: Any) -> AsyncIterator[tuple[Tenant, Tenant]]:
    """One tenant at its pinned domain and at `localhost`, its custom domain, with one browser for both."""
    async with run_tenant(folder, **changes) as tenant:
        bases = (tenant.base, f"http://localhost:{URL(tenant.base).port}")
        jar = aiohttp.CookieJar(unsafe=True, treat_as_secure_origin=[URL(base) for base in bases])
        async with aiohttp.ClientSession(cookie_jar=jar) as session:
            yield Tenant(bases[0], session), Tenant(bases[1], session)


async def test_cookies_per_host(tmp_path: Path) -> None:
    """A session at one host is none at the other, and logging in there leaves the first alone."""
    async with _two_hosts(tmp_path, actions={"show": SHOWING}) as (canonical, custom):
        first = await seen(canonical, await canonical.log_in())
        foreign = await custom.authorize(prompt="none")
        second = await seen(custom, await custom.log_in())
        still = await seen(canonical, await canonical.authorize(prompt="none"))
    assert foreign.query["error"] == "login_required"
    assert first["session"] == still["session"] != second["session"]
    assert first["hostname"] == canonical.base.removeprefix("http://")
    assert second["hostname"] == custom.base.removeprefix("http://")


async def test_redirect_returns_to_its_host(tmp_path: Path) -> None:
    """The session token names the host of the login; the other host's /continue does not know the browser."""
    async with _two_hosts(tmp_path, actions={"way": REDIRECTING}) as (canonical, custom):
        away = await custom.log_in()
        state = away.query["state"]
        issuer = claims_of(away.query["session_token"])["iss"]
        elsewhere = await canonical.continue_(state, answer_token(state))
        back = await custom.continue_(state, answer_token(state, iss=issuer))
        claims = await custom.id_claims(back)
    assert issuer == custom.base.removeprefix("http://")
    assert elsewhere.status >= 400
    assert claims["iss"] == f"{custom.base}/"


async def test_custom_domain_beside_a_pinned_issuer(tmp_path: Path) -> None:
    """The custom domain keeps an issuer and an event of its own where the canonical one is pinned."""
    pinned = {"id": "acme", "issuer": "https://acme.eu.auth0.com/"}
    async with run_tenant(tmp_path, actions={"show": SHOWING}, tenant=pinned) as tenant:
        canonical = await tenant.id_claims(await tenant.log_in())
    assert canonical["iss"] == "https://acme.eu.auth0.com/"
    assert canonical["https://example.org/seen"]["domain"] is None
    domain = "login.acme.example"
    async with run_tenant(tmp_path, tenant=pinned, custom_domains=[domain]) as tenant:
        found = await tenant.send("GET", "/.well-known/openid-configuration", headers={"Host": domain})
        page = await tenant.send("GET", f"/authorize?client_id={CLIENT}", headers={"Host": domain})
    assert found.json["issuer"] == f"http://{domain}/"
    assert page.status >= 400
