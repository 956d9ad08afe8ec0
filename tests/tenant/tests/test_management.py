"""The Management API, as its real clients use it."""

import base64
import json
from pathlib import Path
from typing import Any

import jwt
import pytest

from tests.tenant.tests.support import EMAIL, REDIRECTING, USER, answer_token, run_tenant

_PATH = "/users/auth0%7Cann"


async def test_patch_merges_the_first_level(tmp_path: Path) -> None:
    """PATCH answers the whole user: nested objects replaced, null removed, neighbours kept."""
    async with run_tenant(tmp_path) as tenant:
        answer = await tenant.patch_user({"app_metadata": {"nested": {"c": 3}, "plan": None, "new": 1}})
    user = answer.json
    assert (answer.status, user["user_id"], user["email"]) == (200, USER, EMAIL)
    assert user["app_metadata"] == {"nested": {"c": 3}, "new": 1}
    assert user["identities"] == [
        {
            "connection": "Username-Password-Authentication",
            "user_id": "ann",
            "provider": "auth0",
            "isSocial": False,
        }
    ]


async def test_empty_metadata_wipes(tmp_path: Path) -> None:
    """`{"app_metadata": {}}` removes everything; a body of `{}` is refused."""
    async with run_tenant(tmp_path) as tenant:
        wiped = await tenant.patch_user({"app_metadata": {}})
        empty = await tenant.patch_user({})
    assert "app_metadata" not in wiped.json
    assert (empty.status, empty.json["errorCode"]) == (400, "invalid_body")


async def test_whole_life(tmp_path: Path) -> None:
    """A user is created, found by address, listed, and deleted twice without complaint."""
    async with run_tenant(tmp_path) as tenant:
        token = await tenant.machine_token()
        new = {
            "email": "bob@example.org",
            "connection": "Username-Password-Authentication",
            "password": "bobs-own-Password",
            "app_metadata": {"a": 1},
        }
        created = await tenant.manage("POST", "/users", token, json=new)
        again = await tenant.manage("POST", "/users", token, json=new)
        found = await tenant.manage("GET", "/users-by-email?email=BOB@example.org", token)
        listed = await tenant.manage("GET", "/users?include_totals=true&per_page=1&page=1", token)
        path = f"/users/{created.json['user_id'].replace('|', '%7C')}"
        gone = [await tenant.manage("DELETE", path, token) for _ in range(2)]
        after = await tenant.manage("GET", path, token)
    assert created.status == 201
    assert "password" not in created.json
    assert (again.status, again.json["message"]) == (409, "The user already exists.")
    assert found.json == [created.json]
    assert {**listed.json, "users": None} == {"start": 1, "limit": 1, "length": 1, "users": None, "total": 2}
    assert [answer.status for answer in gone] == [204, 204]
    assert after.json == {
        "statusCode": 404,
        "error": "Not Found",
        "message": "The user does not exist.",
        "errorCode": "inexistent_user",
    }


async def test_fields(tmp_path: Path) -> None:
    """`fields` picks, and with include_fields=false leaves out."""
    async with run_tenant(tmp_path) as tenant:
        token = await tenant.machine_token()
        picked = await tenant.manage("GET", f"{_PATH}?fields=user_id%2Cemail&include_fields=true", token)
        others = await tenant.manage("GET", f"{_PATH}?fields=app_metadata&include_fields=false", token)
    assert picked.json == {"email": EMAIL, "user_id": USER}
    assert "app_metadata" not in others.json
    assert others.json["email"] == EMAIL


@pytest.mark.parametrize(
    ("header", "status", "message", "code"),
    [
        (None, 401, "Missing authentication", None),
        ("Bearer opaque", 400, "Bad HTTP authentication header format", "Bearer"),
        ("Bearer a.b.c", 401, "Invalid token", None),
        ("Bearer eyJhbGciOiJub25lIn0.eyJzdWIiOiJ4In0.", 401, "Invalid token", None),
    ],
)
async def test_bad_tokens(
    tmp_path: Path, header: str | None, status: int, message: str, code: str | None
) -> None:
    """Each wrong bearer has its own status and text; alg none is none."""
    async with run_tenant(tmp_path) as tenant:
        headers = {"Authorization": header} if header else {}
        answer = await tenant.send("GET", f"/api/v2{_PATH}", headers=headers)
    assert (answer.status, answer.json["message"], answer.json.get("errorCode")) == (status, message, code)


@pytest.mark.parametrize("header", [{"alg": "none"}, {"alg": "HS256"}, {"kid": "another"}])
async def test_forged_tokens(tmp_path: Path, header: dict[str, str]) -> None:
    """Claims of a real token under another header are no token."""
    async with run_tenant(tmp_path) as tenant:
        token = await tenant.machine_token()
        forged = {**jwt.get_unverified_header(token), **header}
        first = base64.urlsafe_b64encode(json.dumps(forged).encode()).decode().rstrip("=")
        answer = await tenant.manage("GET", _PATH, f"{first}.{token.partition('.')[2]}")
    assert (answer.status, answer.json["message"]) == (401, "Invalid token")


async def test_token_of_a_person(tmp_path: Path) -> None:
    """An access token for /userinfo does not open the Management API."""
    async with run_tenant(tmp_path) as tenant:
        tokens = (await tenant.exchange((await tenant.log_in()).query["code"])).json
        answer = await tenant.manage("GET", _PATH, tokens["access_token"])
    assert (answer.status, answer.json["message"]) == (401, f"Bad audience: {tenant.base}/userinfo")


