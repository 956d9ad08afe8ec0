"""What the gateway takes from its environment."""

import base64
from ipaddress import ip_network
from pathlib import Path

import pytest

from common.settings import Address, SettingsError
from gateway.limits import Rate
from gateway.limits_settings import LimitSettings
from gateway.settings import PasswordCallSettings, Settings
from tests.common.tenants_on_disk import section, write_tenants
from tests.support.secret_folder import write_private


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    """The least that the gateway starts with."""
    write_tenants(tmp_path, {"acme": section()})
    for number, name in enumerate(("cookie", "cookie.before", "data", "seal", "seal.sync"), 1):
        write_private(tmp_path / name, base64.urlsafe_b64encode(bytes(range(number, number + 32))).decode())
    return {
        "PUBLIC_BASE_URL": "https://steps.example",
        "TENANTS_FILE": str(tmp_path / "tenants.yaml"),
        "DATABASE_URL": "postgresql://waystation_gateway:a-password-of-24-letters@db/waystation",
        "AMQP_URL": "amqp://gateway:a-password-of-24-letters@mq/waystation",
        "COOKIE_KEY_FILES": f"{tmp_path / 'cookie'}, {tmp_path / 'cookie.before'}",
        "DATA_KEY_FILES": str(tmp_path / "data"),
        "PROOFING_SEAL_KEY_FILE": str(tmp_path / "seal"),
        "METADATA_SYNC_SEAL_KEY_FILE": str(tmp_path / "seal.sync"),
        "TRUSTED_PROXIES": "10.0.0.0/8, fd00::/8",
    }


def test_the_least(environ: dict[str, str], tmp_path: Path) -> None:
    """What is not given has a default that is safe in production."""
    assert Settings.from_env(environ) == Settings(
        production=True,
        log_level="info",
        log_format="json",
        listen=Address(host="0.0.0.0", port=8080),  # noqa: S104 - the default inside a container
        admin_listen=Address(host="127.0.0.1", port=9090),
        public_base_url="https://steps.example",
        tenants_file=tmp_path / "tenants.yaml",
        database_url="postgresql://waystation_gateway:a-password-of-24-letters@db/waystation",
        amqp_url="amqp://gateway:a-password-of-24-letters@mq/waystation",
        cookie_keys=(bytes(range(1, 33)), bytes(range(2, 34))),
        data_keys=(bytes(range(3, 35)),),
        proofing_seal_keys=(bytes(range(4, 36)),),
        metadata_sync_seal_keys=(bytes(range(5, 37)),),
        password_call=None,
        languages_folder=None,
        limits=LimitSettings(
            trusted_proxies=(ip_network("10.0.0.0/8"), ip_network("fd00::/8")),
            address=Rate(burst=500, seconds=10.0),
            user=Rate(burst=20, seconds=120.0),
            tenant=Rate(burst=1_000, seconds=10.0),
            connections_per_address=200,
            open_per_user=5,
            open_per_tenant=10_000,
        ),
    )


def test_secrets_are_not_shown(environ: dict[str, str]) -> None:
    """The text form of settings holds no password and no key."""
    shown = repr(Settings.from_env(environ))
    assert "pw" not in shown
    assert "\\x01" not in shown


def test_every_mistake_at_once() -> None:
    """An empty environment is answered with everything that is missing."""
    with pytest.raises(SettingsError) as wrong:
        Settings.from_env({})
    assert [mistake.partition(":")[0] for mistake in wrong.value.mistakes] == [
        "TENANTS_FILE",
        "DATABASE_URL",
        "AMQP_URL",
        "PUBLIC_BASE_URL",
        "COOKIE_KEY_FILES",
        "DATA_KEY_FILES",
        "PROOFING_SEAL_KEY_FILE",
        "METADATA_SYNC_SEAL_KEY_FILE",
        "TRUSTED_PROXIES",
    ]


def test_the_password_call(environ: dict[str, str], tmp_path: Path) -> None:
    """With its address the token is read, and is not shown."""
    write_private(tmp_path / "token", "a-token-of-the-gateway-0123456789\n")
    environ |= {
        "PASSWORD_CALL_URL": "https://sync.internal:9443/",
        "PASSWORD_CALL_TOKEN_FILE": str(tmp_path / "token"),
    }
    call = Settings.from_env(environ).password_call
    assert call == PasswordCallSettings(
        url="https://sync.internal:9443", token="a-token-of-the-gateway-0123456789"
    )
    assert "a-token" not in repr(call)


