"""Logins that an Action suspends."""

from pathlib import Path

import pytest

from tests.tenant.tests.support import (
    CALLBACK,
    PUBLIC,
    REDIRECTING,
    USER,
    answer_token,
    browser,
    claims_of,
    run_tenant,
)

_SHOWING = """
exports.onExecutePostLogin = async (event, api) => {
  api.transaction.setMetadata('n', 1).transaction.setMetadata('gone', true);
  api.user.setAppMetadata('before', { at: 'redirect' });
  const query = { a: 'new', b: 'x y' };
  api.redirect.sendUserTo('http://127.0.0.3:9/start?state=mine&keep=1&a=old', { query });
};
exports.onContinuePostLogin = async (event, api) => {
  api.transaction.setMetadata('gone', null);
  api.idToken.setCustomClaim('https://example.org/seen', {
    method: event.request.method, query: event.request.query, body: event.request.body,
    agent: event.request.user_agent, country: event.request.geoip.countryCode, ip: event.request.ip,
    metadata: event.transaction.metadata, app_metadata: event.user.app_metadata,
  });
};
"""
_NEXT = """
exports.onExecutePostLogin = async (event, api) => {
  const runs = (event.transaction.metadata.runs ?? 0) + 1;
  api.transaction.setMetadata('runs', runs);
  api.idToken.setCustomClaim('https://example.org/runs', runs);
};
"""


async def test_session_token(tmp_path: Path) -> None:
    """The redirect carries encodeToken's claims, 900 seconds of life and a state of the real shape."""
    async with run_tenant(tmp_path, actions={"way": REDIRECTING}) as tenant:
        away = await tenant.log_in()
    claims = claims_of(away.query["session_token"])
    assert away.location.host == "127.0.0.3"
    assert (len(away.query["state"]), away.query["state"][:6]) == (166, "hKFo2S")
    assert claims.pop("exp") - claims.pop("iat") == 900
    host = tenant.base.removeprefix("http://")
    assert claims == {"iss": host, "sub": USER, "ip": "127.0.0.1", "jti": "j1"}


async def test_payload_wins_over_standard_claims(tmp_path: Path) -> None:
    """EncodeToken spreads the payload last, as the real one does."""
    code = """
exports.onExecutePostLogin = async (event, api) => {
  const payload = { iss: 'mine' };
  const token = api.redirect.encodeToken({ secret: 's'.repeat(32), payload, expiresInSeconds: 5 });
  api.redirect.sendUserTo('http://127.0.0.3:9/', { query: { token } });
};"""
    async with run_tenant(tmp_path, actions={"way": code}) as tenant:
        claims = claims_of((await tenant.log_in()).query["token"])
    assert (claims["iss"], claims["exp"] - claims["iat"]) == ("mine", 5)


@pytest.mark.parametrize("method", ["POST", "GET"])
async def test_resume(tmp_path: Path, method: str) -> None:
    """The answer comes back by a form or by a link, and the login ends at the application."""
    async with run_tenant(
        tmp_path, actions={"way": REDIRECTING}, settings={"continue_state_source": "any"}
    ) as tenant:
        state = (await tenant.log_in()).query["state"]
        back = await tenant.continue_(state, answer_token(state), method=method)
        claims = await tenant.id_claims(back)
    assert str(back.location).startswith(CALLBACK)
    assert claims["https://example.org/answer"] == "fine"


async def test_query_is_set_not_appended(tmp_path: Path) -> None:
    """Same-named parameters are replaced, others kept; the tenant's state takes the place of any other."""
    async with run_tenant(tmp_path, actions={"way": _SHOWING}) as tenant:
        away = await tenant.log_in()
    assert away.location.query.getall("a") == ["new"]
    assert away.location.query.getall("state")[0].startswith("hKFo2S")
    assert len(away.location.query.getall("state")) == 1
    assert (away.query["keep"], away.query["b"]) == ("1", "x y")


async def test_event_on_resume(tmp_path: Path) -> None:
    """The second half sees /continue's request, the first half's metadata and the user as stored by now."""
    async with run_tenant(tmp_path, actions={"way": _SHOWING}) as tenant:
        state = (await tenant.log_in()).query["state"]
        flushed = (await tenant.user())["app_metadata"]
        await tenant.patch_user({"app_metadata": {"plan": None, "step": {"status": "passed"}}})
        headers = {"User-Agent": "other", "X-Emulator-Country": "DE", "X-Emulator-Ip": "198.51.100.7"}
        form = {"state": state, "x": ["1", "2"]}
        back = await tenant.send("POST", f"/continue?state={state}&q=1", data=form, headers=headers)
        seen = (await tenant.id_claims(back))["https://example.org/seen"]
    assert flushed["before"] == {"at": "redirect"}
    assert seen == {
        "method": "POST",
        "query": {"state": state, "q": "1"},
        "body": {"state": state, "x": ["1", "2"]},
        "agent": "other",
        "country": "DE",
        "ip": "198.51.100.7",
        "metadata": {"n": 1},
        "app_metadata": {
            "before": {"at": "redirect"},
            "nested": {"a": 1, "b": 2},
            "step": {"status": "passed"},
        },
    }


