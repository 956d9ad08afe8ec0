"""`waystation parked`: what an operator does about writes that a tenant refused for good."""

import json
import subprocess
import sys
import tomllib
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from common.messages import DesiredValue
from metadata_sync.state import UserState
from tests.metadata_sync.rig import Rig
from tests.metadata_sync.states import NOON, TIMING, at, request
from tests.metadata_sync.tenant import Tenant
from tests.metadata_sync.updates import KEY, update, value
from tests.support.databases import ServiceDatabase
from tests.support.processes import base_environment
from tests.support.secret_folder import write_private
from tests.support.waiting import wait_until


@dataclass
class Command:
    """`waystation parked …` on one database."""

    database_url: str
    data_key: Path = Path("none")

    def run(self, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        code = "import sys; from common.cli import main; sys.exit(main())"
        variables = {
            "ENVIRONMENT": "development",
            "DATABASE_URL": self.database_url,
            "DATA_KEY_FILES": str(self.data_key),
            **environment,
        }
        return subprocess.run(
            [sys.executable, "-c", code, *arguments],
            env=base_environment() | variables,
            capture_output=True,
            text=True,
            check=False,
            timeout=30,
        )

    def parked(self, *arguments: str) -> Any:
        """What `--json` says."""
        done = self.run("parked", *arguments, "--json")
        assert done.stderr == ""
        return json.loads(done.stdout)


@pytest.fixture
def command(database: ServiceDatabase, tmp_path: Path) -> Command:
    key = "".join(map(chr, range(65, 91))) + "abcdefghijklmnopq"
    return Command(database.metadata_sync, write_private(tmp_path / "data.key", key))


async def _refused(rig: Rig, tenant: Tenant, *, rev: int = 1) -> str:
    """A user whom the tenant does not have, and whose write is parked."""
    user_id = f"{tenant.user_id}-{len(rig.rejected)}"
    await rig.take_in(update(rev, user_id=user_id))
    count = len(rig.rejected)
    await wait_until(lambda: len(rig.rejected) > count)
    return user_id


async def test_parked_writes_are_listed_with_reason_and_age(
    rig: Rig, tenant: Tenant, command: Command
) -> None:
    """One row for each key, by tenant and user; what is not parked is not there."""
    one, two = await _refused(rig, tenant), await _refused(rig, tenant)
    await rig.take_in(update(1, user_id=tenant.user_id))
    await rig.until_applied()
    rows = command.parked("list")
    assert [(row["tenant"], row["user_id"], row["key"], row["rev"], row["reason"]) for row in rows] == [
        ("acme", one, KEY, 1, "user_not_found"),
        ("acme", two, KEY, 1, "user_not_found"),
    ]
    assert all(0 <= row["age"] < 60 for row in rows)
    assert command.parked("list", "--tenant", "globex") == []
    shown = command.run("parked", "list").stdout.splitlines()
    assert shown[0].split() == ["tenant", "user_id", "kind", "key", "rev", "reason", "age"]
    assert shown[1].split()[:6] == ["acme", one, "app_metadata", KEY, "1", "user_not_found"]


async def test_one_users_are_shown_with_their_values(rig: Rig, tenant: Tenant, command: Command) -> None:
    """`show` tells what would be written."""
    user_id = await _refused(rig, tenant)
    (row,) = command.parked("show", "acme", user_id)
    assert (row["key"], row["value"]) == (KEY, value(1))
    assert f"{KEY} at rev 1: user_not_found" in command.run("parked", "show", "acme", user_id).stdout


async def test_a_redriven_write_is_tried_again(rig: Rig, tenant: Tenant, command: Command) -> None:
    """When the reason is gone, the write goes out and is parked no more."""
    user_id = await _refused(rig, tenant)
    await tenant.create_user(user_id)
    assert command.parked("redrive", "acme", user_id) == {"redriven": 1}
    await wait_until(lambda: _holds(tenant, user_id, value(1)))
    assert command.parked("list") == []


async def _holds(tenant: Tenant, user_id: str, expected: dict[str, Any]) -> bool:
    return (await tenant.app_metadata(user_id)).get(KEY) == expected


async def test_all_of_a_tenant_for_one_reason_are_redriven(
    rig: Rig, tenant: Tenant, command: Command
) -> None:
    """A deployment mistake parks many users; one command tries them all again, and only those."""
    users = [await _refused(rig, tenant) for _ in range(3)]
    for user_id in users:
        await tenant.create_user(user_id)
    assert command.parked("redrive", "acme", "--all", "--reason", "conflict") == {"redriven": 0}
    assert command.parked("redrive", "acme", "--all", "--reason", "user_not_found") == {"redriven": 3}
    for user_id in users:
        await wait_until(partial(_holds, tenant, user_id, value(1)))


async def test_a_dropped_write_is_seen_no_more_and_newer_ones_flow(
    rig: Rig, tenant: Tenant, command: Command
) -> None:
    """What is given up is neither listed nor tried; the key's next rev is written."""
    user_id = await _refused(rig, tenant)
    await tenant.create_user(user_id)
    assert command.parked("drop", "acme", user_id, "--key", KEY) == {"dropped": 1}
    assert command.parked("redrive", "acme", user_id) == {"redriven": 0}
    assert command.parked("list") == []
    (entry,) = json.loads(command.run("audit", "show", "acme", "--json").stdout)
    assert (entry["event"], entry["about"]) == ("write.dropped", f"app_metadata:{KEY}")
    assert entry["reasons"] == ["user_not_found", "rev:1"]
    assert len(entry["subject"]) == 32
    await rig.take_in(update(2, user_id=user_id))
    await rig.until_applied()
    assert await _holds(tenant, user_id, value(2))


async def test_the_newer_write_of_a_parked_key_flows_and_clears_it(
    rig: Rig, tenant: Tenant, command: Command
) -> None:
    """Without any operator a newer update is written, and nothing stays in the list."""
    user_id = await _refused(rig, tenant)
    await tenant.create_user(user_id)
    await rig.take_in(update(2, user_id=user_id, keys={KEY: DesiredValue(rev=2, value=value(2))}))
    await rig.until_applied()
    assert command.parked("list") == []
    assert (await rig.state_of(user_id)).parked == {}


def test_a_redrive_during_a_write_is_one_more_write() -> None:
    """A parked key that is redriven while another of the user is written goes with the next write."""
    state, _ = UserState().accept(request(a=(1, {})), now=NOON).begin(now=at(2))
    state, _ = state.park("conflict", now=at(3)).accept(request(b=(2, {})), now=at(3)).begin(now=at(5))
    state = state.redrive(["a", "b"], now=at(6)).confirm(now=at(7))
    assert state.due_at(TIMING) == at(8)
    _, patch = state.begin(now=at(8))
    assert patch is not None
    assert patch.body() == {"a": {}}


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ([], "required: SUBJECT"),
        (["parked"], "required: COMMAND"),
        (["parked", "list", "--limit", "0"], "--limit"),
        (["parked", "redrive", "acme"], "--all"),
        (["parked", "drop"], "tenant"),
    ],
)
def test_a_mistaken_command_is_explained(arguments: list[str], complaint: str) -> None:
    """The mistake is named on stderr, nothing is done, and the status is 2."""
    done = Command("postgresql://nobody@127.0.0.1:1/none").run(*arguments)
    assert done.returncode == 2
    assert complaint in done.stderr


