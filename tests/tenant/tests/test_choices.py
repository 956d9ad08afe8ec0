"""Rows of the table of unverified choices that have no better place: both variants of each."""

from pathlib import Path
from typing import Any

import pytest
from yarl import URL

from tests.tenant.config import RateLimit
from tests.tenant.ratelimit import Limiter
from tests.tenant.settings import Choices
from tests.tenant.tests.support import (
    CALLBACK,
    CLIENT,
    EMAIL,
    PASSWORD,
    REDIRECTING,
    Tenant,
    answer_token,
    claims_of,
    run_tenant,
)

_INVALID = "The session token is invalid: "
_STATE = f"{_INVALID}State in the token does not match the /continue state."
_TWICE = """
exports.onExecutePostLogin = async (event, api) => api.redirect.sendUserTo('http://127.0.0.3:9/one?a=1');
exports.onContinuePostLogin = async (event, api) => {
  if (event.transaction.metadata.again) return;
  api.transaction.setMetadata('again', true);
  api.redirect.sendUserTo(event.secrets.AGAIN ?? 'http://127.0.0.3:9/one?a=2');
};
"""
_BOTH = REDIRECTING.replace("api.transaction", "api.access.deny('both'); api.transaction")
_GRANT = {"grant_type": "password", "client_id": CLIENT, "client_secret": "web-secret"}
_PERSON = {"username": EMAIL, "password": PASSWORD}


async def _password_grant(tenant: Tenant) -> Any:
    return await tenant.token(**_GRANT, **_PERSON)


@pytest.mark.parametrize(
    ("variant", "says"), [("signature", f"{_INVALID}Failed signature validation"), ("state", _STATE)]
)
async def test_validate_order(tmp_path: Path, variant: str, says: str) -> None:
    """Of a wrong secret and a wrong state the one that is looked at first names the refusal."""
    settings = {"validate_order": variant}
    async with run_tenant(tmp_path, actions={"way": REDIRECTING}, settings=settings) as tenant:
        state = (await tenant.log_in()).query["state"]
        back = await tenant.continue_(state, answer_token(f"{state}x", secret="y" * 32))
    assert back.query["error_description"] == says


@pytest.mark.parametrize(("variant", "accepted"), [("presence", True), ("hostname", False)])
async def test_validate_issuer(tmp_path: Path, variant: str, *, accepted: bool) -> None:
    """Whether any issuer will do, or only the tenant's own host."""
    settings = {"validate_issuer": variant}
    async with run_tenant(tmp_path, actions={"way": REDIRECTING}, settings=settings) as tenant:
        state = (await tenant.log_in()).query["state"]
        back = await tenant.continue_(state, answer_token(state, iss="waystation"))
    assert ("code" in back.query) is accepted


@pytest.mark.parametrize(
    ("variant", "accepted"), [("path", False), ("url", True), ("off", True)], ids=["path", "url", "off"]
)
async def test_redirect_url_once(tmp_path: Path, variant: str, *, accepted: bool) -> None:
    """Whether the query makes a URL another one."""
    settings = {"redirect_url_once": variant, "redirects_per_action": "many"}
    async with run_tenant(tmp_path, actions={"way": _TWICE}, settings=settings) as tenant:
        state = (await tenant.log_in()).query["state"]
        back = await tenant.continue_(state, "x")
    assert (back.location.host == "127.0.0.3") is accepted


@pytest.mark.parametrize(("variant", "accepted"), [("many", True), ("one", False)])
async def test_redirects_per_action(tmp_path: Path, variant: str, *, accepted: bool) -> None:
    """Whether an Action may redirect again when it is resumed."""
    settings = {"redirects_per_action": variant, "redirect_url_once": "off"}
    async with run_tenant(tmp_path, actions={"way": _TWICE}, settings=settings) as tenant:
        state = (await tenant.log_in()).query["state"]
        back = await tenant.continue_(state, "x")
    assert (back.query.get("error_description") != "Only one redirection per Action") is accepted


@pytest.mark.parametrize(("variant", "same"), [("new", False), ("same", True)])
async def test_redirect_state(tmp_path: Path, variant: str, *, same: bool) -> None:
    """Whether a second redirect has a state of its own; either way it brings the login to its end."""
    settings = {"redirect_state": variant, "redirect_url_once": "off", "redirects_per_action": "many"}
    async with run_tenant(tmp_path, actions={"way": _TWICE}, settings=settings) as tenant:
        first = (await tenant.log_in()).query["state"]
        second = (await tenant.continue_(first, "x")).query["state"]
        back = await tenant.continue_(second, "x")
        again = await tenant.continue_(second, "x")
    assert (first == second) is same
    assert "code" in back.query
    assert again.headers.get("Location") == back.headers["Location"] or again.status != 302


