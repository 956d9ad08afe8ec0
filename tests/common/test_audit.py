"""The audit trail: what can be added to it, and that a change to it is found."""

import asyncio
import json
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import asyncpg
import pytest
import structlog

from common import audit, audit_chain
from common.audit import Audited, Entry
from common.audit_chain import AuditSealer, Finding, verify
from common.db import Database, open_database
from common.vault import Vault
from tests.support.databases import ServiceDatabase
from tests.support.processes import base_environment
from tests.support.run_folder import ROOT

CLAIMED = Entry(event=Audited.LOGIN_CLAIMED, tenant="acme", transaction_id="T1", subject=b"0123456789abcdef")
CONCLUDED = Entry(
    event=Audited.STEP_CONCLUDED,
    tenant="acme",
    transaction_id="T1",
    about="idproof",
    outcome="failed",
    reasons=("name_mismatch", "under_age"),
)


@asynccontextmanager
async def pool(database: ServiceDatabase, *, all_tenants: bool = False) -> AsyncIterator[Database]:
    async with open_database(
        database.gateway,
        schema="gateway",
        application_name="test",
        production=True,
        pool_size=4,
        all_tenants=all_tenants,
    ) as opened:
        yield opened


@pytest.fixture
async def gateway(database: ServiceDatabase) -> AsyncIterator[Database]:
    async with pool(database) as opened:
        yield opened


@pytest.fixture
async def auditor(database: ServiceDatabase) -> AsyncIterator[Database]:
    """Who may look at the trail."""
    async with pool(database, all_tenants=True) as opened:
        yield opened


async def added(database: Database, *entries: Entry) -> None:
    async with database.transaction(tenant="acme") as connection:
        await audit.append(connection, *entries)


async def sealed(database: Database, at_most: int = 1000) -> int:
    async with database.connection() as connection:
        return len(await connection.fetch("SELECT * FROM seal_audit_events($1)", at_most))


async def verified(database: Database, known: tuple[int, str] | None = None) -> Finding:
    async with database.connection() as connection:
        return await verify(connection, schema="gateway", known=known)


async def as_owner(database: ServiceDatabase, *statements: str) -> None:
    """What only a superuser could do."""
    connection = await asyncpg.connect(database.owner, server_settings={"search_path": "gateway"})
    try:
        for statement in statements:
            await connection.execute(statement)
    finally:
        await connection.close()


async def test_an_entry_is_as_it_was_given(gateway: Database, auditor: Database) -> None:
    """Entries are in the order in which they were added, with everything that they say."""
    await added(gateway, CLAIMED, CONCLUDED)
    async with auditor.connection() as connection:
        first, second = await audit.find(connection, what="T1", limit=10)
        assert await audit.find(connection, what="acme", limit=1) == [second]
    said = ("event", "transaction_id", "subject", "about", "outcome", "reasons", "number")
    assert [first[name] for name in said] == [
        "login.claimed", "T1", b"0123456789abcdef", None, None, [], None
    ]  # fmt: skip
    assert [second[name] for name in said] == [
        "step.concluded", "T1", None, "idproof", "failed", ["name_mismatch", "under_age"], None
    ]  # fmt: skip


async def test_an_entry_ends_with_its_change(gateway: Database, auditor: Database) -> None:
    """What did not happen leaves no entry."""
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await added(gateway, CLAIMED, replace(CLAIMED, tenant="globex"))
    assert (await verified(auditor)).waiting == 0


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT * FROM audit_events",
        "UPDATE audit_events SET outcome = 'passed'",
        "DELETE FROM audit_events",
        "TRUNCATE audit_events",
        "INSERT INTO audit_events (tenant, event, at) VALUES ('acme', 'login.claimed', now())",
        "INSERT INTO audit_events (tenant, event, number) VALUES ('acme', 'login.claimed', 1)",
        "INSERT INTO audit_events (tenant, event) VALUES ('globex', 'login.claimed')",
        "INSERT INTO audit_events (event) VALUES ('keys.rotated')",
        "SELECT * FROM audit_seals",
        "UPDATE audit_seals SET last = 7",
        "DELETE FROM audit_seals",
        "INSERT INTO audit_seals VALUES (1, 1, 1, now(), '', '')",
    ],
)
async def test_a_service_only_adds(gateway: Database, statement: str) -> None:
    """A service reads, changes and removes nothing, and says neither when something was nor for another."""
    await added(gateway, CLAIMED)
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        async with gateway.transaction(tenant="acme") as connection:
            await connection.execute(statement)


