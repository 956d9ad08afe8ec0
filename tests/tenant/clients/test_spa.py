"""@auth0/auth0-spa-js in Chromium: what a browser really does with cookies, frames, CORS and messages."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import Browser, Playwright, sync_playwright

from tests.tenant.clients.emulator import EMAIL, SPA, USER, Emulator
from tests.tenant.clients.spa import SinglePageApplication, running_chromium, serving_spa

_REDIRECTING = """
exports.onExecutePostLogin = async (event, api) => {
  if (event.stats.logins_count > 0 && event.transaction.prompt.includes('none')) {
    api.redirect.sendUserTo('http://127.0.0.4:9/elsewhere');
  }
};
exports.onContinuePostLogin = async (event, api) => {};
"""
_DENYING = "exports.onExecutePostLogin = async (event, api) => { api.access.deny('not today'); };"
Open = Callable[..., SinglePageApplication]
_WITH_REFRESH_TOKENS: dict[str, Any] = {"useRefreshTokens": True}


@pytest.fixture(scope="module")
def playwright() -> Iterator[Playwright]:
    """What starts browsers."""
    with sync_playwright() as started:
        yield started


@pytest.fixture(scope="module")
def chromium(playwright: Playwright, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """One Chromium for this file."""
    profile = tmp_path_factory.mktemp("chromium")
    with running_chromium(playwright, profile, third_party_cookies=True) as browser:
        yield browser


@pytest.fixture(scope="module")
def served(spa_origin: str, packages: Path) -> Iterator[str]:
    """The application, served."""
    with serving_spa(spa_origin, packages):
        yield spa_origin


@contextmanager
def _opening(browser: Browser, *, served: str, domain: str) -> Iterator[Open]:
    with browser.new_context(ignore_https_errors=domain.startswith("https:")) as context:

        def opened(**options: Any) -> SinglePageApplication:
            return SinglePageApplication(context.new_page(), origin=served, domain=domain, **options)

        yield opened


@pytest.fixture
def open_app(chromium: Browser, served: str, origin: str) -> Iterator[Open]:
    """Opens the application in a browser that has never been there; keywords are the library's options."""
    with _opening(chromium, served=served, domain=origin) as opened:
        yield opened


def test_login_and_silent_authentication(open_app: Open, emulator: Emulator) -> None:
    """After a login, a hidden frame gets new tokens by the session's cookie and a posted message."""
    app = open_app()
    finished = app.log_in()
    token = app.fresh_token()
    assert "error" not in finished
    user = app.user()
    assert user is not None
    assert (user["sub"], user["email"]) == (USER, EMAIL)
    assert token["result"].count(".") == 2
    silent = emulator.calls("prompt=none")[-1]
    assert (silent["status"], "response_mode=web_message" in silent["raw_path"]) == (200, True)
    assert "auth0Client=" in silent["raw_path"]


def test_preflight(open_app: Open, emulator: Emulator) -> None:
    """The browser asks whether it may send its telemetry header, and then sends it."""
    open_app().log_in()
    calls = emulator.calls("/oauth/token")
    assert [call["method"] for call in calls] == ["OPTIONS", "POST"]
    assert "auth0-client" in {name.lower() for name in calls[1]["headers"]}


def test_nobody_is_logged_in(open_app: Open) -> None:
    """Silent authentication without a session is login_required."""
    assert open_app().fresh_token()["error"] == "login_required"


def test_interaction_required_keeps_the_session(open_app: Open, emulator: Emulator) -> None:
    """An Action that redirects makes silent authentication fail; without it the same session works again."""
    app = open_app()
    app.log_in()
    emulator.steer("PUT", "/actions", [{"name": "way", "code": _REDIRECTING}])
    refused = app.fresh_token()
    emulator.steer("PUT", "/actions", [])
    assert refused["error"] == "interaction_required"
    assert "result" in app.fresh_token()