async def test_state_is_good_once(tmp_path: Path) -> None:
    """A second /continue with the same state is the page without a session."""
    async with run_tenant(
        tmp_path, actions={"way": REDIRECTING}, settings={"double_continue": "invalid_request"}
    ) as tenant:
        state = (await tenant.log_in()).query["state"]
        await tenant.continue_(state, answer_token(state))
        again = await tenant.continue_(state, answer_token(state))
    assert again.status == 400
    assert "invalid_request: You may have pressed the back button" in again.text


async def test_double_continue_variant(tmp_path: Path) -> None:
    """The other variant: the same redirect again."""
    settings = {"double_continue": "repeat"}
    async with run_tenant(tmp_path, actions={"way": REDIRECTING}, settings=settings) as tenant:
        state = (await tenant.log_in()).query["state"]
        first = await tenant.continue_(state, answer_token(state))
        again = await tenant.continue_(state, answer_token(state))
    assert first.location == again.location


async def test_refused_token_spends_the_state(tmp_path: Path) -> None:
    """After a token that validateToken refused, the right one comes too late."""
    async with run_tenant(
        tmp_path, actions={"way": REDIRECTING}, settings={"double_continue": "invalid_request"}
    ) as tenant:
        state = (await tenant.log_in()).query["state"]
        refused = await tenant.continue_(state, "garbage")
        right = await tenant.continue_(state, answer_token(state))
    assert refused.query["error"] == "access_denied"
    assert right.status == 400


@pytest.mark.parametrize("state", ["", "unknown", "x" * 3000])
async def test_unknown_states(tmp_path: Path, state: str) -> None:
    """A missing, invented or enormous state is the page without a session."""
    async with run_tenant(tmp_path, actions={"way": REDIRECTING}) as tenant:
        answer = await tenant.continue_(state, "x", method="GET")
    assert answer.status == 400
    assert "invalid_request" in answer.text


async def test_login_state_is_not_a_redirect_state(tmp_path: Path) -> None:
    """The login page's state does not open /continue."""
    async with run_tenant(tmp_path, actions={"way": REDIRECTING}) as tenant:
        state = (await tenant.authorize()).query["state"]
        answer = await tenant.continue_(state, answer_token(state))
        form = await tenant.submit_password(state)
    assert (answer.status, form.status) == (400, 302)


async def test_other_browser(tmp_path: Path) -> None:
    """Only the browser that left may come back; its attempt to does not spend the state."""
    async with (
        run_tenant(
            tmp_path, actions={"way": REDIRECTING}, settings={"continue_cookie": "required"}
        ) as tenant,
        browser(tenant.base) as other,
    ):
        state = (await tenant.log_in()).query["state"]
        form = {"state": state, "session_token": answer_token(state)}
        async with other.post(f"{tenant.base}/continue", data=form, allow_redirects=False) as answer:
            assert answer.status == 400
        back = await tenant.continue_(state, answer_token(state))
    assert "code" in back.query


async def test_cookie_off_variant(tmp_path: Path) -> None:
    """The other variant: the state alone is enough."""
    settings = {"continue_cookie": "off"}
    async with (
        run_tenant(tmp_path, actions={"way": REDIRECTING}, settings=settings) as tenant,
        browser(tenant.base) as other,
    ):
        state = (await tenant.log_in()).query["state"]
        form = {"state": state, "session_token": answer_token(state)}
        async with other.post(f"{tenant.base}/continue", data=form, allow_redirects=False) as answer:
            assert answer.status == 302


async def test_other_host(tmp_path: Path) -> None:
    """A login goes on at the host where it began."""
    async with run_tenant(tmp_path, actions={"way": REDIRECTING}) as tenant:
        state = (await tenant.log_in()).query["state"]
        form = {"state": state, "session_token": answer_token(state)}
        answer = await tenant.send("POST", "/continue", data=form, headers={"Host": "login.example.org"})
    assert answer.status == 400


