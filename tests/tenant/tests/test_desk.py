"""The page for people, as its forms work."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from bs4 import BeautifulSoup

from tests.tenant.desk import TRY_OUT
from tests.tenant.jwtview import view
from tests.tenant.tests.support import (
    REDIRECTING,
    Answer,
    Tenant,
    answer_token,
    browser,
    claims_of,
    document,
    run_tenant,
)

_INVALID = "The session token is invalid: "


async def _waiting_page(tenant: Tenant) -> tuple[str, Answer]:
    """The path of the page of a login that waits, and that page."""
    await tenant.log_in()
    login = (await tenant.control("GET", "/transactions")).json[-1]
    path = f"/__control/logins/{login['transaction_id']}"
    return path, await tenant.send("GET", path)


def _fields(page: Answer, selector: str) -> dict[str, str]:
    form = BeautifulSoup(page.text, "html.parser").select_one(selector)
    assert form is not None
    values = {str(tag["name"]): str(tag["value"]) for tag in form.select("input[type=hidden]")}
    for tag in form.select("input[name=lifetime], input[name=parameter], input[checked]"):
        values[str(tag["name"])] = str(tag["value"])
    for tag in form.select("textarea"):
        values[str(tag["name"])] = tag.text
    for tag in form.select("select"):
        chosen = tag.select_one("option[selected]") or tag.select("option")[0]
        values[str(tag["name"])] = str(chosen.get("value", chosen.text))
    return values


async def _send_answer(tenant: Tenant, **changes: str) -> Answer:
    """Sign the form's own draft with changes and send what comes of it."""
    path, page = await _waiting_page(tenant)
    draft = {**_fields(page, "form.card"), **changes}
    review = await tenant.send("POST", f"{path}/answer", data=draft)
    form = BeautifulSoup(review.text, "html.parser").select_one("form#send")
    assert form is not None, review.text
    fields = _fields(review, "form#send")
    if form["method"] == "get":
        query = "&".join(f"{name}={value}" for name, value in fields.items())
        return await tenant.send("GET", f"/continue?{query}")
    return await tenant.send("POST", str(form["action"]), data=fields)


async def test_index(tmp_path: Path) -> None:
    """Open logins stand apart from those that are over, and nothing is shown unescaped."""
    async with run_tenant(tmp_path, actions={"way": REDIRECTING}) as tenant:
        empty = await tenant.send("GET", "/__control/")
        path, page = await _waiting_page(tenant)
        await tenant.authorize(state="<script>alert(1)</script>")
        listed = await tenant.send("GET", "/__control/")
    assert "No login waits for anything." in empty.text
    assert f'href="{path}"' in listed.text
    assert listed.text.count("waits for an answer: way") == 2
    assert "<script>alert" not in listed.text + page.text


async def test_what_the_action_sent(tmp_path: Path) -> None:
    """The token is decoded, whose secret signed it is said, and no secret is shown."""
    async with run_tenant(tmp_path, actions={"way": REDIRECTING}) as tenant:
        _, page = await _waiting_page(tenant)
    text = BeautifulSoup(page.text, "html.parser").get_text(" ")
    assert "way sent the browser away" in text
    assert '"jti": "j1"' in text
    assert "signed with SECRET" in text
    assert re.search(r"expires in (900|89\d) s", text)
    assert "answer-secret" not in page.text


async def test_hostile_values_are_text(tmp_path: Path) -> None:
    """What Actions, applications and people send stands on the page as text."""
    hostile = "'\"><script>alert(1)</script>"
    code = REDIRECTING.replace("jti: 'j1'", "jti: '<script>alert(2)</script>'").replace(
        "const token", "console.log('<script>alert(3)</script>'); const token"
    )
    async with run_tenant(tmp_path, actions={"way": code}) as tenant:
        state = (await tenant.log_in(state=hostile)).query["state"]
        login = (await tenant.control("GET", "/transactions")).json[-1]
        waiting = await tenant.send("GET", f"/__control/logins/{login['transaction_id']}")
        await tenant.send("POST", "/continue", data={"state": state, "session_token": hostile, hostile: "x"})
        over = await tenant.send("GET", f"/__control/logins/{login['transaction_id']}")
        outcome = await tenant.send("GET", f"{TRY_OUT}?error=%3Cscript%3Ealert(4)&error_description=x")
    assert "&lt;script&gt;alert(3)" in waiting.text
    for page in (waiting, over, outcome):
        assert "<script>alert" not in page.text


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"broken": "state"}, f"{_INVALID}State in the token does not match the /continue state."),
        ({"broken": "sub"}, f"{_INVALID}The sub claim does not match the user_id."),
        ({"broken": "secret"}, f"{_INVALID}Failed signature validation"),
        ({"broken": "expired"}, f"{_INVALID}Token has expired."),
        ({"broken": "alg"}, f"{_INVALID}Failed signature validation"),
        ({"parameter": "other"}, "There is no parameter called 'session_token' available in either"),
    ],
)
async def test_broken_on_purpose(tmp_path: Path, changes: dict[str, str], says: str) -> None:
    """Each way to break an answer is refused by validateToken with its own words."""
    async with run_tenant(tmp_path, actions={"way": REDIRECTING}) as tenant:
        back = await _send_answer(tenant, **changes)
    assert back.query["error_description"].startswith(says)


