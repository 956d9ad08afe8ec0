"""What validateToken says about each kind of wrong answer."""

import time
from pathlib import Path

import jwt
import pytest

from tests.tenant.tests.support import REDIRECTING, SECRET, USER, answer_token, run_tenant

_INVALID = "The session token is invalid: "


def _unsigned(state: str) -> str:
    claims = {"iss": "x", "sub": USER, "iat": 1, "exp": int(time.time()) + 60, "state": state}
    return jwt.encode(claims, "", algorithm="none")


def _typed(state: str) -> str:
    claims = {"iss": "x", "sub": USER, "iat": 1, "exp": int(time.time()) + 60, "state": state}
    return jwt.encode(claims, SECRET, algorithm="HS256", headers={"typ": "at+jwt"})


def _hs512(state: str) -> str:
    claims = {"iss": "x", "sub": USER, "iat": 1, "exp": int(time.time()) + 60, "state": state}
    return jwt.encode(claims, SECRET * 2, algorithm="HS512")


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda state: answer_token(state, secret="x" * 32), "Failed signature validation"),
        (_unsigned, "Failed signature validation"),
        (_hs512, "Failed signature validation"),
        (lambda _: "garbage", "Failed signature validation"),
        (lambda state: f"{answer_token(state)}.x", "Failed signature validation"),
        (_typed, "Unexpected token payload type"),
        (lambda state: answer_token(state, sub=None), "Missing or invalid standard claims"),
        (lambda state: answer_token(state, iss=None), "Missing or invalid standard claims"),
        (lambda state: answer_token(state, exp=None), "Missing or invalid standard claims"),
        (lambda state: answer_token(state, iat=None), "Missing or invalid standard claims"),
        (lambda state: answer_token(state, exp=1), "Token has expired."),
        (lambda state: answer_token(state, sub="auth0|bob"), "The sub claim does not match the user_id."),
        (lambda state: answer_token(f"{state}x"), "State in the token does not match the /continue state."),
        (
            lambda state: answer_token(state, state=None),
            "State in the token does not match the /continue state.",
        ),
    ],
)
async def test_each_refusal(tmp_path: Path, make: object, message: str) -> None:
    """Every wrong token is refused with the text of the real one, which the application gets to read."""
    assert callable(make)
    async with run_tenant(
        tmp_path, actions={"way": REDIRECTING}, settings={"validate_order": "signature"}
    ) as tenant:
        state = (await tenant.log_in()).query["state"]
        back = await tenant.continue_(state, make(state))
    assert back.query == {
        "error": "access_denied",
        "error_description": f"{_INVALID}{message}",
        "state": "app-state",
    }


async def test_no_token(tmp_path: Path) -> None:
    """Without the parameter the text names it."""
    async with run_tenant(tmp_path, actions={"way": REDIRECTING}) as tenant:
        state = (await tenant.log_in()).query["state"]
        back = await tenant.send("POST", "/continue", data={"state": state})
    assert back.query["error_description"] == (
        "There is no parameter called 'session_token' available in either the POST body or query string."
    )


async def test_body_wins(tmp_path: Path) -> None:
    """With a token in both places the one in the body counts."""
    async with run_tenant(
        tmp_path, actions={"way": REDIRECTING}, settings={"continue_state_source": "any"}
    ) as tenant:
        state = (await tenant.log_in()).query["state"]
        path = f"/continue?state={state}&session_token=garbage"
        back = await tenant.send("POST", path, data={"session_token": answer_token(state)})
    assert "code" in back.query


@pytest.mark.parametrize(
    ("source", "method", "accepted"),
    [
        ("any", "POST", True),
        ("any", "GET", True),
        ("body", "POST", True),
        ("body", "GET", False),
        ("query", "GET", True),
    ],
)
async def test_state_source(tmp_path: Path, source: str, method: str, *, accepted: bool) -> None:
    """Where the expected state comes from is a setting; a GET under `body` ends in the state's own text."""
    settings = {"continue_state_source": source}
    async with run_tenant(tmp_path, actions={"way": REDIRECTING}, settings=settings) as tenant:
        state = (await tenant.log_in()).query["state"]
        back = await tenant.continue_(state, answer_token(state), method=method)
    assert ("code" in back.query) is accepted
    if not accepted:
        text = f"{_INVALID}State in the token does not match the /continue state."
        assert back.query["error_description"] == text


@pytest.mark.parametrize(("own", "accepted"), [(False, False), (True, True)])
async def test_issuer_check(tmp_path: Path, *, own: bool, accepted: bool) -> None:
    """In the strict variant the issuer must be the tenant's own hostname."""
    settings = {"validate_issuer": "hostname"}
    async with run_tenant(tmp_path, actions={"way": REDIRECTING}, settings=settings) as tenant:
        state = (await tenant.log_in()).query["state"]
        issuer = tenant.base.removeprefix("http://") if own else "waystation"
        back = await tenant.continue_(state, answer_token(state, iss=issuer))
    assert ("code" in back.query) is accepted


async def test_leeway(tmp_path: Path) -> None:
    """A tolerance after exp is a setting."""
    async with run_tenant(tmp_path, actions={"way": REDIRECTING}, settings={"validate_leeway": 60}) as tenant:
        state = (await tenant.log_in()).query["state"]
        back = await tenant.continue_(state, answer_token(state, exp=int(time.time()) - 30))
    assert "code" in back.query


async def test_clock_of_the_tenant(tmp_path: Path) -> None:
    """Expiry is judged by the tenant's clock, which tests move; Date in an Action shows the same."""
    async with run_tenant(tmp_path, actions={"way": REDIRECTING}) as tenant:
        state = (await tenant.log_in()).query["state"]
        token = answer_token(state)
        await tenant.control("POST", "/clock", {"advance": 600})
        back = await tenant.continue_(state, token)
    assert back.query["error_description"] == f"{_INVALID}Token has expired."
