"""Logins without a redirect."""

import json
from pathlib import Path

import pytest

from tests.tenant.tests.support import (
    CALLBACK,
    CLIENT,
    EMAIL,
    PASSWORD,
    PUBLIC,
    USER,
    browser,
    claims_of,
    pkce,
    run_tenant,
)

_COUNTING = """
exports.onExecutePostLogin = async (event, api) => {
  api.idToken.setCustomClaim('https://example.org/seen', {
    count: event.stats.logins_count, prompt: event.transaction.prompt,
    query: event.request.query.client_id, flag: event.client.metadata.flag,
    method: event.authentication.methods[0].name, hostname: event.request.hostname,
    country: event.request.geoip.countryCode, session: event.session.id, tenant: event.tenant.id,
  });
};
"""


async def test_whole_login(tmp_path: Path) -> None:
    """A person logs in with PKCE and the application gets its tokens, with what the Action saw in a claim."""
    async with run_tenant(tmp_path, actions={"count": _COUNTING}) as tenant:
        challenge = pkce("verifier-verifier-verifier-verifier-verifier")
        back = await tenant.log_in(code_challenge=challenge, code_challenge_method="S256")
        assert str(back.location).startswith(CALLBACK)
        assert back.query["state"] == "app-state"
        answer = await tenant.exchange(
            back.query["code"], code_verifier="verifier-verifier-verifier-verifier-verifier"
        )
        claims = claims_of(answer.json["id_token"])
        seen = claims["https://example.org/seen"]
    assert (claims["sub"], claims["aud"], claims["nonce"]) == (USER, CLIENT, "app-nonce")
    assert (claims["iss"], claims["email"]) == (f"{tenant.base}/", EMAIL)
    assert seen.pop("session") == claims["sid"]
    assert seen == {
        "count": 1,
        "prompt": [],
        "query": CLIENT,
        "method": "pwd",
        "hostname": tenant.base.removeprefix("http://"),
        "flag": "on",
        "country": "US",
        "tenant": "acme",
    }
    assert answer.json["refresh_token"].startswith("v1.")
    assert (answer.json["expires_in"], answer.json["token_type"]) == (86400, "Bearer")


async def test_discovery(tmp_path: Path) -> None:
    """The issuer ends in a slash and every endpoint is below it; the JWKS has this key and the next."""
    async with run_tenant(tmp_path) as tenant:
        document = (await tenant.send("GET", "/.well-known/openid-configuration")).json
        keys = (await tenant.send("GET", "/.well-known/jwks.json")).json["keys"]
    assert document["issuer"] == f"{tenant.base}/"
    assert document["end_session_endpoint"] == f"{tenant.base}/oidc/logout"
    assert document["code_challenge_methods_supported"] == ["S256", "plain"]
    assert [sorted(key) for key in keys] == [["alg", "e", "kid", "kty", "n", "use"]] * 2


async def test_pinned_issuer(tmp_path: Path) -> None:
    """A configured issuer is what everybody sees, whatever listener was called."""
    pinned = {"id": "acme", "issuer": "https://acme.eu.auth0.com/"}
    async with run_tenant(tmp_path, actions={"count": _COUNTING}, tenant=pinned) as tenant:
        claims = await tenant.id_claims(await tenant.log_in())
    assert claims["iss"] == "https://acme.eu.auth0.com/"
    assert claims["https://example.org/seen"]["hostname"] == "acme.eu.auth0.com"


async def test_cookies(tmp_path: Path) -> None:
    """Both cookies are Secure and HttpOnly over loopback http too; one of them is SameSite=None."""
    async with run_tenant(tmp_path, settings={"cookie_mode": "none_secure"}) as tenant:
        page = await tenant.authorize()
    first, second = page.headers.getall("Set-Cookie")
    assert first.startswith("auth0=")
    assert second.startswith("auth0_compat=")
    assert first.endswith("; HttpOnly; Max-Age=259200; Path=/; SameSite=None; Secure")
    assert second.endswith("; HttpOnly; Max-Age=259200; Path=/; Secure")