async def test_wrong_jti(tmp_path: Path) -> None:
    """A jti of one's own is for the Action to notice: validateToken does not look at it."""
    code = REDIRECTING.replace("answer.result", "answer.jti === event.transaction.metadata.jti")
    async with run_tenant(tmp_path, actions={"way": code}) as tenant:
        honest = await tenant.id_claims(await _send_answer(tenant))
        await tenant.send("GET", "/v2/logout")
        wrong = await tenant.id_claims(await _send_answer(tenant, broken="jti"))
    assert (honest["https://example.org/answer"], wrong["https://example.org/answer"]) == (True, False)


@pytest.mark.parametrize(
    ("changes", "query", "body"),
    [
        ({"method": "GET"}, ["session_token", "state"], []),
        ({"place": "query"}, ["state"], ["session_token"]),
        ({"place": "body"}, [], ["session_token", "state"]),
        ({}, ["state"], ["session_token", "state"]),
    ],
)
async def test_ways_to_send(
    tmp_path: Path, changes: dict[str, str], query: list[str], body: list[str]
) -> None:
    """GET or POST, and where the state of a POST stands, are the person's choice."""
    async with run_tenant(
        tmp_path, actions={"way": REDIRECTING}, settings={"continue_state_source": "any"}
    ) as tenant:
        back = await _send_answer(tenant, **changes)
        login = (await tenant.control("GET", "/transactions")).json[-1]
    came = next(line for line in login["history"] if line["event"] == "continued")
    assert "code" in back.query
    assert (sorted(came["query"]), sorted(came["body"])) == (query, body)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"claims": "{"}, "the claims are not JSON"),
        ({"claims": "[1]"}, "the claims are a JSON object"),
        ({"secret": "OTHER"}, "secret is not one of the Action&#39;s"),
        ({"broken": "magic"}, "break is not one of the list"),
        ({"method": "PUT"}, "method is POST or GET"),
        ({"place": "cookie"}, "state goes into query, body or both"),
        ({"parameter": "state"}, "the parameter needs a name other than state"),
        ({"lifetime": "soon"}, "seconds is a whole number"),
    ],
)
async def test_drafts_that_cannot_be_sent(tmp_path: Path, changes: dict[str, str], says: str) -> None:
    """A slip is a 400 with the form as it was and what is wrong with it."""
    async with run_tenant(tmp_path, actions={"way": REDIRECTING}) as tenant:
        path, page = await _waiting_page(tenant)
        draft = {**_fields(page, "form.card"), "lifetime": "77", **changes}
        again = await tenant.send("POST", f"{path}/answer", data=draft)
    assert again.status == 400
    assert f'role="alert">{says}' in again.text
    kept = {"lifetime": "77", **changes}["lifetime"]
    assert f'value="{kept}"' in again.text


async def test_login_that_does_not_wait(tmp_path: Path) -> None:
    """A login that is over has no form, and an answer to it or to none is refused."""
    async with run_tenant(tmp_path, actions={"way": REDIRECTING}) as tenant:
        path, page = await _waiting_page(tenant)
        draft = _fields(page, "form.card")
        state = json.loads(draft["claims"])["state"]
        await tenant.continue_(state, answer_token(state))
        over = await tenant.send("GET", path)
        late = await tenant.send("POST", f"{path}/answer", data=draft)
        nobody = await tenant.send("GET", "/__control/logins/unknown")
    assert "Answer by hand" not in over.text
    assert (late.status, nobody.status) == (409, 404)


async def test_login_of_another_browser(tmp_path: Path) -> None:
    """Who looks from another browser is told that only the one that began may bring it to an end."""
    async with (
        run_tenant(
            tmp_path, actions={"way": REDIRECTING}, settings={"continue_cookie": "required"}
        ) as tenant,
        browser(tenant.base) as other,
    ):
        path, own = await _waiting_page(tenant)
        async with other.get(f"{tenant.base}{path}") as answer:
            foreign = await answer.text()
    assert "This login began in another browser" not in own.text
    assert "This login began in another browser" in foreign


