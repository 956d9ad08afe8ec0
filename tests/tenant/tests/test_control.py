"""The control plane: what tests see and what they can plant."""

import asyncio
import time
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tests.tenant.keys import Keys
from tests.tenant.tests.support import EMAIL, REDIRECTING, USER, Tenant, run_tenant

_PATH = "/users/auth0%7Cann"
_PATCH = r"PATCH /api/v2/users/"


async def _entries(tenant: Tenant, query: str = "") -> list[dict[str, Any]]:
    entries: list[dict[str, Any]] = (await tenant.control("GET", f"/log?{query}")).json["entries"]
    return entries


async def test_log(tmp_path: Path) -> None:
    """An entry has the raw path, the body, the status, the limits and the login it belongs to."""
    async with run_tenant(tmp_path, actions={"way": REDIRECTING}) as tenant:
        await tenant.log_in()
        await tenant.patch_user({"app_metadata": {"a": 1}})
        login = (await tenant.control("GET", "/transactions")).json[0]
        entries = await _entries(tenant)
    assert [entry["method"] for entry in entries] == ["GET", "POST", "GET", "POST", "PATCH"]
    assert [entry["seq"] for entry in entries] == [1, 2, 3, 4, 5]
    assert {entry["transaction_id"] for entry in entries[:3]} == {login["transaction_id"]}
    patch = entries[4]
    assert (patch["raw_path"], patch["body"]) == ("/api/v2/users/auth0%7Cann", '{"app_metadata": {"a": 1}}')
    assert (patch["status"], patch["rate_limit"]["limit"]) == (200, 1_000_000)
    assert len(patch["headers"]["Authorization"]) == 64
    assert (login["status"], login["action"], login["user_id"]) == ("suspended", "way", USER)


async def test_log_waits(tmp_path: Path) -> None:
    """A reader may wait for the next entry that fits, and is told the number to go on from."""
    async with run_tenant(tmp_path) as tenant:
        waiting = asyncio.create_task(tenant.control("GET", "/log?since=0&wait=10&match=PATCH"))
        await tenant.patch_user({"app_metadata": {"a": 1}})
        answer = (await waiting).json
        empty = await tenant.control("GET", f"/log?since={answer['next']}&wait=0.01")
        await tenant.control("DELETE", "/log")
        cleared = await _entries(tenant)
    assert [entry["method"] for entry in answer["entries"]] == ["PATCH"]
    assert empty.json == {"entries": [], "next": answer["next"]}
    assert cleared == []


async def test_fault_instead_of_an_effect(tmp_path: Path) -> None:
    """A planted status answers in the tenant's place, as often as asked, with its body and headers."""
    fault = {
        "match": _PATCH,
        "times": 2,
        "status": 429,
        "headers": {"Retry-After": "7"},
        "body": {"statusCode": 429},
    }
    async with run_tenant(tmp_path) as tenant:
        await tenant.control("POST", "/faults", fault)
        answers = [await tenant.patch_user({"app_metadata": {"n": number}}) for number in range(3)]
        entries = await _entries(tenant, "match=PATCH")
    assert [answer.status for answer in answers] == [429, 429, 200]
    assert (answers[0].json, answers[0].headers["Retry-After"]) == ({"statusCode": 429}, "7")
    assert [entry["fault"] for entry in entries] == [1, 1, None]


@pytest.mark.parametrize(
    ("change", "written"),
    [
        ({"reset": "before"}, False),
        ({"reset": "after-commit"}, True),
        ({"status": 500, "commit": True}, True),
    ],
)
async def test_commit_and_its_answer(tmp_path: Path, change: dict[str, Any], *, written: bool) -> None:
    """An answer can be lost before or after the write, or be an error although it was written."""
    async with run_tenant(tmp_path) as tenant:
        token = await tenant.machine_token()
        await tenant.control("POST", "/faults", {"match": _PATCH, "times": 1, **change})
        body = {"app_metadata": {"n": 1}}
        try:
            answer = await tenant.manage("PATCH", _PATH, token, json=body)
            assert answer.status == 500
        except aiohttp.ClientError:
            assert "reset" in change
        user = await tenant.user()
        status = (await _entries(tenant, "match=PATCH"))[0]["status"]
    assert ("n" in user["app_metadata"]) is written
    assert status == change.get("status")


