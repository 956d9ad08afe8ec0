"""The environment of metadata-sync."""

from pathlib import Path

import pytest

from common.settings import Address, SettingsError, read_key_file
from metadata_sync.settings import Settings
from tests.support.secret_folder import SecretFolder


def test_the_least_that_is_needed(tmp_path: Path) -> None:
    """With the required variables alone it is a production service on its default address."""
    (tmp_path / "tenants.yaml").touch()
    keys = SecretFolder(tmp_path / "keys")
    environment = {
        "TENANTS_FILE": str(tmp_path / "tenants.yaml"),
        "DATABASE_URL": "postgresql://waystation_metadata_sync:hidden@127.0.0.1:5432/waystation",
        "AMQP_URL": "amqp://metadata-sync:hidden@127.0.0.1:5672/waystation",
        "DATA_KEY_FILES": str(keys.key_file("data")),
        "SEAL_KEY_FILES": f"{keys.key_file('seal')},{keys.key_file('seal-before')}",
    }
    settings = Settings.from_env(environment)
    assert settings == Settings(
        production=True,
        log_level="info",
        admin_listen=Address(host="127.0.0.1", port=9090),
        tenants_file=tmp_path / "tenants.yaml",
        database_url=environment["DATABASE_URL"],
        amqp_url=environment["AMQP_URL"],
        data_keys=(read_key_file(keys.key_file("data")),),
        seal_keys=tuple(read_key_file(keys.key_file(name)) for name in ("seal", "seal-before")),
    )
    assert "hidden" not in repr(settings)


def test_every_mistake_at_once() -> None:
    """An empty environment is answered with everything that it lacks."""
    with pytest.raises(SettingsError) as caught:
        Settings.from_env({"ENVIRONMENT": "staging"})
    assert caught.value.mistakes == (
        "ENVIRONMENT: must be one of production, development",
        "TENANTS_FILE: is required",
        "DATABASE_URL: is required",
        "AMQP_URL: is required",
        "DATA_KEY_FILES: is required",
        "SEAL_KEY_FILES: is required",
    )
