"""The environment of proofing."""

from pathlib import Path

import pytest

from common.settings import Address, SettingsError
from proofing.settings import Settings
from tests.support.secret_folder import SecretFolder


@pytest.fixture
def environment(tmp_path: Path, tenants_file: Path) -> dict[str, str]:
    keys = SecretFolder(tmp_path / "keys")
    return {
        "TENANTS_FILE": str(tenants_file),
        "DATABASE_URL": "postgresql://waystation_proofing:secret-in-24-characters@127.0.0.1:5432/waystation",
        "AMQP_URL": "amqp://proofing:secret-in-24-characters@127.0.0.1:5672/waystation",
        "DATA_KEY_FILES": str(keys.key_file("data")),
        "SEAL_KEY_FILES": f"{keys.key_file('seal')},{keys.key_file('seal-before')}",
    }


def test_the_least_that_is_needed(environment: dict[str, str], tmp_path: Path) -> None:
    """With the required variables alone it is a production service on its default address."""
    settings = Settings.from_env(environment)
    assert (settings.production, settings.log_level, settings.log_format, settings.admin_listen) == (
        True,
        "info",
        "json",
        Address(host="127.0.0.1", port=9090),
    )
    assert settings.tenants_file == tmp_path / "tenants.yaml"
    assert [len(key) for key in (*settings.data_keys, *settings.seal_keys)] == [32, 32, 32]
    assert "secret" not in repr(settings)


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