async def test_truncated_body(tmp_path: Path) -> None:
    """A body can be cut: as a whole answer, or as a connection that breaks in its middle."""
    async with run_tenant(tmp_path) as tenant:
        await tenant.control("POST", "/faults", {"match": "jwks", "times": 1, "truncate": 10})
        await tenant.control("POST", "/faults", {"match": "jwks", "truncate": 10, "reset": "after-commit"})
        cut = await tenant.send("GET", "/.well-known/jwks.json")
        with pytest.raises(aiohttp.ClientError):
            await tenant.send("GET", "/.well-known/jwks.json")
    assert cut.text == '{"keys": ['


async def test_delay(tmp_path: Path) -> None:
    """An answer can be held back."""
    async with run_tenant(tmp_path) as tenant:
        await tenant.control("POST", "/faults", {"match": {"path": "^/authorize$"}, "delay": 0.2})
        started = time.monotonic()
        await tenant.authorize()
    assert time.monotonic() - started >= 0.2


async def test_stale_read(tmp_path: Path) -> None:
    """A read can answer what was true some seconds ago."""
    async with run_tenant(tmp_path) as tenant:
        await tenant.control("POST", "/clock", {"advance": 60})
        await tenant.patch_user({"name": "Anna"})
        token = await tenant.machine_token()
        fault = {"match": {"method": "GET", "user_id": USER}, "times": 1, "stale_read": 30}
        await tenant.control("POST", "/faults", fault)
        names = [(await tenant.manage("GET", _PATH, token)).json["name"] for _ in range(2)]
    assert names == [EMAIL, "Anna"]


async def test_expired_token(tmp_path: Path) -> None:
    """A Management token can end before its time; a new one works."""
    async with run_tenant(tmp_path) as tenant:
        token = await tenant.machine_token()
        fault = {"match": {"client_id": "machine", "path": "/api/v2"}, "times": 1, "expire_token": True}
        await tenant.control("POST", "/faults", fault)
        statuses = [(await tenant.manage("GET", _PATH, token)).status for _ in range(2)]
        fresh = await tenant.manage("GET", _PATH, await tenant.machine_token())
    assert (statuses, fresh.status) == ([401, 401], 200)


async def test_token_that_comes_expired(tmp_path: Path) -> None:
    """The token endpoint can hand out a Management token whose time is over."""
    async with run_tenant(tmp_path) as tenant:
        await tenant.control("POST", "/faults", {"match": "/oauth/token", "times": 1, "expire_token": True})
        answer = await tenant.manage("GET", _PATH, await tenant.machine_token())
    assert answer.json["message"] == "Expired token received for JSON Web Token validation"


async def test_replaced_action_keeps_its_packages(tmp_path: Path) -> None:
    """An Action that replaces one of the same name finds packages where the old one did."""
    package = tmp_path / "node_modules" / "answer"
    package.mkdir(parents=True)
    (package / "index.js").write_text("module.exports = 42;", encoding="utf-8")
    code = "exports.onExecutePostLogin = async (event, api) => api.access.deny(String(require('answer')));"
    async with run_tenant(tmp_path, actions={"way": REDIRECTING}) as tenant:
        await tenant.control("PUT", "/actions", [{"name": "way", "code": code}])
        answer = await tenant.log_in()
    assert answer.query["error_description"] == "42"


async def test_rotated_keys(tmp_path: Path) -> None:
    """After a rotation the next key signs, and is the first of the set."""
    async with run_tenant(tmp_path, keys=Keys()) as tenant:
        before = (await tenant.send("GET", "/.well-known/jwks.json")).json["keys"]
        token = await tenant.machine_token()
        await tenant.control("POST", "/faults", {"match": "jwks", "times": 1, "rotate_jwks": True})
        after = (await tenant.send("GET", "/.well-known/jwks.json")).json["keys"]
        still = await tenant.manage("GET", _PATH, token)
    assert after[0] == before[1]
    assert still.status == 200


async def test_probability_is_seeded(tmp_path: Path) -> None:
    """The same seed gives the same faults."""
    runs = []
    async with run_tenant(tmp_path) as tenant:
        for _ in range(2):
            await tenant.control("DELETE", "/faults")
            fault = {"match": "jwks", "probability": 0.5, "seed": 7, "status": 503}
            await tenant.control("POST", "/faults", fault)
            runs.append([(await tenant.send("GET", "/.well-known/jwks.json")).status for _ in range(20)])
    assert runs[0] == runs[1]
    assert set(runs[0]) == {200, 503}


