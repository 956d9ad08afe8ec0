"""The environment of metadata-sync."""

from pathlib import Path

import pytest

from common.settings import Address, SettingsError, read_key_file
from metadata_sync.settings import Settings
from tests.support.secret_folder import SecretFolder, write_private


def test_the_least_that_is_needed(tmp_path: Path) -> None:
    """With the required variables alone it is a production service on its default address."""
    (tmp_path / "tenants.yaml").touch()
    keys = SecretFolder(tmp_path / "keys")
    environment = {
        "TENANTS_FILE": str(tmp_path / "tenants.yaml"),
        "DATABASE_URL": "postgresql://waystation_metadata_sync:hidden-in-24-characters@127.0.0.1:5432/waystation",
        "AMQP_URL": "amqp://metadata-sync:hidden-in-24-characters@127.0.0.1:5672/waystation",
        "DATA_KEY_FILES": str(keys.key_file("data")),
        "SEAL_KEY_FILES": f"{keys.key_file('seal')},{keys.key_file('seal-before')}",
    }
    settings = Settings.from_env(environment)
    assert settings == Settings(
        production=True,
        log_level="info",
        log_format="json",
        admin_listen=Address(host="127.0.0.1", port=9090),
        tenants_file=tmp_path / "tenants.yaml",
        database_url=environment["DATABASE_URL"],
        amqp_url=environment["AMQP_URL"],
        data_keys=(read_key_file(keys.key_file("data")),),
        internal=None,
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


@pytest.mark.parametrize(
    ("changes", "mistake"),
    [
        ({"INTERNAL_TOKEN_FILES": ""}, "INTERNAL_TOKEN_FILES: is required with INTERNAL_LISTEN"),
        (
            {"INTERNAL_TOKEN_FILES": "/nowhere"},
            "INTERNAL_TOKEN_FILES: names a file that cannot be read as text",
        ),
        (
            {"INTERNAL_LISTEN": "0.0.0.0:9443"},
            "INTERNAL_LISTEN: needs INTERNAL_TLS_CERT_FILE and INTERNAL_TLS_KEY_FILE",
        ),
        ({"INTERNAL_TLS_KEY_FILE": "/nowhere"}, "INTERNAL_TLS_KEY_FILE: names a file that does not exist"),
    ],
)
def test_the_password_call_is_never_open(tmp_path: Path, changes: dict[str, str], mistake: str) -> None:
    """It needs a token, and TLS unless it is on loopback."""
    write_private(tmp_path / "token", "token-of-the-gateway-0123456789ab")
    environment = {"INTERNAL_LISTEN": "127.0.0.1:9091", "INTERNAL_TOKEN_FILES": str(tmp_path / "token")}
    with pytest.raises(SettingsError) as caught:
        Settings.from_env(environment | changes)
    assert mistake in caught.value.mistakes


@pytest.mark.parametrize("content", ["token-of-the-gateway-0123456789", "t" * 40, "token-of-the-gateway" * 2])
def test_a_token_that_can_be_guessed_is_none(tmp_path: Path, content: str) -> None:
    """A token that can be guessed opens nothing."""
    write_private(tmp_path / "token", content)
    with pytest.raises(SettingsError, match="must hold 32 random characters"):
        Settings.from_env({"INTERNAL_TOKEN_FILES": str(tmp_path / "token")})