@pytest.mark.parametrize(("variant", "denied"), [("deny", True), ("redirect", False)])
async def test_deny_or_redirect(tmp_path: Path, variant: str, *, denied: bool) -> None:
    """Which wins when one Action asks for both."""
    settings = {"deny_or_redirect": variant}
    async with run_tenant(tmp_path, actions={"way": _BOTH}, settings=settings) as tenant:
        answer = await tenant.log_in()
    assert (answer.query.get("error") == "access_denied") is denied


@pytest.mark.parametrize(("variant", "allowed"), [("off", None), ("on", "http://127.0.0.4:9")])
async def test_continue_cors(tmp_path: Path, variant: str, allowed: str | None) -> None:
    """Whether a script of a listed origin may read what /continue answers."""
    async with run_tenant(tmp_path, settings={"continue_cors": variant}) as tenant:
        answer = await tenant.send("POST", "/continue", headers={"Origin": "http://127.0.0.4:9"})
    assert answer.headers.get("Access-Control-Allow-Origin") == allowed


async def test_session_cookie(tmp_path: Path) -> None:
    """Nobody may rely on the names of the cookies."""
    async with run_tenant(tmp_path, settings={"session_cookie": "other"}) as tenant:
        page = await tenant.authorize()
        back = await tenant.log_in()
    names = [header.partition("=")[0] for header in page.headers.getall("Set-Cookie")]
    assert names == ["other", "other_compat"]
    assert "code" in back.query


@pytest.mark.parametrize(
    ("variant", "own", "filled"),
    [("window", None, "window"), ("continuous", None, "continuous"), ("continuous", "window", "window")],
)
def test_refill(variant: str, own: str | None, filled: str) -> None:
    """How limits fill is a row, and what the rate limit says itself wins."""
    limit = RateLimit(profile="free", refill=own)
    limiter = Limiter(limit, choices=Choices(refill=variant), wall=lambda: 1000.5)
    reset = [limiter.management("GET", users=True).reset for _ in range(3)][-1]
    limiter = Limiter(limit, choices=Choices(refill=variant), wall=Wall(1000.9, 1000.9, 1000.9, 1001.0))
    allowed = [limiter.management("GET", users=True).allowed for _ in range(4)]
    assert reset == 1001
    assert allowed[3] is (filled == "window")


class Wall:
    """A clock that shows one time after another."""

    def __init__(self, *times: float) -> None:
        """It ends when the times do."""
        self._times = iter(times)

    def __call__(self) -> float:
        """Seconds since the epoch."""
        return next(self._times)


@pytest.mark.parametrize(("variant", "status"), [("any", 200), ("separate", 400)])
async def test_patch_combinations(tmp_path: Path, variant: str, status: int) -> None:
    """Whether one PATCH may change the address and the password."""
    body = {"email": "new@example.org", "password": "a-new-Password"}
    async with run_tenant(tmp_path, settings={"patch_combinations": variant}) as tenant:
        answer = await tenant.patch_user(body)
        alone = await tenant.patch_user({"email": "third@example.org"})
    assert (answer.status, alone.status) == (status, 200)


@pytest.mark.parametrize(("variant", "status"), [("warn", 200), ("refuse", 400)])
async def test_profile_limit(tmp_path: Path, variant: str, status: int) -> None:
    """A profile over 10 KB is written with a warning in the call log, or refused and not written."""
    async with run_tenant(tmp_path, settings={"profile_limit": variant}) as tenant:
        small = await tenant.patch_user({"app_metadata": {"big": "x" * 5000}})
        answer = await tenant.patch_user({"user_metadata": {"big": "x" * 6000}})
        log = (await tenant.control("GET", "/log?match=PATCH")).json["entries"]
        user = await tenant.user()
    assert (small.status, answer.status) == (200, status)
    assert [entry["warnings"] for entry in log] == [
        [],
        ["The profile is larger than 10 KB."] if status == 200 else [],
    ]
    assert ("user_metadata" in user) is (status == 200)