@pytest.mark.parametrize("statement", ["UPDATE audit_events SET outcome = ''", "DELETE FROM audit_seals"])
async def test_who_looks_changes_nothing(auditor: Database, statement: str) -> None:
    """The role that may read the trail may not change it either."""
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        async with auditor.connection() as connection:
            await connection.execute(statement)


async def test_pseudonyms(gateway: Database) -> None:
    """A person has one pseudonym as long as their key exists, another after it, and tenants share none."""
    vault = Vault((b"k" * 32,))

    async def name(tenant: str, user_id: str) -> bytes:
        async with gateway.transaction(tenant=tenant) as connection:
            return await audit.pseudonym(connection, vault, tenant=tenant, user_id=user_id)

    anna = await name("acme", "auth0|anna")
    assert await name("acme", "auth0|anna") == anna
    async with gateway.transaction(tenant="acme") as connection:
        await connection.execute("DELETE FROM data_keys")
    others = {await name("acme", "auth0|anna"), await name("globex", "auth0|anna"), await name("acme", "x")}
    assert len(others - {anna}) == 3
    assert len(anna) == 16


async def test_a_whole_chain(gateway: Database, auditor: Database) -> None:
    """Batches follow each other, what no batch has yet is counted, and an empty trail is whole."""
    assert await verified(auditor) == Finding(
        begins=None, seals=0, entries=0, head=None, broken=None, waiting=0, waiting_since=None
    )
    await added(gateway, CLAIMED, CONCLUDED, CLAIMED)
    assert [await sealed(gateway, 2), await sealed(gateway, 2), await sealed(gateway, 2)] == [1, 1, 0]
    await added(gateway, CONCLUDED)
    found = await verified(auditor)
    assert (found.broken, found.begins, found.seals, found.entries, found.waiting) == (None, 1, 2, 3, 1)
    assert found.head is not None
    assert found.waiting_since is not None
    assert (await verified(auditor, (2, found.head.hex()))).broken is None


@pytest.mark.parametrize(
    ("statement", "broken"),
    [
        ("UPDATE audit_events SET outcome = 'passed' WHERE number = 3", "entry 3: changed"),
        ("UPDATE audit_events SET reasons = '{name_mismatch}' WHERE number = 3", "entry 3: changed"),
        ("UPDATE audit_events SET at = at + interval '1 microsecond' WHERE number = 4", "entry 4: changed"),
        ("UPDATE audit_events SET subject = NULL WHERE number = 1", "entry 1: changed"),
        ("UPDATE audit_events SET tenant = '' WHERE number = 6", "entry 6: changed"),
        ("UPDATE audit_events SET tenant = NULL WHERE number = 6", "entry 6: changed"),
        ("UPDATE audit_events SET digest = sha256('') WHERE number = 5", "entry 5: changed"),
        (
            """UPDATE audit_events SET outcome = 'passed' WHERE number = 3;
            UPDATE audit_events SET digest = audit_digest(audit_events, number)""",
            "seal 2: changed",
        ),
        ("DELETE FROM audit_events WHERE number = 3", "entry 3: not there any more"),
        ("DELETE FROM audit_events WHERE number = 6", "entry 6: not there any more"),
        ("UPDATE audit_events SET number = 100 - number WHERE number < 3", "entry 1: not there any more"),
        ("DELETE FROM audit_seals WHERE seal = 2", "seal 2: not there any more"),
        ("DELETE FROM audit_seals WHERE seal = 3", "entry 5: its seal is not there any more"),
        ("UPDATE audit_seals SET digest = sha256('') WHERE seal = 2", "seal 2: changed"),
        ("UPDATE audit_seals SET previous = sha256('') WHERE seal = 1", "seal 1: changed"),
        ("UPDATE audit_seals SET previous = sha256('') WHERE seal = 3", "seal 3: changed"),
        ("UPDATE audit_seals SET sealed_at = sealed_at - interval '1 day' WHERE seal = 1", "seal 1: changed"),
        ("UPDATE audit_seals SET last = 3 WHERE seal = 1", "seal 1: changed"),
    ],
)
async def test_what_was_changed_is_found(
    gateway: Database, auditor: Database, database: ServiceDatabase, statement: str, broken: str
) -> None:
    """Whatever somebody with the owner's rights changes or removes, the first thing wrong is named."""
    await added(gateway, *[CLAIMED, CONCLUDED] * 3)
    for _ in range(3):
        await sealed(gateway, 2)
    await as_owner(database, statement)
    assert (await verified(auditor)).broken == broken