async def test_lax_cookies(tmp_path: Path) -> None:
    """The other variant: plain http gets Lax cookies."""
    async with run_tenant(tmp_path, settings={"cookie_mode": "lax_on_http"}) as tenant:
        page = await tenant.authorize()
    assert page.headers.getall("Set-Cookie")[0].endswith("; HttpOnly; Max-Age=259200; Path=/; SameSite=Lax")


async def test_login_page(tmp_path: Path) -> None:
    """The page has the ids that real clients look for and the username that was hinted at."""
    async with run_tenant(tmp_path) as tenant:
        page = await tenant.authorize(login_hint="hint@example.org")
        form = await tenant.send("GET", str(page.location))
    assert page.query["state"].startswith("g6Fo2S")
    for part in (
        'id="username"',
        'id="password"',
        'name="action" value="default"',
        'value="hint@example.org"',
    ):
        assert part in form.text


@pytest.mark.parametrize("wrong", [{"password": "nonsense"}, {"username": "nobody@example.org"}])
async def test_wrong_password(tmp_path: Path, wrong: dict[str, str]) -> None:
    """A wrong password or name shows the form again, and the right one still works after it."""
    async with run_tenant(tmp_path) as tenant:
        state = (await tenant.authorize()).query["state"]
        again = await tenant.submit_password(state, **wrong)
        right = await tenant.submit_password(state)
    assert again.status == 400
    assert 'id="error-element-password">Wrong email or password<' in again.text
    assert right.status == 302


async def test_session_is_reused(tmp_path: Path) -> None:
    """A second login in the same browser needs no password, unless the application asks for one."""
    async with run_tenant(tmp_path) as tenant:
        await tenant.log_in()
        second = await tenant.authorize()
        forced = await tenant.authorize(prompt="login")
    assert "code" in second.query
    assert forced.location.path == "/u/login"


async def test_silent_login(tmp_path: Path) -> None:
    """prompt=none answers at once: login_required without a session, a code with one."""
    async with run_tenant(tmp_path) as tenant:
        refused = await tenant.authorize(prompt="none")
        await tenant.log_in()
        silent = await tenant.authorize(prompt="none")
    assert refused.query == {
        "error": "login_required",
        "error_description": "Login required",
        "state": "app-state",
    }
    assert "code" in silent.query


async def test_max_age(tmp_path: Path) -> None:
    """A session older than max_age is not enough; a younger one says when the person logged in."""
    async with run_tenant(tmp_path) as tenant:
        await tenant.log_in()
        young = await tenant.id_claims(await tenant.authorize(max_age="600"))
        await tenant.control("POST", "/clock", {"advance": 601})
        old = await tenant.authorize(max_age="600")
    assert young["auth_time"] <= young["iat"]
    assert old.location.path == "/u/login"


@pytest.mark.parametrize("name", ["session_lifetime", "session_idle_lifetime"])
async def test_session_lifetimes(tmp_path: Path, name: str) -> None:
    """A session ends when either of its lifetimes has passed."""
    async with run_tenant(tmp_path, settings={name: 100}) as tenant:
        await tenant.log_in()
        await tenant.control("POST", "/clock", {"advance": 101})
        later = await tenant.authorize(prompt="none")
    assert later.query["error"] == "login_required"


async def test_unknown_client(tmp_path: Path) -> None:
    """An unknown application gets a page, never a redirect."""
    async with run_tenant(tmp_path) as tenant:
        answer = await tenant.authorize(client_id="nobody")
    assert answer.status == 400
    assert "invalid_request: Unknown client: nobody" in answer.text


async def test_callback_mismatch(tmp_path: Path) -> None:
    """A callback must be listed letter by letter; a slash more is a page."""
    async with run_tenant(tmp_path) as tenant:
        answer = await tenant.authorize(redirect_uri=f"{CALLBACK}/")
    assert answer.status == 403
    assert "is not in the list of allowed callback URLs" in answer.text