async def test_wrong_password_status(tmp_path: Path) -> None:
    """The login page after a wrong password has the status of its row."""
    async with run_tenant(tmp_path, settings={"wrong_password_status": 401}) as tenant:
        state = (await tenant.authorize()).query["state"]
        assert (await tenant.submit_password(state, password="nonsense")).status == 401


async def test_page_statuses_and_words(tmp_path: Path) -> None:
    """Statuses and words of the pages without a source are rows."""
    settings = {
        "unknown_client_status": 404,
        "unknown_client_text": "Who is {client_id}?",
        "callback_mismatch_status": 410,
        "callback_mismatch_text": "Not {redirect_uri}",
        "continue_error_status": 411,
    }
    async with run_tenant(tmp_path, settings=settings) as tenant:
        client = await tenant.authorize(client_id="nobody")
        callback = await tenant.authorize(redirect_uri="http://other.example/")
        resume = await tenant.continue_("unknown", "x")
    assert (client.status, callback.status, resume.status) == (404, 410, 411)
    assert "invalid_request: Who is nobody?" in client.text
    assert "invalid_request: Not http://other.example/" in callback.text


@pytest.mark.parametrize(
    ("changes", "row"),
    [
        ({"secret": "x" * 32}, "signature_text"),
        ({"sub": "auth0|bob"}, "subject_text"),
        ({"exp": 1}, "expired_text"),
    ],
)
async def test_words_of_validate_token(tmp_path: Path, changes: dict[str, Any], row: str) -> None:
    """The reasons that no real tenant was heard to give are rows."""
    settings = {row: "other words"}
    async with run_tenant(tmp_path, actions={"way": REDIRECTING}, settings=settings) as tenant:
        state = (await tenant.log_in()).query["state"]
        back = await tenant.continue_(state, answer_token(state, **changes))
    assert back.query["error_description"] == f"{_INVALID}other words"


async def test_words_about_actions(tmp_path: Path) -> None:
    """The words about an Action that lacks its second half, or throws, are rows."""
    settings = {
        "missing_handler_text": "{action} has no {handler}",
        "action_error_text": "generic",
        "generic_error_text": "Oops.",
    }
    half = REDIRECTING.partition("exports.onContinue")[0]
    async with run_tenant(tmp_path, actions={"way": half}, settings=settings) as tenant:
        state = (await tenant.log_in()).query["state"]
        missing = await tenant.continue_(state, answer_token(state))
        login = (await tenant.control("GET", "/transactions")).json[-1]
    failure = next(line for line in login["history"] if line["event"] == "action.failed")
    assert missing.query["error_description"] == "Oops."
    assert failure["error"] == "way has no onContinuePostLogin"


async def test_words_and_statuses_for_applications(tmp_path: Path) -> None:
    """What /oauth/token, /userinfo and logout answer without a source are rows."""
    settings = {
        "denied_grant_status": 400,
        "unknown_audience_text": "No {audience} here",
        "userinfo_refusal_text": "No.",
        "logout_text": "Bye",
        "empty_update_status": 422,
    }
    deny = "exports.onExecutePostLogin = async (event, api) => { api.access.deny('no'); };"
    async with run_tenant(tmp_path, actions={"deny": deny}, settings=settings) as tenant:
        denied = await _password_grant(tenant)
        audience = await tenant.token(
            grant_type="client_credentials",
            client_id="machine",
            client_secret="machine-secret",
            audience="https://x/",
        )
        userinfo = await tenant.send("GET", "/userinfo")
        logout = await tenant.send("GET", "/v2/logout")
        empty = await tenant.patch_user({})
    assert (denied.status, denied.json["error"]) == (400, "access_denied")
    assert audience.json["error_description"] == "No https://x/ here"
    assert (userinfo.text, logout.text, empty.status) == ("No.", "Bye", 422)


async def test_blocked_redirect_status(tmp_path: Path) -> None:
    """A redirect in a password grant has the status of its row."""
    settings = {"blocked_redirect_status": 400}
    async with run_tenant(tmp_path, actions={"way": REDIRECTING}, settings=settings) as tenant:
        answer = await _password_grant(tenant)
    assert (answer.status, answer.json["error"]) == (400, "interaction_required")