async def test_a_new_chain_is_not_the_known_one(
    gateway: Database, auditor: Database, database: ServiceDatabase
) -> None:
    """A chain that the owner made anew, or cut at its end, holds in itself but not beside a logged seal."""
    await added(gateway, CLAIMED, CONCLUDED)
    await sealed(gateway)
    head = (await verified(auditor)).head
    assert head is not None
    known = (1, head.hex())
    await as_owner(
        database,
        "UPDATE audit_events SET outcome = 'passed', number = NULL, digest = NULL",
        "DELETE FROM audit_seals",
    )
    assert (await verified(auditor, known)).broken == "seal 1: not there any more"
    await sealed(gateway)
    assert (await verified(auditor)).broken is None
    assert (await verified(auditor, known)).broken == "seal 1: not the one that is known"


async def test_the_oldest_may_be_gone(
    gateway: Database, auditor: Database, database: ServiceDatabase
) -> None:
    """What was kept long enough may be removed from the beginning, and verifying says where it begins."""
    await added(gateway, *[CLAIMED] * 4)
    for _ in range(2):
        await sealed(gateway, 2)
    await as_owner(
        database, "DELETE FROM audit_events WHERE number < 3", "DELETE FROM audit_seals WHERE seal < 2"
    )
    found = await verified(auditor)
    assert (found.broken, found.begins, found.entries) == (None, 2, 2)


async def test_one_sealer_at_a_time(gateway: Database, auditor: Database) -> None:
    """Of several that seal at once, each entry has one place, and a late commit takes the next."""
    async with gateway.transaction(tenant="acme") as late:
        await audit.append(late, CONCLUDED)
        await added(gateway, *[CLAIMED] * 20)
        await asyncio.gather(*(sealed(gateway, 5) for _ in range(3)))
    while await sealed(gateway, 5):
        pass
    found = await verified(auditor)
    assert (found.broken, found.entries, found.waiting) == (None, 21, 0)


async def test_the_loop_seals_and_tells(gateway: Database, auditor: Database) -> None:
    """A sealer takes all that there is, in batches, and logs each seal for those who keep it elsewhere."""
    await added(gateway, *[CLAIMED] * (audit_chain.BATCH + 1))
    stop = asyncio.Event()
    stop.set()
    with structlog.testing.capture_logs() as lines:
        await AuditSealer(database=gateway).run(stop)
    found = await verified(auditor)
    assert found.head is not None
    assert [(line["event"], line["seal"], line["events"]) for line in lines] == [
        ("audit.sealed", 1, audit_chain.BATCH),
        ("audit.sealed", 2, 1),
    ]
    assert lines[-1]["digest"] == found.head.hex()


def command(url: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [
            sys.executable,
            "-c",
            "import sys; from common.cli import main; sys.exit(main())",
            "audit",
            *arguments,
        ],
        env=base_environment() | {"ENVIRONMENT": "development", "DATABASE_URL": url},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


async def test_the_command(gateway: Database, database: ServiceDatabase) -> None:
    """Operators see whether the trail is whole and what happened in a login; nothing is 1, a wrong role 2."""
    await added(gateway, CLAIMED, CONCLUDED)
    await sealed(gateway)
    run: Any = asyncio.to_thread
    whole = await run(command, database.gateway, "verify", "--json")
    said = json.loads(whole.stdout)
    assert (whole.returncode, said["ok"], said["entries"], said["schema"]) == (0, True, 2, "gateway")
    shown = await run(command, database.gateway, "show", "T1", "--json")
    assert [entry["event"] for entry in json.loads(shown.stdout)] == ["login.claimed", "step.concluded"]
    assert "name_mismatch,under_age" in (await run(command, database.gateway, "show", "acme")).stdout
    assert (await run(command, database.gateway, "show", "T2")).returncode == 1
    await as_owner(database, "UPDATE audit_events SET outcome = 'passed' WHERE number = 2")
    broken = await run(command, database.gateway, "verify")
    assert (broken.returncode, broken.stdout.startswith("BROKEN at entry 2: changed.")) == (1, True)
    nobody = await run(command, database.owner, "verify")
    complaint = "DATABASE_URL: names no role of a service: say --schema; for example "
    assert (nobody.returncode, nobody.stderr.startswith(complaint)) == (2, True)
