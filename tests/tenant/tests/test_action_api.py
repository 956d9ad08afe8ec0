"""Actions of the Management API."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.tenant.tests.support import CALLBACK, CLIENT, Answer, Tenant, run_tenant

_DENYING = "exports.onExecutePostLogin = async (event, api) => { api.access.deny(event.secrets.REASON); };"
_TRIGGER = [{"id": "post-login", "version": "v3"}]
_CLIENTS = [
    {"client_id": CLIENT, "client_secret": "web-secret", "name": "Web", "callbacks": [CALLBACK]},
    {
        "client_id": "machine",
        "client_secret": "machine-secret",
        "grant_types": ["client_credentials"],
        "scope": "read:actions create:actions update:actions delete:actions",
    },
]


@dataclass
class Deployer:
    """Somebody who may change Actions."""

    tenant: Tenant
    token: str

    async def call(self, method: str, path: str, body: Any = None) -> Answer:
        """One call below /api/v2/actions."""
        return await self.tenant.manage(method, f"/actions{path}", self.token, json=body)

    async def create(self, name: str, **changes: Any) -> dict[str, Any]:
        """A new draft."""
        body = {"name": name, "code": _DENYING, "supported_triggers": _TRIGGER, **changes}
        created: dict[str, Any] = (await self.call("POST", "/actions", body)).json
        return created

    async def bind(self, *names: str) -> Answer:
        """Replace the order of the trigger."""
        bindings = [{"ref": {"type": "action_name", "value": name}, "display_name": name} for name in names]
        return await self.call("PATCH", "/triggers/post-login/bindings", {"bindings": bindings})

    async def bound(self) -> list[str]:
        """Names in the order of the trigger."""
        listed = await self.call("GET", "/triggers/post-login/bindings?page=0&per_page=50")
        return [binding["action"]["name"] for binding in listed.json["bindings"]]


@asynccontextmanager
async def deployer(folder: Path, **changes: Any) -> AsyncIterator[Deployer]:
    """A tenant and its deployer."""
    async with run_tenant(folder, clients=_CLIENTS, **changes) as tenant:
        yield Deployer(tenant, await tenant.machine_token())


async def test_what_is_deployed_and_bound_runs(tmp_path: Path) -> None:
    """A draft does nothing, a deployed Action nothing, a bound one decides about logins."""
    async with deployer(tmp_path) as actions:
        action = await actions.create("deny", secrets=[{"name": "REASON", "value": "first"}])
        early = await actions.bind("deny")
        deployed = await actions.call("POST", f"/actions/{action['id']}/deploy")
        unbound = await actions.tenant.log_in()
        bound = await actions.bind("deny")
        denied = await actions.tenant.authorize()
    assert early.status == 400
    assert early.json["message"] == (
        "Trying to create a binding for an action that has not been deployed yet"
    )
    assert (deployed.status, deployed.json["number"], deployed.json["deployed"]) == (202, 1, True)
    assert "code" in unbound.query
    assert bound.json["bindings"][0]["display_name"] == "deny"
    assert denied.query["error_description"] == "first"


async def test_a_change_waits_for_its_deployment(tmp_path: Path) -> None:
    """Logins run the deployed version until the changed draft is deployed."""
    async with deployer(tmp_path) as actions:
        secrets = [{"name": "REASON", "value": "first"}]
        action = await actions.create("deny", secrets=secrets, deploy=True)
        await actions.bind("deny")
        changes = {"secrets": [{"name": "REASON", "value": "second"}]}
        changed = (await actions.call("PATCH", f"/actions/{action['id']}", changes)).json
        before = await actions.tenant.log_in()
        await actions.call("POST", f"/actions/{action['id']}/deploy")
        after = await actions.tenant.authorize()
        shown = (await actions.call("GET", f"/actions/{action['id']}")).json
    assert (action["all_changes_deployed"], changed["all_changes_deployed"]) == (True, False)
    assert before.query["error_description"] == "first"
    assert after.query["error_description"] == "second"
    assert (shown["all_changes_deployed"], shown["deployed_version"]["number"]) == (True, 2)


async def test_secrets_are_never_shown(tmp_path: Path) -> None:
    """A secret comes back by name; one that is sent without a value keeps it."""
    async with deployer(tmp_path) as actions:
        action = await actions.create("deny", secrets=[{"name": "REASON", "value": "first"}], deploy=True)
        await actions.bind("deny")
        await actions.call("PATCH", f"/actions/{action['id']}", {"secrets": [{"name": "REASON"}]})
        await actions.call("POST", f"/actions/{action['id']}/deploy")
        listed = (await actions.call("GET", "/actions?page=0&per_page=100")).json
        denied = await actions.tenant.log_in()
    assert [sorted(secret) for secret in listed["actions"][0]["secrets"]] == [["name", "updated_at"]]
    assert "first" not in str(listed)
    assert denied.query["error_description"] == "first"


async def test_actions_of_the_tenant_file(tmp_path: Path) -> None:
    """Those of the file are deployed and bound, and can be put into another order and removed."""
    async with deployer(tmp_path, actions={"one": _DENYING, "two": _DENYING}) as actions:
        before = await actions.bound()
        await actions.bind("two", "one")
        turned = await actions.bound()
        listed = (await actions.call("GET", "/actions")).json
        one = next(action["id"] for action in listed["actions"] if action["name"] == "one")
        refused = await actions.call("DELETE", f"/actions/{one}")
        forced = await actions.call("DELETE", f"/actions/{one}?force=true")
        left = await actions.bound()
    assert (before, turned, left) == (["one", "two"], ["two", "one"], ["two"])
    assert (listed["total"], listed["page"], listed["per_page"]) == (2, 0, 50)
    assert (refused.status, forced.status) == (409, 204)


async def test_unknown_action(tmp_path: Path) -> None:
    """An Action that is not there has the body of recorded tenants, without an errorCode."""
    async with deployer(tmp_path) as actions:
        answer = await actions.call("GET", "/actions/9b1deb4d-3b7d-4bad-9bdd-2b0d7b3dcb6d")
    assert answer.status == 404
    assert answer.json == {"statusCode": 404, "error": "Not Found", "message": "That action does not exist."}


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({"code": "x"}, "Missing required property: name"),
        ({"name": ""}, "on property name"),
        ({"name": "a", "colour": "red"}, "Additional properties not allowed: colour"),
        ({"name": "a", "code": 1}, "on property code"),
        ({"name": "a", "code": "x" * 100_001}, "on property code"),
        ({"name": "a", "runtime": 22}, "on property runtime"),
        ({"name": "a", "secrets": {"A": "b"}}, "on property secrets"),
        ({"name": "a", "secrets": [{"name": "A", "value": "x" * 4097}]}, "on property secrets"),
        ({"name": "a", "secrets": [{"value": "x"}]}, "on property secrets"),
        ({"name": "a", "dependencies": [{"name": "n"}] * 11}, "on property dependencies"),
        ({"name": "a", "supported_triggers": [{"id": "post-change-password"}]}, "on property supported"),
    ],
)
async def test_bodies_that_are_refused(tmp_path: Path, body: dict[str, Any], said: str) -> None:
    """A wrong field is a 400 that names it."""
    async with deployer(tmp_path) as actions:
        answer = await actions.call("POST", "/actions", body)
    assert (answer.status, answer.json["errorCode"]) == (400, "invalid_body")
    assert said in answer.json["message"]


async def test_name_is_taken(tmp_path: Path) -> None:
    """Two Actions cannot have one name."""
    async with deployer(tmp_path, actions={"one": _DENYING}) as actions:
        answer = await actions.call("POST", "/actions", {"name": "one", "code": ""})
    assert answer.status == 409


async def test_bindings_that_are_refused(tmp_path: Path) -> None:
    """An unknown trigger, Action or shape changes nothing."""
    path = "/triggers/post-login/bindings"
    async with deployer(tmp_path, actions={"one": _DENYING}) as actions:
        unknown = await actions.bind("nobody")
        elsewhere = await actions.call("PATCH", "/triggers/send-phone-message/bindings", {"bindings": []})
        shapes = [await actions.call("PATCH", path, body) for body in ({}, {"bindings": ["one"]})]
        left = await actions.bound()
    assert (unknown.status, elsewhere.status, [answer.status for answer in shapes]) == (404, 404, [400, 400])
    assert left == ["one"]


async def test_scope_of_actions(tmp_path: Path) -> None:
    """A token for users opens no Action."""
    async with run_tenant(tmp_path) as tenant:
        answer = await tenant.manage("GET", "/actions/actions", await tenant.machine_token())
    assert (answer.status, answer.json["message"]) == (
        403,
        "Insufficient scope, expected any of: read:actions",
    )
