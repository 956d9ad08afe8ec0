import hashlib
from pathlib import Path

import common.migrations
from common.schema import migrations_of, schemas


def test_every_service_has_a_schema() -> None:
    """The three services are found by their entry points, each under its schema's name."""
    assert list(schemas()) == ["gateway", "metadata_sync", "proofing"]


def test_shared_migrations_come_first() -> None:
    """A schema gets what all share before what is its own, each in the order of the numbers."""
    names = [migration.name for migration in migrations_of("proofing")]
    shared = [name for name in names if name.startswith("common/")]
    own = [name for name in names if name.startswith("proofing/")]
    assert names == shared + own
    assert (shared, own) == (sorted(shared), sorted(own))
    assert shared[:2] == ["common/0001_time_outbox_inbox.sql", "common/0002_data_keys.sql"]
    assert own


def test_a_migration_is_its_file() -> None:
    """Name, text and digest are those of the file's bytes."""
    file = Path(common.migrations.__path__[0]) / "0002_data_keys.sql"
    (migration,) = (m for m in migrations_of("gateway") if m.name == "common/0002_data_keys.sql")
    assert migration.sql == file.read_text()
    assert migration.digest == hashlib.sha256(file.read_bytes()).hexdigest()
