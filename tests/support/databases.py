"""Databases on a private server: made, migrated, cloned and dropped."""

import os
import subprocess
import sys
import uuid
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import asyncpg

from tests.support.errors import ProcessFailedError
from tests.support.postgres import Postgres
from tests.support.processes import base_environment
from tests.support.run_folder import ROOT
from tests.support.secret_folder import SecretFolder

# Service name, as on the broker and in logs, to the schema that it owns.
SCHEMAS = {"gateway": "gateway", "proofing": "proofing", "metadata-sync": "metadata_sync"}


@dataclass(frozen=True, kw_only=True)
class ServiceDatabase:
    """One migrated database and a DSN for everybody who may enter it; `owner` is the superuser's."""

    name: str
    owner: str = field(repr=False)
    gateway: str = field(repr=False)
    proofing: str = field(repr=False)
    metadata_sync: str = field(repr=False)

    def of(self, service: str) -> str:
        """The DSN of a service by its name, hyphen and all."""
        return {
            "gateway": self.gateway,
            "proofing": self.proofing,
            "metadata-sync": self.metadata_sync,
        }[service]


@dataclass(frozen=True, kw_only=True)
class Databases:
    """What can be done with databases of one server."""

    server: Postgres
    role_passwords: Mapping[str, str] = field(repr=False)

    @classmethod
    def on(cls, server: Postgres, secrets: SecretFolder) -> "Databases":
        passwords = {schema: secrets.password(f"database-{schema}") for schema in SCHEMAS.values()}
        return cls(server=server, role_passwords=passwords)

    async def create(self, name: str, *, template: str = "template0") -> None:
        await self._execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}"')

    async def drop(self, name: str) -> None:
        """Drop it if it is there, and whoever is connected with it."""
        await self._execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')

    async def prepare(self, name: str) -> ServiceDatabase:
        """An empty database with everything migrated and roles that can log in; an old one is dropped."""
        await self.drop(name)
        await self.create(name)
        self.migrate(name)
        await self.give_roles_passwords()
        return self.named(name)

    async def ensure(self, name: str) -> None:
        """Create it unless it is there."""
        connection = await asyncpg.connect(self.server.dsn())
        try:
            there = await connection.fetchval("SELECT true FROM pg_database WHERE datname = $1", name)
        finally:
            await connection.close()
        if not there:
            await self.create(name)

    def migrate(self, name: str) -> None:
        """Run the project's own migrations.

        Raises:
            ProcessFailedError: they failed; the text is what they said.
        """
        done = subprocess.run(
            [sys.executable, "-m", "common.migrate"],
            env=base_environment() | {"MIGRATE_DATABASE_URL": self.server.dsn(name)},
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            lines = tuple((done.stdout + done.stderr).strip().splitlines())
            raise ProcessFailedError(f"the migrations failed: {lines[-1] if lines else ''}", last_lines=lines)

    async def give_roles_passwords(self) -> None:
        for schema, password in self.role_passwords.items():
            await self._execute(f"ALTER ROLE waystation_{schema} PASSWORD '{password}'")

    def named(self, name: str) -> ServiceDatabase:
        """The DSNs of a database that exists and is migrated."""
        schemas = {
            schema: self.server.dsn(name, role=f"waystation_{schema}", password=password)
            for schema, password in self.role_passwords.items()
        }
        return ServiceDatabase(name=name, owner=self.server.dsn(name), **schemas)

    @asynccontextmanager
    async def cloned(self, template: str) -> AsyncIterator[ServiceDatabase]:
        """A copy of a migrated database under a name of its own, dropped at the end."""
        name = f"test_{os.getpid()}_{uuid.uuid4().hex[:8]}"
        await self.create(name, template=template)
        try:
            yield self.named(name)
        finally:
            await self.drop(name)

    async def _execute(self, statement: str) -> None:
        connection = await asyncpg.connect(self.server.dsn())
        try:
            await connection.execute(statement)
        finally:
            await connection.close()


async def move_clock(owner: str, *, seconds: float) -> None:
    """Sessions of the database at that DSN that begin from now on live so much later than the machine."""
    connection = await asyncpg.connect(owner)
    try:
        await connection.execute(
            f"""DO $$ BEGIN EXECUTE format(
                'ALTER DATABASE %I SET waystation.clock_offset = %L', current_database(), '{seconds} seconds'
            ); END $$"""
        )
    finally:
        await connection.close()