async def test_one_hour(tmp_path: Path) -> None:
    """A login lives an hour from /authorize, wherever it stands."""
    async with run_tenant(tmp_path, actions={"way": REDIRECTING}) as tenant:
        state = (await tenant.log_in()).query["state"]
        await tenant.control("POST", "/clock", {"advance": 3601})
        answer = await tenant.continue_(state, answer_token(state))
    assert answer.status == 400


async def test_late_return_goes_to_the_login_route(tmp_path: Path) -> None:
    """An application with a login route gets its user back there instead of the page."""
    async with run_tenant(tmp_path, actions={"way": REDIRECTING}) as tenant:
        state = (await tenant.log_in(client_id=PUBLIC)).query["state"]
        await tenant.control("POST", "/clock", {"advance": 3601})
        answer = await tenant.continue_(state, answer_token(state))
    assert (answer.status, str(answer.location)) == (302, "https://app.example.org/login")


async def test_later_actions_wait_and_earlier_ones_do_not_repeat(tmp_path: Path) -> None:
    """Of three Actions the middle one redirects: the first runs once, the last one afterwards."""
    actions = {"first": _NEXT, "way": REDIRECTING, "last": _NEXT}
    async with run_tenant(tmp_path, actions=actions) as tenant:
        state = (await tenant.log_in()).query["state"]
        before = (await tenant.control("GET", "/transactions")).json[0]["metadata"]
        claims = await tenant.id_claims(await tenant.continue_(state, answer_token(state)))
    assert before == {"runs": 1, "jti": "j1"}
    assert claims["https://example.org/runs"] == 2


async def test_two_redirects(tmp_path: Path) -> None:
    """Two Actions redirect to two places, each with a state of its own, each resumed in its own Action."""
    actions = {"one": REDIRECTING, "two": REDIRECTING.replace("/login", "/other")}
    async with run_tenant(tmp_path, actions=actions, settings={"redirect_state": "new"}) as tenant:
        first = (await tenant.log_in()).query["state"]
        away = await tenant.continue_(first, answer_token(first))
        second = away.query["state"]
        back = await tenant.continue_(second, answer_token(second))
    assert away.location.path == "/start/acme/other"
    assert first != second
    assert "code" in back.query


async def test_same_url_twice(tmp_path: Path) -> None:
    """Each URL can be redirected to only once in a login, whatever its query."""
    async with run_tenant(
        tmp_path, actions={"one": REDIRECTING, "two": REDIRECTING}, settings={"redirect_url_once": "path"}
    ) as tenant:
        state = (await tenant.log_in()).query["state"]
        back = await tenant.continue_(state, answer_token(state))
    assert back.query["error_description"].startswith("Each unique URL can be redirected only once")


async def test_silent_login_cannot_redirect(tmp_path: Path) -> None:
    """prompt=none with an Action that redirects is interaction_required, and the session stays."""
    async with run_tenant(tmp_path, actions={"way": REDIRECTING}) as tenant:
        await tenant.log_in()
        answer = await tenant.authorize(prompt="none")
        again = await tenant.authorize()
    assert answer.query == {
        "error": "interaction_required",
        "error_description": "External interaction required",
        "state": "app-state",
    }
    assert again.location.path == "/start/acme/login"


async def test_can_redirect(tmp_path: Path) -> None:
    """The answer of canRedirect is false where no redirect is possible and true elsewhere."""
    code = """
exports.onExecutePostLogin = async (event, api) => {
  api.access.deny(String(api.redirect.canRedirect()));
};"""
    async with run_tenant(tmp_path, actions={"way": code}) as tenant:
        browser_login = await tenant.log_in()
        silent = await tenant.authorize(prompt="none")
    assert browser_login.query["error_description"] == "true"
    assert silent.query["error_description"] == "false"


async def test_invalid_url(tmp_path: Path) -> None:
    """SendUserTo throws on what is no URL."""
    code = "exports.onExecutePostLogin = async (event, api) => { api.redirect.sendUserTo('nowhere'); };"
    async with run_tenant(tmp_path, actions={"way": code}) as tenant:
        answer = await tenant.log_in()
    assert answer.query["error_description"] == "Invalid URL"


async def test_missing_continue_handler(tmp_path: Path) -> None:
    """An Action that redirects without onContinuePostLogin cannot be resumed."""
    code = REDIRECTING.partition("exports.onContinue")[0]
    async with run_tenant(tmp_path, actions={"way": code}) as tenant:
        state = (await tenant.log_in()).query["state"]
        back = await tenant.continue_(state, answer_token(state))
    assert back.query["error_description"] == "The Action way does not export onContinuePostLogin"