async def test_limits_of_actions(tmp_path: Path) -> None:
    """Seconds and characters that an Action has are rows."""
    hanging = {"hang": "exports.onExecutePostLogin = async () => { for (;;); };"}
    settings: dict[str, Any] = {"action_timeout": 0.5, "action_error_text": "message"}
    async with run_tenant(tmp_path, actions=hanging, settings=settings) as tenant:
        hang = await tenant.log_in()
    talking = {"talk": "exports.onExecutePostLogin = async () => { console.log('abcdef'); };"}
    async with run_tenant(tmp_path, actions=talking, settings={"console_limit": 3}) as tenant:
        await tenant.log_in()
        log = (await tenant.control("GET", "/log?match=authorize/resume")).json["entries"]
    assert hang.query["error_description"] == "Script execution time exceeded"
    assert log[-1]["actions"][0]["console"] == "abc"


async def test_lifetimes(tmp_path: Path) -> None:
    """How long codes and open logins live, and how many a browser has open, are rows."""
    settings = {"code_lifetime": 5, "transaction_lifetime": 50, "transactions_per_browser": 2}
    async with run_tenant(tmp_path, settings=settings) as tenant:
        code = (await tenant.log_in()).query["code"]
        await tenant.control("POST", "/clock", {"advance": 6})
        late = await tenant.exchange(code)
        states = [(await tenant.authorize(prompt="login")).query["state"] for _ in range(3)]
        evicted = await tenant.submit_password(states[0])
        kept = await tenant.submit_password(states[2])
        await tenant.control("POST", "/clock", {"advance": 51})
        old = await tenant.send("GET", str(kept.location))
    assert (late.status, kept.status) == (403, 302)
    assert (evicted.status, old.status) == (400, 400)


async def test_type_text(tmp_path: Path) -> None:
    """The words about a token of another type are a row."""
    settings = {"type_text": "other words", "validate_order": "signature"}
    code = REDIRECTING.replace(
        "api.redirect.validateToken",
        "((options) => { const crypto = require('node:crypto');"
        "const part = (v) => Buffer.from(JSON.stringify(v)).toString('base64url');"
        "const text = `${part({ alg: 'HS256', typ: 'at+jwt' })}.${part({})}`;"
        "const mac = crypto.createHmac('sha256', options.secret).update(text).digest('base64url');"
        "event.request.body.session_token = `${text}.${mac}`; return api.redirect.validateToken(options); })",
    )
    async with run_tenant(tmp_path, actions={"way": code}, settings=settings) as tenant:
        state = (await tenant.log_in()).query["state"]
        back = await tenant.continue_(state, "x")
    assert back.query["error_description"] == f"{_INVALID}other words"


async def test_default_directory(tmp_path: Path) -> None:
    """A tenant without a default directory answers the password grant with the real 500."""
    tenant_section = {"id": "acme", "default_directory": False}
    async with run_tenant(tmp_path, tenant=tenant_section) as tenant:
        answer = await _password_grant(tenant)
    assert (answer.status, answer.json) == (
        500,
        {
            "error": "server_error",
            "error_description": "Authorization server not configured with default connection.",
        },
    )


async def test_apis(tmp_path: Path) -> None:
    """An API has its machines with their scopes, its lifetime, and permissions if it asks for them."""
    api = {
        "identifier": "https://api.example/",
        "token_lifetime": 600,
        "clients": {"machine": "read:things"},
        "permissions": True,
    }
    machine = {"client_id": "machine", "client_secret": "machine-secret"}
    async with run_tenant(tmp_path, apis=[api, {"identifier": "https://other.example/"}]) as tenant:
        grant = {"grant_type": "client_credentials", **machine}
        good = (await tenant.token(**grant, audience="https://api.example/")).json
        refused = await tenant.token(**grant, audience="https://other.example/")
        unknown = await tenant.authorize(audience="https://nowhere.example/")
        back = await tenant.log_in(audience="https://api.example/")
        person = (await tenant.exchange(back.query["code"])).json
    claims = claims_of(good["access_token"])
    assert (good["expires_in"], claims["exp"] - claims["iat"]) == (600, 600)
    assert (claims["scope"], claims["permissions"]) == ("read:things", ["read:things"])
    assert refused.json["error_description"].startswith('Client is not authorized to access "https://other')
    assert unknown.query["error_description"] == "Service not found: https://nowhere.example/"
    assert claims_of(person["access_token"])["aud"] == ["https://api.example/", f"{tenant.base}/userinfo"]
    assert person["expires_in"] == 600
    assert URL(CALLBACK).host == back.location.host
