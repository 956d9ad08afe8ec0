"""The control plane: what tests see and what they can plant."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from tests.tenant.tests.support import REDIRECTING, USER, Tenant, run_tenant

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
        ("POST", "/faults", {"match": "x", "status": 99}, "status must be a number from 200 to 599"),
        ("POST", "/faults", {"match": "x", "status": 500, "times": True}, "times must be a positive number"),
        ("POST", "/faults", {"match": "x", "status": 500, "seed": []}, "seed must be a number or a text"),
        ("POST", "/faults", {"match": "x", "delay": -1}, "delay must be from 0 to 86400"),
        ("POST", "/faults", {"match": "x", "headers": {"X": 1}}, "headers.X must be text of one line"),
        ("POST", "/faults", {"match": "x", "headers": {"X": "a\r\nY: b"}}, "headers.X must be text"),
        ("POST", "/faults", {"match": "x", "headers": {"X y": "a"}}, "headers: 'X y' is not the name"),
        ("POST", "/faults", {"match": {"colour": "red"}}, "match must be a regular expression or an object"),
        ("POST", "/faults", {"match": {"path": 1}}, "every value of match must be text"),
        ("POST", "/faults", [], "a fault is an object"),
        ("POST", "/clock", {"advance": -1}, 'the body is {"advance": seconds}'),
        ("POST", "/clock", {"advance": 1e300}, 'the body is {"advance": seconds}'),
        ("POST", "/clock", {"advance": 1, "to": 2}, 'the body is {"advance": seconds}'),
        ("POST", "/rate", [], "the body is an object, or the name of a profile"),
        ("POST", "/rate", {"profile": "free", "refill": []}, "refill is window or continuous"),
        ("POST", "/rate", {"per_second": 1, "per_minute": 1}, 'the body is {"per_second": n}'),
        ("POST", "/rate", {"per_second": 1e300}, 'the body is {"per_second": n}'),
        ("POST", "/rate", {"per_second": True}, 'the body is {"per_second": n}'),
        ("POST", "/rate", {"profile": "fast"}, "profile is one of off, free"),
        ("POST", "/rate", {"per_second": -1}, 'the body is {"per_second": n}'),
        ("PUT", "/actions", {}, "the body is a list of {name, code, secrets}"),
        ("PUT", "/actions", [{"name": 1}], "an Action is {name, code, secrets}"),
        ("PUT", _PATH, {"name": "x"}, "the body is a user with an email"),
        ("PUT", _PATH, {"email": "x", "colour": 1}, "unknown key colour"),
        ("PUT", _PATH, {"email": "x", "app_metadata": 1}, "app_metadata must be an object"),
        ("PUT", _PATH, {"email": "x", "logins_count": True}, "logins_count must be a number"),
        ("PUT", _PATH, {"email": "x", "identities": []}, "identities must be a list of"),
        ("PUT", _PATH, {"email": "x", "identities": [1]}, "identities must be a list of"),
        ("PUT", _PATH, {"email": "x", "identities": [{}]}, "identities must be a list of"),
        ("PUT", _PATH, [], "the body is a user with an email"),
        ("PUT", "/actions", [{"name": "a", "code": "", "secrets": {"A": 1}}], "an Action is"),
        ("PUT", "/actions", [{"name": "a", "code": "", "colour": 1}], "an Action is"),
        ("GET", "/log?since=x", None, "since must be a number"),
        ("GET", "/log?since=nan", None, "since must be a number"),
        ("GET", "/log?wait=-1", None, "wait must be a number, and not a negative one"),
        ("GET", "/log?wait=inf", None, "wait must be a number, and not a negative one"),
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
        for body in ("advance=1", '{"advance": NaN}', "[" * 100_000, b"\xff", ""):
            answer = await tenant.send("POST", "/__control/clock", data=body)
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
    async with run_tenant(tmp_path, settings={"write_users_row": "on"}) as tenant:
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


async def test_half_a_character(tmp_path: Path) -> None:
    """Half a surrogate pair, which JavaScript has no qualms about, ends in an answer everywhere."""
    code = """
exports.onExecutePostLogin = async (event, api) => {
  console.log('\\ud800'); api.user.setAppMetadata('a', '\\ud800'); api.access.deny('\\ud800');
};"""
    async with run_tenant(tmp_path, actions={"odd": code}) as tenant:
        answer = await tenant.log_in()
        login = (await tenant.control("GET", "/transactions")).json[0]
        page = await tenant.send("GET", f"/__control/logins/{login['transaction_id']}")
        read = await tenant.user()
    assert answer.query["error"] == "access_denied"
    assert page.status == 200
    assert read["app_metadata"]["a"] == "\ud800"
