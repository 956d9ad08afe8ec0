"""Migrations: numbered, append-only SQL files, the shared ones of this package first, then the service's own.

A service names its folder under the entry point group `waystation.migrations`; the entry's name is its
schema, and `waystation_<schema>` its database role.
"""

import functools
import hashlib
from dataclasses import dataclass
from importlib import resources
from importlib.metadata import entry_points
from urllib.parse import urlsplit

ENTRY_POINT_GROUP = "waystation.migrations"


OWNER = "waystation_owner"


@dataclass(frozen=True, kw_only=True)
class Migration:
    """One file: `name` is `package/0001_words.sql`, `digest` the SHA-256 of its bytes."""

    name: str
    sql: str
    digest: str


def role_of(schema: str) -> str:
    """The service's own role, with which it logs in."""
    return f"waystation_{schema}"


def all_tenants_role_of(schema: str) -> str:
    """The role that a connection of the service takes to see rows of every tenant; nobody logs in with it."""
    return f"{role_of(schema)}_all_tenants"


def queue_of(schema: str) -> str:
    """The service's own queue, which has its name outside of Python."""
    return schema.replace("_", "-")


def schema_of(url: str) -> str | None:
    """The schema of the service whose role logs in at this address."""
    try:
        role = urlsplit(url).username
    except ValueError:
        return None  # no address at all
    return next((schema for schema in schemas() if role_of(schema) == role), None)


def schemas() -> dict[str, tuple[Migration, ...]]:
    """Every installed service's schema with its migrations in the order in which they apply."""
    return {entry.name: migrations_of(entry.name) for entry in sorted(entry_points(group=ENTRY_POINT_GROUP))}


@functools.cache
def migrations_of(schema: str) -> tuple[Migration, ...]:
    (entry,) = entry_points(group=ENTRY_POINT_GROUP, name=schema)
    return _read("common.migrations") + _read(entry.value)


def _read(package: str) -> tuple[Migration, ...]:
    files = sorted(
        (file for file in resources.files(package).iterdir() if file.name.endswith(".sql")),
        key=lambda file: file.name,
    )
    return tuple(
        Migration(
            name=f"{package.partition('.')[0]}/{file.name}",
            sql=file.read_text(encoding="utf-8"),
            digest=hashlib.sha256(file.read_bytes()).hexdigest(),
        )
        for file in files
    )