@pytest.mark.parametrize(
    ("params", "error"),
    [
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"response_mode": "pigeon"}, "invalid_request"),
        ({"code_challenge_method": "S1"}, "invalid_request"),
        ({"max_age": "soon"}, "invalid_request"),
    ],
)
async def test_errors_go_to_the_callback(tmp_path: Path, params: dict[str, str], error: str) -> None:
    """Once client and callback are known every mistake is told to the application, with its state."""
    async with run_tenant(tmp_path) as tenant:
        answer = await tenant.authorize(**params)
    assert answer.status == 302
    assert (answer.query["error"], answer.query["state"]) == (error, "app-state")


async def test_response_modes(tmp_path: Path) -> None:
    """form_post answers with a form, fragment behind the hash, web_message with a script for the origin."""
    async with run_tenant(tmp_path) as tenant:
        form = await tenant.log_in(response_mode="form_post")
        fragment = await tenant.authorize(response_mode="fragment")
        message = await tenant.authorize(response_mode="web_message", prompt="none")
    assert f'<form method="post" action="{CALLBACK}">' in form.text
    assert '<input type="hidden" name="code"' in form.text
    assert fragment.location.fragment.startswith("code=")
    assert '"type": "authorization_response"' in message.text
    assert '"http://127.0.0.4:9"' in message.text


async def test_login_page_without_cookie(tmp_path: Path) -> None:
    """Somebody else's login page is the page without a session."""
    async with (
        run_tenant(tmp_path, settings={"continue_cookie": "required"}) as tenant,
        browser(tenant.base) as other,
    ):
        state = (await tenant.authorize()).query["state"]
        form = {"state": state, "username": EMAIL, "password": PASSWORD}
        async with other.post(f"{tenant.base}/u/login", data=form, allow_redirects=False) as answer:
            text = await answer.text()
    assert answer.status == 400
    assert "You may have pressed the back button" in text


async def test_unknown_state_goes_to_the_login_route(tmp_path: Path) -> None:
    """A used state of an application with a login route sends the browser there."""
    async with run_tenant(tmp_path) as tenant:
        page = await tenant.authorize(client_id=PUBLIC)
        await tenant.submit_password(page.query["state"])
        again = await tenant.submit_password(page.query["state"])
    assert (again.status, str(again.location)) == (302, "https://app.example.org/login")


async def test_head_spends_nothing(tmp_path: Path) -> None:
    """A HEAD of /authorize/resume is refused and the login goes on."""
    async with run_tenant(tmp_path) as tenant:
        page = await tenant.authorize()
        submitted = await tenant.submit_password(page.query["state"])
        head = await tenant.send("HEAD", str(submitted.location))
        back = await tenant.send("GET", str(submitted.location))
    assert head.status == 405
    assert "code" in back.query


async def test_eleventh_login_evicts_the_first(tmp_path: Path) -> None:
    """A browser has ten open logins; one more ends the oldest."""
    async with run_tenant(tmp_path) as tenant:
        states = [(await tenant.authorize()).query["state"] for _ in range(11)]
        first = await tenant.submit_password(states[0])
        second = await tenant.submit_password(states[1])
    assert (first.status, second.status) == (400, 302)


async def test_authorize_by_post(tmp_path: Path) -> None:
    """An application may post its parameters; the Action sees them as a body, without what is secret."""
    code = """
exports.onExecutePostLogin = async (event, api) => {
  const { method, query, body } = event.request;
  api.access.deny(JSON.stringify([method, query, body.scope, body.client_secret ?? null]));
};"""
    form = {
        "client_id": CLIENT,
        "redirect_uri": CALLBACK,
        "response_type": "code",
        "scope": "openid",
        "client_secret": "web-secret",
    }
    async with run_tenant(tmp_path, actions={"way": code}) as tenant:
        page = await tenant.send("POST", "/authorize", data=form)
        submitted = await tenant.submit_password(page.query["state"])
        answer = await tenant.send("GET", str(submitted.location))
    assert json.loads(answer.query["error_description"]) == ["POST", {}, "openid", None]