@pytest.mark.parametrize("arguments", [["--help"], ["parked", "--help"], ["parked", "redrive", "--help"]])
def test_help_needs_no_database(arguments: list[str]) -> None:
    """--help explains each level without any setting."""
    done = Command("").run(*arguments)
    assert done.returncode == 0
    assert done.stdout.startswith("usage: waystation")


def test_without_a_database_one_line_says_so() -> None:
    """A missing setting and a server that does not answer are one line each, without a traceback."""
    missing = Command("").run("parked", "list")
    example = "postgresql://waystation_metadata_sync:PASSWORD@db.internal:5432/waystation"
    assert (missing.returncode, missing.stderr) == (2, f"DATABASE_URL: is required; for example {example}\n")
    away = Command("postgresql://nobody:hush@127.0.0.1:1/none").run("parked", "list")
    assert away.returncode == 1
    assert away.stderr.splitlines() == ["The database does not answer (ConnectionRefusedError)."]


def test_nothing_found_is_status_1(command: Command) -> None:
    """A script can tell that there was nothing to do."""
    done = command.run("parked", "show", "acme", "auth0|nobody")
    assert (done.returncode, done.stderr) == (1, "Nothing of this user is parked.\n")


def test_the_command_is_installed_as_waystation() -> None:
    """The distribution declares the console script."""
    project = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text())["project"]
    assert project["scripts"] == {"waystation": "common.cli:main"}
