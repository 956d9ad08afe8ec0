import json
import sys
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import yaml
from yarl import URL

from tests.support.journey import Page, Visitor, new_session
from tests.support.ports import free_port
from tests.support.run_folder import RunFolder
from tests.support.stack import announced

# An Action that names its reason in a way that a careless page would run.
DENY = "exports.onExecutePostLogin = async (event, api) => { api.access.deny('<b id=injected>no</b>') }"
CLAIM = (
    "exports.onExecutePostLogin = async (e, api) => api.idToken.setCustomClaim('https://x/y', {level: 'z'})"
)


@dataclass(frozen=True, kw_only=True)
class Place:
    app: str
    tenant: str


@pytest.fixture
def place(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Place]:
    """The application and a tenant whose only Action is the test's parameter."""
    place = Place(app=f"http://127.0.0.4:{free_port('127.0.0.4')}", tenant=f"http://127.0.0.1:{free_port()}")
    (tmp_path / "action.js").write_text(getattr(request, "param", CLAIM))
    (tmp_path / "secret").write_text("a secret of the application")
    (tmp_path / "tenant.yaml").write_text(yaml.safe_dump(_tenant(place)))
    folder = RunFolder(tmp_path)
    tenant = ["-m", "tests.tenant", "--config", str(tmp_path / "tenant.yaml")]
    try:
        processes = [
            folder.start(
                "tenant", [sys.executable, *tenant, "--http", place.tenant.removeprefix("http://")], env={}
            ),
            folder.start("app", [sys.executable, "-m", "tests.example_app"], env=_app(place, tmp_path)),
        ]
        for process in processes:
            ready = partial(announced, process.output, event=f"{process.name}.ready")
            process.block_until_ready(ready, 20)
        yield place
    finally:
        folder.stop()


def _tenant(place: Place) -> dict[str, Any]:
    return {
        "tenant": {"id": "t", "friendly_name": "T"},
        "clients": [
            {
                "client_id": "bank",
                "client_secret": "a secret of the application",
                "name": "Acme Bank",
                "callbacks": [f"{place.app}/callback"],
                "allowed_logout_urls": [place.app],
            }
        ],
        "users": [
            {"user_id": "auth0|1", "email": "kim@example.com", "password": "pw-of-kim", "name": "Kim <Lee>"}
        ],
        "actions": [{"name": "only", "code": "action.js"}],
        "rate_limit": {"profile": "off"},
    }


def _app(place: Place, folder: Path) -> dict[str, str]:
    return {
        "LISTEN": place.app.removeprefix("http://"),
        "BASE_URL": place.app,
        "ISSUER": f"{place.tenant}/",
        "CLIENT_ID": "bank",
        "CLIENT_SECRET_FILE": str(folder / "secret"),
    }


@pytest.fixture
async def session(place: Place) -> AsyncIterator[aiohttp.ClientSession]:
    async with new_session(origins=[place.app, place.tenant]) as session:
        yield session


@pytest.fixture
def visitor(place: Place, session: aiohttp.ClientSession) -> Visitor:
    return Visitor(session, names={place.app: "application", place.tenant: "tenant"})


async def _log_in(visitor: Visitor, place: Place) -> Page:
    page = await visitor.open(f"{place.app}/login")
    return await visitor.submit(
        page, "form:has(#password)", {"username": "kim@example.com", "password": "pw-of-kim"}
    )


async def test_login(visitor: Visitor, place: Place) -> None:
    """Who logs in sees their name and the tenant's claims, as text and never as markup."""
    page = await _log_in(visitor, place)
    assert str(page.url) == f"{place.app}/"
    heading = page.html.find("h1")
    assert heading is not None
    assert heading.get_text() == "Hello, Kim <Lee>"
    assert "level" in page.html.get_text()


async def test_claims_for_programs(visitor: Visitor, place: Place, session: aiohttp.ClientSession) -> None:
    """A program in the browser's place reads the validated ID token's claims as JSON."""
    async with session.get(f"{place.app}/claims") as response:
        assert await response.json() is None
    await _log_in(visitor, place)
    async with session.get(f"{place.app}/claims") as response:
        claims = await response.json()
    assert claims["sub"] == "auth0|1"
    assert claims["iss"] == f"{place.tenant}/"
    assert claims["https://x/y"] == {"level": "z"}


async def test_request_is_protected(place: Place, session: aiohttp.ClientSession) -> None:
    """A login goes out with PKCE (S256), a nonce and a state."""
    async with session.get(f"{place.app}/login", allow_redirects=False) as response:
        query = URL(response.headers["Location"], encoded=True).query
    assert query["code_challenge_method"] == "S256"
    assert len(query["code_challenge"]) == 43
    assert len(query["nonce"]) >= 20
    assert len(query["state"]) >= 20
    assert query["scope"] == "openid profile email"


@pytest.mark.parametrize("place", [DENY], indirect=True)
async def test_denied_login(visitor: Visitor, place: Place) -> None:
    """A refusal is shown with its reason, which cannot become markup, and with a way to try again."""
    page = await _log_in(visitor, place)
    assert page.status == 403
    assert not page.has("#injected")
    reason = page.html.select_one("#reason")
    assert reason is not None
    assert reason.get_text() == "<b id=injected>no</b>"
    assert page.has("a[href='/login']")


async def test_foreign_callback(visitor: Visitor, place: Place) -> None:
    """A callback that this browser did not ask for logs nobody in."""
    page = await visitor.open(f"{place.app}/callback?code=stolen&state=unknown")
    assert page.status == 400
    assert "Please log in again" in page.html.get_text()


async def test_second_tab(visitor: Visitor, place: Place) -> None:
    """A callback that comes too late is no reason to log in again where somebody is logged in already."""
    await _log_in(visitor, place)
    page = await visitor.open(f"{place.app}/callback?code=late&state=forgotten")
    assert page.status == 200
    assert "You are logged in already" in page.html.get_text()
    assert page.has("a#front")


async def test_nothing_but_json_on_stdout(place: Place, tmp_path: Path) -> None:
    """The application's log begins with the line that it is ready, and nothing complains before it."""
    (line,) = (tmp_path / "logs" / "app.log").read_text().splitlines()
    assert json.loads(line) == {"event": "app.ready", "url": place.app}


async def test_wrong_code(visitor: Visitor, place: Place, session: aiohttp.ClientSession) -> None:
    """A code that the tenant does not know ends in a plain page, not in a trace."""
    async with session.get(f"{place.app}/login", allow_redirects=False) as response:
        state = URL(response.headers["Location"], encoded=True).query["state"]
    page = await visitor.open(URL(f"{place.app}/callback").with_query(code="guessed", state=state))
    assert page.status == 502
    assert "Something went wrong" in page.html.get_text()


async def test_logout(visitor: Visitor, place: Place) -> None:
    """Logging out ends the session here and at the tenant, which then asks for the password again."""
    page = await _log_in(visitor, place)
    page = await visitor.submit(page, "form#logout")
    assert page.has("a#login")
    page = await visitor.open(f"{place.app}/login")
    assert page.has("#password")


def test_settings(tmp_path: Path) -> None:
    """Missing settings are named, all of them, and the exit status is 2."""
    folder = RunFolder(tmp_path)
    process = folder.start("app", [sys.executable, "-m", "tests.example_app"], env={"LISTEN": "127.0.0.4:0"})
    assert process.wait(10) == 2
    assert process.last_lines()[-1] == "not set: BASE_URL, ISSUER, CLIENT_ID, CLIENT_SECRET_FILE"
    folder.stop()