async def test_old_login_is_over(tmp_path: Path) -> None:
    """A login whose hour has passed waits for nothing any more."""
    async with run_tenant(tmp_path, actions={"way": REDIRECTING}) as tenant:
        path, _ = await _waiting_page(tenant)
        await tenant.control("POST", "/clock", {"advance": 3601})
        page = await tenant.send("GET", path)
    assert "too old" in page.text
    assert "Answer by hand" not in page.text


async def test_callback_of_the_desk(tmp_path: Path) -> None:
    """A login of an application whose callback is the desk ends there with its tokens, once."""
    client = {"client_id": "t" * 32, "client_secret": None, "name": "Try out", "callbacks": [TRY_OUT]}
    async with run_tenant(tmp_path, clients=[*document()["clients"], client]) as tenant:
        uri = f"{tenant.base}{TRY_OUT}"
        index = await tenant.send("GET", "/__control/")
        back = await tenant.log_in(client_id="t" * 32, redirect_uri=uri)
        first = await tenant.send("GET", str(back.location))
        again = await tenant.send("GET", str(back.location))
    assert "Begin a login of Try out" in index.text
    assert "The application has its tokens" in first.text
    assert "This code is used or too old" in again.text


@pytest.mark.parametrize("token", ["a.b.c", "e30.e30.x", "eyJhbGciOiJIUzI1NiJ9.W10.x", "." * 4])
async def test_tokens_that_are_none(tmp_path: Path, token: str) -> None:
    """Whatever comes back at /continue can be shown."""
    async with run_tenant(tmp_path, actions={"way": REDIRECTING}) as tenant:
        path, page = await _waiting_page(tenant)
        state = json.loads(_fields(page, "form.card")["claims"])["state"]
        await tenant.continue_(state, token)
        over = await tenant.send("GET", path)
    assert over.status == 200
    assert "validateToken refused" in over.text


async def test_encrypted_and_foreign_algorithms(tmp_path: Path) -> None:
    """A JWE and an RS256 token are shown for what they are, as not checked."""
    code = """
exports.onExecutePostLogin = async (event, api) => {
  const part = (value) => Buffer.from(JSON.stringify(value)).toString('base64url');
  const query = {
    jwe: `${part({ alg: 'dir', enc: 'A256GCM' })}..a.b.c`,
    rsa: `${part({ alg: 'RS256' })}.${part({ a: 1 })}.x`,
  };
  api.redirect.sendUserTo('http://127.0.0.3:9/', { query });
};"""
    async with run_tenant(tmp_path, actions={"way": code}) as tenant:
        _, page = await _waiting_page(tenant)
    assert "encrypted: nobody but its receiver can read it" in page.text
    assert "algorithm RS256: not checked here" in page.text


async def test_headers(tmp_path: Path) -> None:
    """Nothing from elsewhere runs on the page, and no frame can hold it."""
    async with run_tenant(tmp_path) as tenant:
        page = await tenant.send("GET", "/__control/")
    policy = page.headers["Content-Security-Policy"]
    assert policy.startswith("default-src 'none'; ")
    assert policy.endswith("; frame-ancestors 'none'")
    assert page.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 200),
        ({"Origin": "http://evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Sec-Fetch-Site": "same-site"}, 403),
        ({"Sec-Fetch-Site": "same-origin"}, 200),
        ({"Host": "evil.example:80", "Origin": "http://evil.example:80"}, 403),
        ({"Host": "localhost:80"}, 200),
        ({"Host": "login.example.org"}, 200),
        ({"Host": "acme.eu.auth0.com"}, 200),
        ({"Host": "[x"}, 403),
    ],
)
async def test_fence(tmp_path: Path, headers: dict[str, str], status: int) -> None:
    """Pages of other origins, and other people's names that lead here, do not steer the tenant."""
    changes: dict[str, Any] = {
        "custom_domains": ["login.example.org"],
        "tenant": {"id": "acme", "issuer": "https://acme.eu.auth0.com/"},
    }
    async with run_tenant(tmp_path, **changes) as tenant:
        answer = await tenant.send("POST", "/__control/clock", json={"advance": 0}, headers=headers)
    assert answer.status == status


def test_signature_of_somebody_else() -> None:
    """A token that the wrong secret signed is not called signed."""
    token = answer_token("s")
    shown = view(token, {"OTHER": "x" * 32})
    assert shown is not None
    assert (shown.verified, shown.claims) == (False, claims_of(token))
