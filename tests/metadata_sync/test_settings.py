"""The environment of metadata-sync."""

from pathlib import Path

import pytest

from common.settings import Address, SettingsError
from metadata_sync.settings import Settings


def test_the_least_that_is_needed(tmp_path: Path) -> None:
    """With the required variables alone it is a production service on its default address."""
    (tmp_path / "tenants.yaml").touch()
    environment = {
        "TENANTS_FILE": str(tmp_path / "tenants.yaml"),
        "DATABASE_URL": "postgresql://waystation_metadata_sync:hidden@127.0.0.1:5432/waystation",
        "AMQP_URL": "amqp://metadata-sync:hidden@127.0.0.1:5672/waystation",
    }
    settings = Settings.from_env(environment)
    assert settings == Settings(
        production=True,
        log_level="info",
        admin_listen=Address(host="127.0.0.1", port=9090),
        tenants_file=tmp_path / "tenants.yaml",
        database_url=environment["DATABASE_URL"],
        amqp_url=environment["AMQP_URL"],
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
    )
