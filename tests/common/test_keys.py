"""`waystation keys`: every data key wrapped by the newest file, while services go on."""

import base64
import json
import subprocess
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from common.db import Database, open_database
from common.keys import BATCH, Rotation
from common.vault import Place, Vault, VaultError
from tests.support.databases import ServiceDatabase
from tests.support.processes import base_environment

OLD, NEW, OTHER = (bytes(range(start, start + 32)) for start in (1, 50, 100))
HERE = Place(tenant="acme", subject="auth0|anna", field="evidence", row="vf_1")
MAIN = "import sys; from common.cli import main; sys.exit(main())"


@pytest.fixture
async def db(database: ServiceDatabase) -> AsyncIterator[Database]:
    async with open_database(
        database.proofing, schema="proofing", application_name="test", production=True, all_tenants=True
    ) as opened:
        yield opened


@dataclass
class Command:
    """`waystation keys …` as proofing's operator runs it."""

    database_url: str
    folder: Path

    def run(self, *arguments: str, keys: tuple[bytes, ...]) -> subprocess.CompletedProcess[str]:
        files = [self.folder / f"{number}.key" for number in range(len(keys))]
        for file, key in zip(files, keys, strict=True):
            file.write_bytes(base64.urlsafe_b64encode(key))
        environment = {
            "ENVIRONMENT": "development",
            "DATABASE_URL": self.database_url,
            "DATA_KEY_FILES": ",".join(map(str, files)),
        }
        return subprocess.run(
            [sys.executable, "-c", MAIN, "keys", *arguments],
            env=base_environment() | environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=30,
        )

    def json(self, *arguments: str, keys: tuple[bytes, ...], status: int = 0) -> Any:
        done = self.run(*arguments, "--json", keys=keys)
        assert done.returncode == status, done.stderr
        return json.loads(done.stdout)


@pytest.fixture
def cli(database: ServiceDatabase, tmp_path: Path) -> Command:
    return Command(database.proofing, tmp_path)


async def _encrypt(db: Database, vault: Vault) -> bytes:
    async with db.transaction() as connection:
        return await vault.encrypt(connection, b"evidence", place=HERE)


async def _opens(db: Database, vault: Vault, ciphertext: bytes) -> bytes:
    async with db.connection() as connection:
        return await vault.decrypt(connection, ciphertext, place=HERE)


async def test_all_are_wrapped_anew_while_somebody_encrypts(db: Database) -> None:
    """More than a batch is wrapped by the new key, in use or not; then nothing needs the old one any more."""
    before, both = Vault((OLD,)), Vault((NEW, OLD))
    written = await _encrypt(db, before)
    async with db.transaction() as connection:
        await before.keys_of(connection, {("globex", f"auth0|{number}") for number in range(BATCH)})
    async with db.transaction() as connection:
        meanwhile = await before.encrypt(connection, b"evidence", place=HERE)
        rotation = Rotation(database=db, vault=both)
        assert (await rotation.standing()).remaining == BATCH + 1
        assert await rotation.rotate() == BATCH + 1
        assert (await rotation.standing()).remaining == 0
    for ciphertext in (written, meanwhile, await _encrypt(db, both)):
        assert await _opens(db, Vault((NEW,)), ciphertext) == b"evidence"
    with pytest.raises(VaultError):
        await _opens(db, before, written)
    async with db.connection() as connection:
        entries = await connection.fetch("SELECT tenant, event, outcome FROM audit_events ORDER BY id")
    assert [tuple(entry) for entry in entries] == [
        (None, "keys.rotated", f"count:{BATCH}"),
        (None, "keys.rotated", "count:1"),
    ]


async def test_what_was_interrupted_goes_on(db: Database) -> None:
    """Half done, each data key opens with one of both files; doing it again does the rest, then nothing."""
    both = Vault((NEW, OLD))
    async with db.transaction() as connection:
        await Vault((OLD,)).keys_of(connection, {("acme", "auth0|a"), ("acme", "auth0|b")})
        await both.keys_of(connection, {("acme", "auth0|c")})
    rotation = Rotation(database=db, vault=both)
    assert [await rotation.rotate(), await rotation.rotate()] == [2, 0]


async def test_the_command(db: Database, cli: Command) -> None:
    """It tells before, does it, and tells afterwards; a dry run changes nothing."""
    await _encrypt(db, Vault((OLD,)))
    told = cli.json("rotate", "--dry-run", keys=(NEW, OLD))
    new, old = told["files"]
    assert told == {"files": [new, old], "data_keys": {old: 1}, "remaining": 1, "unreadable": 0}
    assert cli.json("status", keys=(NEW, OLD)) == told
    done = {"files": [new, old], "data_keys": {new: 1}, "remaining": 0, "unreadable": 0}
    assert cli.json("rotate", keys=(NEW, OLD)) == done | {"rewrapped": 1}
    table = [line.split() for line in cli.run("status", keys=(NEW, OLD)).stdout.splitlines()]
    assert table == [["key", "file", "data", "keys"], [new, "1", "1"], [old, "2", "0"]]


async def test_what_no_file_unwraps_is_told(db: Database, database: ServiceDatabase, cli: Command) -> None:
    """A missing file and a damaged row end the command with 1; all others are wrapped anew."""
    async with db.transaction() as connection:
        await Vault((OLD,)).keys_of(connection, {("acme", "auth0|a"), ("acme", "auth0|b")})
    told = cli.json("rotate", keys=(NEW, OTHER), status=1)
    assert (told["remaining"], told["unreadable"], told["rewrapped"]) == (2, 2, 0)
    owner = await asyncpg.connect(database.owner)
    try:
        await owner.execute("UPDATE proofing.data_keys SET wrapped = '' WHERE subject = 'auth0|a'")
    finally:
        await owner.close()
    told = cli.json("rotate", keys=(NEW, OLD), status=1)
    assert (told["remaining"], told["unreadable"], told["rewrapped"]) == (1, 0, 1)
