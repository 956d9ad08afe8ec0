"""A tenant for somebody else's Actions, without a file: one application, one machine, one person."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from tests.tenant.config import Action, Client, Config, RateLimit
from tests.tenant.desk import TRY_OUT
from tests.tenant.errors import ConfigError
from tests.tenant.settings import Choices

PERSON = {
    "user_id": "auth0|ann",
    "email": "ann@example.org",
    "password": "ann-has-a-password",
    "email_verified": True,
    "given_name": "Ann",
    "family_name": "Example",
    "name": "Ann Example",
}
_APPLICATION = Client(
    client_id="TryOutTryOutTryOutTryOutTryOut12",
    name="the try-out application",
    callbacks=(TRY_OUT,),
    grants=("authorization_code", "refresh_token"),
)
_MACHINE = Client(
    client_id="machine",
    secret="machine-secret",
    name="Machine",
    grants=("client_credentials",),
    scope=("read:users", "update:users", "update:users_app_metadata"),
)


def trial_config(
    paths: Iterable[Path],
    *,
    secrets: Iterable[str] = (),
    defaults: Mapping[str, Any] | None = None,
    overrides: Mapping[str, Any] | None = None,
) -> Config:
    """A whole tenant around Actions in trigger order.

    Args:
        paths: their files.
        secrets: `NAME=VALUE`, which each of them gets.
        defaults: rows of the settings table.
        overrides: more of them, which win.

    Raises:
        ConfigError: a file cannot be read, or a secret is not NAME=VALUE.
    """
    mistakes: list[str] = []
    known = _secrets(secrets, mistakes)
    actions = tuple(_action(path, known, mistakes) for path in paths)
    if mistakes:
        raise ConfigError(tuple(mistakes))
    return Config(
        tenant_id="trial",
        issuer=None,
        friendly_name="Trial",
        default_redirection_uri=None,
        default_directory=True,
        apis={},
        clients={client.client_id: client for client in (_APPLICATION, _MACHINE)},
        users=(PERSON,),
        actions=actions,
        rate_limit=RateLimit(),
        custom_domains=(),
        choices=Choices(**{**(defaults or {}), **(overrides or {})}),
    )


def _secrets(pairs: Iterable[str], mistakes: list[str]) -> dict[str, str]:
    secrets: dict[str, str] = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not name or not equals:
            mistakes.append(f"--secret {name or pair} is not NAME=VALUE")
        secrets[name] = value
    return secrets


def _action(path: Path, secrets: dict[str, str], mistakes: list[str]) -> Action:
    try:
        code = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        mistakes.append(f"--action: cannot read {path}")
        code = ""
    whole = path.resolve()
    return Action(
        name=path.stem, code=code, secrets=secrets, filename=str(whole), directory=str(whole.parent)
    )