@pytest.mark.parametrize(
    ("changes", "name"),
    [
        ({"PASSWORD_CALL_URL": "http://sync.internal"}, "PASSWORD_CALL_URL"),
        ({"PASSWORD_CALL_URL": "https://sync.internal/path"}, "PASSWORD_CALL_URL"),
        ({"PASSWORD_CALL_TOKEN_FILE": "/nowhere"}, "PASSWORD_CALL_TOKEN_FILE"),
        ({"PASSWORD_CALL_TOKEN_FILE": ""}, "PASSWORD_CALL_TOKEN_FILE"),
        ({"PASSWORD_CALL_CA_FILE": "/nowhere"}, "PASSWORD_CALL_CA_FILE"),
    ],
)
def test_mistakes_of_the_password_call(
    environ: dict[str, str], tmp_path: Path, changes: dict[str, str], name: str
) -> None:
    """A password never leaves the machine unencrypted or without proof of who asks."""
    write_private(tmp_path / "token", "a-token-of-the-gateway-0123456789")
    environ |= {
        "PASSWORD_CALL_URL": "http://127.0.0.1:9443",
        "PASSWORD_CALL_TOKEN_FILE": str(tmp_path / "token"),
    }
    with pytest.raises(SettingsError, match=rf"^{name}: "):
        Settings.from_env(environ | changes)


@pytest.mark.parametrize(
    "url",
    [
        "http://steps.example",
        "https://steps.example/path",
        "https://steps.example?x",
        "https://steps.example#x",
        "https://STEPS.example",
        "https://steps.example:443",
        "https://user@steps.example",
        "https://user:secret@steps.example",
        "https://",
        "steps.example",
    ],
)
def test_origins_that_no_browser_would_name(environ: dict[str, str], url: str) -> None:
    """The public origin is compared with `Origin` and `Host` as it is, so it must be as browsers write it."""
    with pytest.raises(SettingsError) as wrong:
        Settings.from_env({**environ, "PUBLIC_BASE_URL": url})
    assert all(mistake.startswith("PUBLIC_BASE_URL: must be ") for mistake in wrong.value.mistakes)
    assert "secret" not in str(wrong.value)


@pytest.mark.parametrize(
    ("url", "origin"),
    [
        ("https://steps.example/", "https://steps.example"),
        ("https://steps.example:8443", "https://steps.example:8443"),
        ("http://127.0.0.3:4443", "http://127.0.0.3:4443"),
    ],
)
def test_origins_in_development(environ: dict[str, str], url: str, origin: str) -> None:
    """A port is part of an origin; http is for development only."""
    found = Settings.from_env({**environ, "ENVIRONMENT": "development", "PUBLIC_BASE_URL": url})
    assert found.public_base_url == origin
    assert not found.production


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("TRUSTED_PROXIES", "10.0.0.1/8"),
        ("TRUSTED_PROXIES", "10.0.0.0/8,"),
        ("TRUSTED_PROXIES", "proxy.internal"),
        ("LIMIT_ADDRESS", "500"),
        ("LIMIT_ADDRESS", "0/10s"),
        ("LIMIT_USER", "5/0s"),
        ("LIMIT_TENANT", "5/1m"),
        ("CONNECTIONS_PER_ADDRESS", "0"),
        ("OPEN_LOGINS_PER_USER", "many"),
        ("OPEN_LOGINS_PER_TENANT", "1000001"),
    ],
)
def test_mistakes_of_limits(environ: dict[str, str], name: str, value: str) -> None:
    """A limit that is not one is named, and no default takes its place unseen."""
    with pytest.raises(SettingsError, match=rf"^{name}: "):
        Settings.from_env(environ | {name: value})


def test_limits(environ: dict[str, str]) -> None:
    """Each can be set, or lifted where somebody else limits; outside production nobody is in front of us."""
    del environ["TRUSTED_PROXIES"]
    environ |= {
        "ENVIRONMENT": "development",
        "LIMIT_ADDRESS": "1/60s",
        "LIMIT_USER": "off",
        "LIMIT_TENANT": "999999/99999s",
        "CONNECTIONS_PER_ADDRESS": "1",
        "OPEN_LOGINS_PER_USER": "1",
        "OPEN_LOGINS_PER_TENANT": "1000000",
    }
    assert Settings.from_env(environ).limits == LimitSettings(
        trusted_proxies=(),
        address=Rate(burst=1, seconds=60.0),
        user=None,
        tenant=Rate(burst=999_999, seconds=99_999.0),
        connections_per_address=1,
        open_per_user=1,
        open_per_tenant=1_000_000,
    )


def test_no_proxies_in_production(environ: dict[str, str]) -> None:
    """That nobody stands in front has to be said."""
    assert Settings.from_env(environ | {"TRUSTED_PROXIES": "none"}).limits.trusted_proxies == ()
