"""Faults that the control plane plants: each kind, and whom it meets."""

import asyncio
import contextlib
import json
import time
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.tenant.errors import ControlError
from tests.tenant.faults import Faults
from tests.tenant.keys import Keys
from tests.tenant.tests.support import CLIENT, EMAIL, PUBLIC, USER, Tenant, run_tenant

_PATH = "/users/auth0%7Cann"
_PATCH = r"PATCH /api/v2/users/"


async def _entries(tenant: Tenant, query: str = "") -> list[dict[str, Any]]:
    entries: list[dict[str, Any]] = (await tenant.control("GET", f"/log?{query}")).json["entries"]
    return entries


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
        left = (await tenant.control("GET", "/faults")).json
    assert [answer.status for answer in answers] == [429, 429, 200]
    assert (answers[0].json, answers[0].headers["Retry-After"]) == ({"statusCode": 429}, "7")
    assert [entry["fault"] for entry in entries] == [1, 1, None]
    assert left == {"faults": [{"id": 1, "match": _PATCH, "left": 0}]}


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


async def test_slow_answer(tmp_path: Path) -> None:
    """An answer that takes 30 seconds leaves its caller waiting, and others are served meanwhile."""
    async with run_tenant(tmp_path) as tenant:
        token = await tenant.machine_token()
        await tenant.control("POST", "/faults", {"match": _PATCH, "times": 1, "delay": 30})
        patience = aiohttp.ClientTimeout(total=0.3)
        with pytest.raises(asyncio.TimeoutError):
            await tenant.manage("PATCH", _PATH, token, json={"app_metadata": {"n": 1}}, timeout=patience)
        second = await tenant.manage("PATCH", _PATH, token, json={"app_metadata": {"n": 2}})
    assert second.json["app_metadata"]["n"] == 2


async def test_truncated_json_after_a_write(tmp_path: Path) -> None:
    """A PATCH can take effect and answer with half of its JSON."""
    async with run_tenant(tmp_path) as tenant:
        await tenant.control("POST", "/faults", {"match": _PATCH, "times": 1, "truncate": 40})
        answer = await tenant.patch_user({"app_metadata": {"n": 1}})
        user = await tenant.user()
    assert (answer.status, len(answer.text)) == (200, 40)
    with pytest.raises(json.JSONDecodeError):
        json.loads(answer.text)
    assert user["app_metadata"]["n"] == 1


async def test_headers_on_a_real_answer(tmp_path: Path) -> None:
    """Headers alone change what the answer says about itself, and it stays the answer."""
    headers = {"x-ratelimit-remaining": "0", "Retry-After": "3"}
    async with run_tenant(tmp_path) as tenant:
        await tenant.control("POST", "/faults", {"match": _PATCH, "headers": headers})
        answer = await tenant.patch_user({"app_metadata": {"n": 1}})
    assert (answer.status, answer.headers["Retry-After"]) == (200, "3")
    assert answer.headers.getall("x-ratelimit-remaining") == ["0"]


@pytest.mark.parametrize(
    ("match", "met"),
    [
        ({"path": "^/oauth/token$"}, [True, True, True]),
        ({"method": "GET"}, [False, False, False]),
        ({"client_id": "machine"}, [True, False, False]),
        ({"client_id": CLIENT, "path": "token"}, [False, True, False]),
        ({"client_id": PUBLIC}, [False, False, True]),
    ],
)
async def test_whom_it_meets(tmp_path: Path, match: dict[str, str], met: list[bool]) -> None:
    """A fault meets one path, method or client, however the client authenticates, and nobody else."""
    machine = aiohttp.encode_basic_auth("machine", "machine-secret")
    async with run_tenant(tmp_path) as tenant:
        await tenant.control("POST", "/faults", {"match": match, "status": 503})
        answers = [
            await tenant.send("POST", "/oauth/token", headers={"Authorization": machine}),
            await tenant.token(client_id=CLIENT),
            await tenant.send("POST", "/oauth/token", json={"client_id": PUBLIC}),
        ]
    assert [answer.status == 503 for answer in answers] == met


async def test_one_user(tmp_path: Path) -> None:
    """A fault about one user lets the writes of others pass."""
    async with run_tenant(tmp_path) as tenant:
        token = await tenant.machine_token()
        await tenant.control("PUT", "/users/auth0%7Cbob", {"email": "bob@example.org"})
        await tenant.control("POST", "/faults", {"match": {"user_id": USER}, "status": 500})
        body = {"app_metadata": {"n": 1}}
        ann = await tenant.manage("PATCH", _PATH, token, json=body)
        bob = await tenant.manage("PATCH", "/users/auth0%7Cbob", token, json=body)
    assert (ann.status, bob.status) == (500, 200)


async def test_first_fault_that_fires(tmp_path: Path) -> None:
    """Faults are asked in the order of their planting; one that is used up makes room for the next."""
    async with run_tenant(tmp_path) as tenant:
        for status in (500, 502):
            await tenant.control("POST", "/faults", {"match": "jwks", "times": 1, "status": status})
        statuses = [(await tenant.send("GET", "/.well-known/jwks.json")).status for _ in range(3)]
    assert statuses == [500, 502, 200]


_KEYS = ("match", "times", "probability", "seed", "status", "delay", "headers", "body", "truncate", "reset")
_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


@given(body=_JSON | st.dictionaries(st.sampled_from(_KEYS), _JSON, max_size=4))
def test_any_body(body: Any) -> None:
    """Whatever is sent as a fault is planted or refused with words."""
    with contextlib.suppress(ControlError):
        Faults().add(body)