async def test_token_gets_old(tmp_path: Path) -> None:
    """A token lives a day."""
    async with run_tenant(tmp_path) as tenant:
        token = await tenant.machine_token()
        await tenant.control("POST", "/clock", {"advance": 86401})
        answer = await tenant.manage("GET", _PATH, token)
    assert answer.json == {
        "statusCode": 401,
        "error": "Unauthorized",
        "message": "Expired token received for JSON Web Token validation",
        "attributes": {"error": "Expired token received for JSON Web Token validation"},
    }


async def test_scopes(tmp_path: Path) -> None:
    """A token without any of an endpoint's scopes is refused with their list."""
    reader = {
        "client_id": "machine",
        "client_secret": "machine-secret",
        "grant_types": ["client_credentials"],
        "scope": "read:users",
    }
    async with run_tenant(tmp_path, clients=[reader]) as tenant:
        token = await tenant.machine_token()
        read = await tenant.manage("GET", _PATH, token)
        write = await tenant.manage("PATCH", _PATH, token, json={"app_metadata": {"a": 1}})
    scopes = "update:users,update:users_app_metadata,update:current_user_metadata"
    assert read.status == 200
    assert write.json == {
        "statusCode": 403,
        "error": "Forbidden",
        "message": f"Insufficient scope, expected any of: {scopes}",
        "errorCode": "insufficient_scope",
    }


@pytest.mark.parametrize("body", [b"{", b"[1]", b'"x"'])
async def test_bodies_that_are_no_object(tmp_path: Path, body: bytes) -> None:
    """What is not a JSON object is a 400 and changes nothing."""
    async with run_tenant(tmp_path) as tenant:
        before = await tenant.user()
        answer = await tenant.manage("PATCH", _PATH, await tenant.machine_token(), data=body)
        assert await tenant.user() == before
    assert (answer.status, answer.json["errorCode"]) == (400, "invalid_body")


async def test_unknown_endpoint(tmp_path: Path) -> None:
    """A path that the API does not have is its 404, with rate-limit headers as on every answer."""
    async with run_tenant(tmp_path) as tenant:
        answer = await tenant.manage("GET", "/nothing", await tenant.machine_token())
    assert (answer.status, answer.json["error"]) == (404, "Not Found")
    assert answer.headers["x-ratelimit-limit"] == "1000000"


async def test_password_ends_sessions(tmp_path: Path) -> None:
    """A new password ends the sessions; a login that waits at a redirect goes on."""
    async with run_tenant(
        tmp_path, actions={"way": REDIRECTING}, settings={"password_change_kills_logins": "off"}
    ) as tenant:
        state = (await tenant.log_in()).query["state"]
        answer = await tenant.patch_user({"password": "a-new-Password"})
        silent = await tenant.authorize(prompt="none")
        back = await tenant.continue_(state, answer_token(state))
    assert "last_password_reset" in answer.json
    assert silent.query["error"] == "login_required"
    assert "code" in back.query


async def test_password_ends_waiting_logins_variant(tmp_path: Path) -> None:
    """The other variant: it ends the login at the redirect too."""
    settings = {"password_change_kills_logins": "on"}
    async with run_tenant(tmp_path, actions={"way": REDIRECTING}, settings=settings) as tenant:
        state = (await tenant.log_in()).query["state"]
        await tenant.patch_user({"password": "a-new-Password"})
        back = await tenant.continue_(state, answer_token(state))
    assert back.status == 400


async def test_too_many(tmp_path: Path) -> None:
    """The third call at once to a free tenant is a 429 with its body and headers, and nothing is written."""
    async with run_tenant(
        tmp_path, rate_limit={"profile": "free"}, settings={"limit_body": "full", "retry_after": "off"}
    ) as tenant:
        token = await tenant.machine_token()
        await tenant.control("POST", "/rate", {"burst": 2, "per_minute": 0.001})
        bodies: list[Any] = [{"app_metadata": {"n": number}} for number in range(3)]
        answers = [await tenant.manage("PATCH", _PATH, token, json=body) for body in bodies]
        user = await tenant.user()
    assert [answer.status for answer in answers] == [200, 200, 429]
    assert [answer.headers["x-ratelimit-remaining"] for answer in answers] == ["1", "0", "0"]
    assert answers[2].json == {
        "statusCode": 429,
        "error": "Too Many Requests",
        "message": "Global limit has been reached",
        "errorCode": "too_many_requests",
    }
    assert "Retry-After" not in answers[2].headers
    assert user["app_metadata"]["n"] == 1


async def test_too_many_variants(tmp_path: Path) -> None:
    """The other variants: a short body, and a Retry-After."""
    settings = {"limit_body": "short", "retry_after": "on", "refill": "window"}
    async with run_tenant(tmp_path, settings=settings) as tenant:
        token = await tenant.machine_token()
        await tenant.control("POST", "/rate", {"burst": 1, "per_second": 0.001})
        answer = [await tenant.manage("GET", _PATH, token) for _ in range(2)][1]
    assert answer.json == {"statusCode": 429, "error": "Too Many Requests"}
    assert answer.headers["Retry-After"] == "1"


async def test_search_lags(tmp_path: Path) -> None:
    """A search answers what was true a while ago, a read by id what is true now."""
    async with run_tenant(tmp_path, settings={"search_lag": 5}) as tenant:
        await tenant.control("POST", "/clock", {"advance": 60})
        await tenant.patch_user({"name": "Anna"})
        token = await tenant.machine_token()
        searched = await tenant.manage("GET", "/users?q=email:ann@example.org", token)
        read = await tenant.manage("GET", _PATH, token)
    assert searched.json[0]["name"] == EMAIL
    assert read.json["name"] == "Anna"
