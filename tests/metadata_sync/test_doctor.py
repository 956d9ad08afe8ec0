"""What `waystation doctor` says of a tenant's Management API: what is wrong with it, and what to do."""

import json
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from common.doctor import Finding, Patient, examine
from common.outgoing import Outgoing
from common.rate_profiles import RATE_PROFILES
from common.tenants import Tenants, load_tenants
from metadata_sync.doctor import EXAMINATION, judge_limit, needed
from tests.common.tenants_on_disk import section, write_secrets, write_tenants
from tests.metadata_sync.management_server import ManagementServer, Scripted, serve_management
from tests.support.ports import free_port

LIMIT = {"x-ratelimit-limit": "50"}


@pytest.fixture
async def server() -> AsyncIterator[ManagementServer]:
    async with serve_management() as serving:
        yield serving


def tenants(folder: Path, origin: str, **changes: Any) -> Tenants:
    write_secrets(folder)
    host = origin.removeprefix("http://")
    acme = section(host, **changes)
    return load_tenants(write_tenants(folder, {"acme": acme}), production=False)


async def examined(found: Tenants) -> dict[str, Finding]:
    patient = Patient(
        schema="metadata_sync",
        production=False,
        settings=None,
        tenants=found,
        outgoing=Outgoing(any_address=True),
        database_url="",
        amqp_url="",
    )
    return {finding.about: finding for finding in await examine(EXAMINATION.checks(patient))}


def token(scope: str) -> Scripted:
    return Scripted(body=json.dumps({"access_token": "a.b.c", "expires_in": 60, "scope": scope}).encode())


@pytest.mark.parametrize(
    ("answer", "told", "fix"),
    [
        (Scripted(status=401), ("fail", "refuses our client id or its secret"), "client_secret_file"),
        (
            Scripted(status=403),
            ("fail", "does not let our client ask for a token"),
            "update:users_app_metadata",
        ),
        (Scripted(status=429), ("warn", "asks us to wait before it gives a token"), "in a minute"),
        (Scripted(status=503), ("fail", "cannot be reached (status 503)"), "management.domain"),
        (Scripted(body=b"<html>"), ("fail", "cannot be reached (no JSON)"), "management.domain"),
        (token("read:users"), ("fail", "our token lacks the scope update:users_app_metadata"), "Grant"),
        (token("update:users"), ("ok", "gives us a token with update:users"), ""),
    ],
)
async def test_tokens_and_scopes(
    server: ManagementServer, tmp_path: Path, answer: Scripted, told: tuple[str, str], fix: str
) -> None:
    """A refused client, a missing grant, a missing scope and an odd server are told apart."""
    server.token_answers.append(answer)
    server.answers.extend([Scripted(headers=LIMIT)] * 3)
    found = (await examined(tenants(tmp_path, server.origin)))["Management API of tenant acme"]
    assert (found.status, found.text) == told
    assert fix in found.fix
    assert "client-secret-of-acme" not in repr(found)


async def test_an_answer_in_pieces(server: ManagementServer, tmp_path: Path) -> None:
    """A body that the network brings in several pieces is read to its end."""
    whole = token("update:users")
    server.token_answers.append(replace(whole, dribbles=True))
    server.answers.extend([Scripted(body=b'{"issuer": "nobody"}', dribbles=True)] * 3)
    found = await examined(tenants(tmp_path, server.origin))
    assert found["Management API of tenant acme"].text == "gives us a token with update:users"
    (host,) = (one for about, one in found.items() if about.startswith("tenant acme, "))
    assert host.text == "calls itself by another name in its discovery document"


async def test_nothing_is_written(server: ManagementServer, tmp_path: Path) -> None:
    """One token and one question about nobody, and no secret or person in either address."""
    server.token_answers.append(token("update:users"))
    found = await examined(tenants(tmp_path, server.origin))
    asked = [(seen.method, seen.path) for seen in server.seen if not seen.path.startswith("/.well-known/")]
    assert asked == [
        ("POST", "/oauth/token"),
        ("GET", "/api/v2/users/auth0%7Cwaystation-doctor?fields=user_id"),
    ]
    assert found["rate limit of tenant acme"].text == "the tenant does not tell it"


async def test_a_tenant_that_is_not_there(tmp_path: Path) -> None:
    """Neither its discovery nor its token can be had, and the finding says which of our settings names it."""
    found = await examined(tenants(tmp_path, f"http://127.0.0.1:{free_port()}"))
    assert {finding.status.value for finding in found.values()} == {"fail"}
    assert all("tenant acme" in finding.fix for finding in found.values())


def test_needed_scopes(tmp_path: Path) -> None:
    """Exactly what this tenant's steps need, and no more."""
    (plain,) = tenants(tmp_path, "http://127.0.0.1:80")
    assert needed(plain, set()) == ["update:users_app_metadata"]
    assert needed(plain, {"update:users"}) == []
    steps: Any = {"password": {"revision": 1, "mode": "change"}}
    (changing,) = tenants(tmp_path, "http://127.0.0.1:80", steps=steps)
    assert needed(changing, {"update:users_app_metadata"}) == ["update:users"]
    steps["password"]["mode"] = "ticket"
    (ticketing,) = tenants(tmp_path, "http://127.0.0.1:80", steps=steps)
    assert needed(ticketing, {"update:users"}) == ["create:user_tickets"]


@pytest.mark.parametrize(
    ("profile", "limit", "status"),
    [
        ("enterprise", 50, "ok"),
        ("enterprise", 10, "fail"),
        ("free", 50, "warn"),
        ("free", None, "warn"),
    ],
)
def test_plausible_limits(profile: str, limit: float | None, status: str) -> None:
    """A profile that asks for more than the tenant takes fails; one that leaves much unused is told."""
    assert judge_limit("limit", RATE_PROFILES[profile], limit).status == status