@pytest.mark.parametrize(
    ("method", "path", "body", "says"),
    [
        ("POST", "/faults", {"status": 500}, "match must be a regular expression or an object of"),
        ("POST", "/faults", {"match": "("}, "match is not a regular expression"),
        ("POST", "/faults", {"match": "x"}, "a fault does something"),
        ("POST", "/faults", {"match": "x", "status": "500"}, "status must be a number"),
        ("POST", "/faults", {"match": "x", "speed": 1}, "unknown key speed"),
        ("POST", "/faults", {"match": "x", "reset": "now"}, "reset must be before or after-commit"),
        ("POST", "/faults", {"match": "x", "status": 500, "times": 0}, "times must be a positive number"),
        ("POST", "/faults", {"match": "x", "status": 500, "probability": 2}, "probability must be above 0"),
        ("POST", "/clock", {"advance": -1}, 'the body is {"advance": seconds}'),
        ("POST", "/rate", {"profile": "fast"}, "profile is one of off, free"),
        ("POST", "/rate", {"per_second": -1}, 'the body is {"per_second": n}'),
        ("PUT", "/actions", {}, "the body is a list of {name, code, secrets}"),
        ("PUT", "/actions", [{"name": 1}], "an Action is {name, code, secrets}"),
        ("PUT", _PATH, {"name": "x"}, "the body is a user with an email"),
        ("PUT", _PATH, {"email": "x", "colour": 1}, "unknown key colour"),
        ("PUT", _PATH, {"email": "x", "app_metadata": 1}, "app_metadata must be an object"),
        ("GET", "/log?since=x", None, "since must be a number"),
        ("GET", "/log?match=(", None, "match is not a regular expression"),
    ],
)
async def test_wrong_calls(tmp_path: Path, method: str, path: str, body: Any, says: str) -> None:
    """A wrong call is a 400 that says what is wrong."""
    async with run_tenant(tmp_path) as tenant:
        answer = await tenant.control(method, path, body)
    assert answer.status == 400
    assert answer.json["error"].startswith(says)


async def test_not_json(tmp_path: Path) -> None:
    """A body that is not JSON is told so."""
    async with run_tenant(tmp_path) as tenant:
        answer = await tenant.send("POST", "/__control/clock", data="advance=1")
    assert answer.status == 400
    assert answer.json["error"].startswith("the body is not JSON")


async def test_pages_of_other_origins(tmp_path: Path) -> None:
    """A page of another origin in a local browser may not steer the tenant."""
    async with run_tenant(tmp_path) as tenant:
        headers = {"Origin": "http://evil.example"}
        answer = await tenant.send("POST", "/__control/clock", json={"advance": 1}, headers=headers)
    assert answer.status == 403


async def test_rate(tmp_path: Path) -> None:
    """The limits change at once, to a profile or to numbers."""
    async with run_tenant(tmp_path) as tenant:
        profile = await tenant.control("POST", "/rate", {"profile": "essentials", "refill": "continuous"})
        numbers = await tenant.control("POST", "/rate", {"per_second": 3})
        name = await tenant.control("POST", "/rate", "free")
    assert profile.json["management"]["write_users"] == {"burst": 20, "amount": 200, "period": 60}
    assert numbers.json["management"] == {"global": {"burst": 3, "amount": 3, "period": 1}}
    assert name.json["management"]["global"]["burst"] == 2


async def test_users_round_trip(tmp_path: Path) -> None:
    """What GET gives can be put back, and the password stays."""
    async with run_tenant(tmp_path) as tenant:
        user = await tenant.user()
        await tenant.control("PUT", _PATH, {**user, "app_metadata": {}})
        changed = await tenant.user()
        back = await tenant.log_in()
        nobody = await tenant.control("GET", "/users/auth0%7Cnobody")
    assert "app_metadata" not in changed
    assert "code" in back.query
    assert nobody.status == 404


async def test_actions_are_replaced(tmp_path: Path) -> None:
    """New Actions apply to logins that begin after them; what does not parse is answered with its place."""
    deny = "exports.onExecutePostLogin = async (event, api) => api.access.deny(event.secrets.WHY);"
    async with run_tenant(tmp_path) as tenant:
        new = [
            {"name": "deny", "code": deny, "secrets": {"WHY": "because"}},
            {"name": "bad", "code": "x = ;"},
        ]
        report = await tenant.control("PUT", "/actions", new)
        answer = await tenant.log_in()
    assert report.json == [
        {"name": "deny", "error": None, "where": None},
        {"name": "bad", "error": "Unexpected token ';'", "where": "bad.js:1:5"},
    ]
    assert answer.query["error_description"] == "because"