def test_denied_login(open_app: Open, emulator: Emulator) -> None:
    """An Action's denial is the error of the callback."""
    emulator.steer("PUT", "/actions", [{"name": "deny", "code": _DENYING}])
    finished = open_app().log_in()
    assert (finished["error"], finished["description"]) == ("access_denied", "not today")


def test_refresh_tokens(open_app: Open, emulator: Emulator) -> None:
    """With refresh tokens, each replaced by the next, no frame is opened."""
    app = open_app(**_WITH_REFRESH_TOKENS)
    app.log_in()
    answers = [app.fresh_token() for _ in range(3)]
    grants = [parse_qs(call["body"]) for call in emulator.calls("^POST /oauth/token")]
    used = [grant["refresh_token"][0] for grant in grants[1:]]
    assert ["result" in answer for answer in answers] == [True, True, True]
    assert len(set(used)) == 3
    assert emulator.calls("prompt=none") == []


def test_revoked_refresh_token(open_app: Open, emulator: Emulator) -> None:
    """A refresh token that was revoked elsewhere ends in the client's own error."""
    app = open_app(**_WITH_REFRESH_TOKENS)
    app.log_in()
    app.fresh_token()
    spent = parse_qs(emulator.calls("^POST /oauth/token")[-1]["body"])["refresh_token"][0]
    values = {"client_id": SPA, "token": spent}
    emulator.control.post(f"{emulator.http}/oauth/revoke", data=values).raise_for_status()
    refused = app.fresh_token()
    assert (refused["error"], refused["description"]) == (
        "invalid_grant",
        "Unknown or invalid refresh token.",
    )


def test_token_is_kept_until_it_is_old(open_app: Open, emulator: Emulator) -> None:
    """A token from the cache costs the tenant nothing."""
    app = open_app()
    app.log_in()
    before = len(emulator.calls("."))
    assert "result" in app.call("getTokenSilently")
    assert len(emulator.calls(".")) == before


def test_limit(open_app: Open, emulator: Emulator) -> None:
    """A limited token endpoint is told as such, across origins, and the next try works."""
    app = open_app(**_WITH_REFRESH_TOKENS)
    app.log_in()
    body = {"error": "too_many_requests", "error_description": "Global limit has been reached"}
    emulator.plant("^POST /oauth/token", status=429, body=body)
    assert app.fresh_token()["error"] == "too_many_requests"
    assert "result" in app.fresh_token()


def test_logout(open_app: Open, emulator: Emulator) -> None:
    """Logging out comes back to the application without a session."""
    app = open_app()
    app.log_in()
    app.leave("logout", {"logoutParams": {"returnTo": app.origin}})
    assert urlsplit(emulator.calls("^GET /v2/logout")[0]["raw_path"]).query.startswith(f"client_id={SPA}")
    assert app.page.url.rstrip("/") == app.origin
    assert app.user() is None
    assert app.fresh_token()["error"] == "login_required"


def test_unregistered_callback(open_app: Open) -> None:
    """A callback that is not listed stays at the tenant, on a page that says so."""
    app = open_app(authorizationParams={"redirect_uri": "http://127.0.0.4:9/other"})
    app.leave("loginWithRedirect")
    assert "is not in the list of allowed callback URLs" in app.page.content()


def test_browser_without_third_party_cookies(
    playwright: Playwright, tmp_path: Path, served: str, emulator: Emulator
) -> None:
    """Where frames of other sites get no cookies, silent authentication fails and refresh tokens work."""
    with (
        running_chromium(playwright, tmp_path / "profile", third_party_cookies=False) as browser,
        _opening(browser, served=served, domain=emulator.https) as opened,
    ):
        app = opened()
        app.log_in()
        silent = app.fresh_token()
        app = opened(**_WITH_REFRESH_TOKENS)
        app.leave("loginWithRedirect")
        app.finish()
        refreshed = app.fresh_token()
    assert silent["error"] == "login_required"
    assert "result" in refreshed
