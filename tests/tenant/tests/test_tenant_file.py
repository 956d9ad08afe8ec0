"""What a tenant file may say beside applications and people: connections, faults, a seed and the time."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.tenant.config import load_config
from tests.tenant.errors import ConfigError
from tests.tenant.tests.support import EMAIL, document, run_tenant

_LOOKING = """
exports.onExecutePostLogin = async (event, api) => {
  const { connection, request } = event;
  api.idToken.setCustomClaim('https://example.org/seen', { strategy: connection.strategy, asn: request.asn });
};
"""


def mistakes(folder: Path, **changes: Any) -> list[str]:
    path = folder / "tenant.yaml"
    path.write_text(yaml.safe_dump(document(actions=[], **changes), sort_keys=False), encoding="utf-8")
    with pytest.raises(ConfigError) as wrong:
        load_config(path)
    return [mistake.partition(": ")[2].partition(": ")[2] for mistake in wrong.value.mistakes]


async def test_a_fault_from_the_start(tmp_path: Path) -> None:
    """A fault in the file is there with the first request."""
    fault = {"match": "^GET /.well-known/jwks", "times": 1, "status": 503}
    async with run_tenant(tmp_path, faults=[fault]) as tenant:
        answers = [await tenant.send("GET", "/.well-known/jwks.json") for _ in range(2)]
    assert [answer.status for answer in answers] == [503, 200]


async def test_a_seed(tmp_path: Path) -> None:
    """With a seed, states are the same in every run; without one they never are."""
    states = []
    for seed in (7, 7, 8):
        async with run_tenant(tmp_path, tenant={"id": "acme", "seed": seed}) as tenant:
            states.append((await tenant.authorize()).query["state"])
    assert states[0] == states[1] != states[2]


async def test_a_time_of_its_own(tmp_path: Path) -> None:
    """The tenant's clock begins where the file says and goes on from there."""
    tenant_ = {"id": "acme", "clock": "2031-05-06T07:08:09Z"}
    async with run_tenant(tmp_path, tenant=tenant_) as tenant:
        told = await tenant.control("POST", "/clock", {"advance": 60})
        claims = await tenant.id_claims(await tenant.log_in())
    assert told.json["now"].startswith("2031-05-06T07:09:")
    assert 1_935_817_749 <= claims["iat"] < 1_935_817_809


async def test_what_an_action_sees_of_connection_and_network(tmp_path: Path) -> None:
    """The strategy is the connection's, and the network the one that a header names."""
    users = [{**document()["users"][0], "connection": "corp"}]
    connections = [{"name": "corp", "strategy": "ad"}]
    look = {"look": _LOOKING}
    async with run_tenant(tmp_path, actions=look, users=users, connections=connections) as tenant:
        here = await tenant.id_claims(await tenant.log_in())
        tenant.session.headers["X-Emulator-Asn"] = "64500"
        there = await tenant.id_claims(await tenant.log_in(prompt="login"))
    assert here["https://example.org/seen"] == {"strategy": "ad", "asn": "64496"}
    assert there["https://example.org/seen"] == {"strategy": "ad", "asn": "64500"}


@pytest.mark.parametrize(
    ("options", "status"), [({}, 400), ({"set_user_root_attributes": "on_first_login"}, 200)]
)
async def test_root_attributes_of_people_from_elsewhere(
    tmp_path: Path, options: dict[str, str], status: int
) -> None:
    """They can be changed only where a login does not write them again; metadata always can."""
    google = {"user_id": "google-oauth2|7", "email": "g@example.org"}
    connections = [{"name": "google-oauth2", "strategy": "google-oauth2", **options}]
    async with run_tenant(tmp_path, users=[google], connections=connections) as tenant:
        token = await tenant.machine_token()
        path = "/users/google-oauth2%7C7"
        names = await tenant.manage("PATCH", path, token, json={"given_name": "A", "family_name": "B"})
        metadata = await tenant.manage("PATCH", path, token, json={"user_metadata": {"given_name": "A"}})
    assert (names.status, metadata.status) == (status, 200)
    assert names.json.get("message", "").startswith(
        ""
        if status == 200
        else "The following user attributes cannot be updated: family_name, given_name. "
        "The connection (google-oauth2) must either be a database connection"
    )


@pytest.mark.parametrize("method", ["GET", "PATCH", "DELETE"])
async def test_an_id_that_is_none(tmp_path: Path, method: str) -> None:
    """A user id without its provider is refused in the path, not looked for."""
    async with run_tenant(tmp_path) as tenant:
        body = {"json": {"name": "x"}} if method == "PATCH" else {}
        answer = await tenant.manage(method, "/users/ann", await tenant.machine_token(), **body)
    assert (answer.status, answer.json["errorCode"]) == (400, "invalid_uri")
    assert answer.json["message"].startswith(
        "Path validation error: 'Object didn't pass validation for format user-id: ann' on property id"
    )


def test_mistakes(tmp_path: Path) -> None:
    """What cannot be a connection, a fault, a seed or a time is refused, each with its words."""
    wrong = mistakes(
        tmp_path,
        tenant={"id": "acme", "seed": "x", "clock": "soon"},
        connections=[{"name": "db", "password_policy": "superb", "colour": "red"}],
        faults=[{"match": "(", "status": 500}, {"match": "x", "statsu": 500}, 7],
    )
    assert sorted(wrong) == [
        "connections[0]: password_policy must be one of none, low, fair, good, excellent",
        "connections[0]: unknown key colour",
        "file: faults: a fault is an object",
        "file: faults: match is not a regular expression: missing ), unterminated subpattern at position 0",
        "file: faults: unknown key statsu",
        "tenant: clock must be an instant like 2026-11-22T01:02:03Z",
        "tenant: seed must be a number",
    ]
    lines = json.dumps(wrong)
    assert EMAIL not in lines
