"""Connections: where people come from, and what their passwords must be like."""

import re
from dataclasses import dataclass
from typing import Any

from tests.tenant.errors import ApiError

POLICIES = ("none", "low", "fair", "good", "excellent")
ROOT_ATTRIBUTES = ("on_each_login", "on_first_login")
_STORED = frozenset({"auth0", "email", "sms"})
_ENTERPRISE = frozenset({"ad", "adfs", "waad", "samlp", "oidc", "okta", "pingfederate", "google-apps"})
_ROOT = ("given_name", "family_name", "name", "nickname", "picture")
_CLASSES = (r"[a-z]", r"[A-Z]", r"[0-9]", r"[^A-Za-z0-9]")
_COMMON = frozenset(
    {
        *("password", "password1", "password123", "passw0rd", "123456789", "12345678", "1234567890"),
        *("qwertyuiop", "qwerty123", "iloveyou", "sunshine", "princess", "football", "baseball"),
        *("welcome1", "letmein1", "superman", "trustno1", "abcd1234", "1q2w3e4r", "dragon123"),
    }
)
# What of a user a password must not contain, if it has three characters or more.
_PERSONAL = ("name", "username", "nickname", "given_name", "family_name")
_SHORTEST_PERSONAL = 3


@dataclass(frozen=True, kw_only=True)
class Connection:
    """One connection. The password options are those of a database; `password_history` is how many count."""

    name: str
    strategy: str = "auth0"
    set_user_root_attributes: str = "on_each_login"
    password_policy: str = "good"
    password_history: int = 0
    password_dictionary: bool = False
    password_no_personal_info: bool = False

    @property
    def stores_profiles(self) -> bool:
        """Whether root attributes can be written here rather than at a provider."""
        return self.strategy in _STORED or self.set_user_root_attributes == "on_first_login"


class Connections:
    """Those of the tenant file; any other name is one with the defaults of its strategy."""

    def __init__(self, connections: tuple[Connection, ...]) -> None:
        self._known = {connection.name: connection for connection in connections}

    def of(self, user: dict[str, Any]) -> Connection:
        """The connection of the user's main identity."""
        identity = user["identities"][0]
        name, strategy = identity["connection"], identity["provider"]
        return self._known.get(name) or Connection(name=name, strategy=strategy)

    def named(self, name: str) -> Connection:
        """The one of that name, or a database."""
        return self._known.get(name) or Connection(name=name)


def is_social(provider: str) -> bool:
    """Whether `identities[].isSocial` is true."""
    return provider not in _STORED | _ENTERPRISE


def check_root_attributes(body: dict[str, Any], connection: Connection) -> None:
    """Root attributes of people from elsewhere follow their provider.

    Raises:
        ApiError: 400, with the text of real tenants.
    """
    refused = sorted(name for name in _ROOT if name in body)
    if refused and not connection.stores_profiles:
        raise ApiError(
            400,
            f"The following user attributes cannot be updated: {', '.join(refused)}. "
            f"The connection ({connection.name}) must either be a database connection (using the "
            "Auth0 store), a passwordless connection (email or sms) or has disabled 'Sync user profile "
            "attributes at each login'. For more information, see "
            "https://auth0.com/docs/dashboard/guides/connections/configure-connection-sync",
        )


def check_has_password(connection: Connection) -> None:
    """Only a database has passwords to change.

    Raises:
        ApiError: 400.
    """
    if connection.strategy != "auth0":
        raise ApiError(
            400,
            "The user's main connection does not support this operation",
            code="operation_not_supported",
        )


def check_password(
    password: str, *, connection: Connection, user: dict[str, Any], former: tuple[str, ...]
) -> None:
    """Judge a new password by the connection's policy.

    Args:
        password: as it was typed.
        connection: whose policy counts.
        user: whose name and address it may not contain.
        former: earlier ones, the newest first.

    Raises:
        ApiError: 400, `PasswordStrengthError` and its like.
    """
    if not _is_strong(password, connection.password_policy):
        raise ApiError(400, "PasswordStrengthError: Password is too weak")
    if connection.password_dictionary and password.lower() in _COMMON:
        raise ApiError(400, "PasswordDictionaryError: Password is too common")
    if connection.password_no_personal_info and _is_personal(password, user):
        raise ApiError(400, "PasswordNoUserInfoError: Password contains user information")
    if password in former[: connection.password_history]:
        raise ApiError(400, "PasswordHistoryError: Password has previously been used")


def _is_strong(password: str, policy: str) -> bool:
    """The five levels that Auth0 documents."""
    kinds = sum(bool(re.search(pattern, password)) for pattern in _CLASSES)
    match policy:
        case "none":
            return len(password) >= 1
        case "low":
            return len(password) >= 6
        case "fair":
            return len(password) >= 8 and all(re.search(pattern, password) for pattern in _CLASSES[:3])
        case "good":
            return len(password) >= 8 and kinds >= 3
        case _:
            return len(password) >= 10 and kinds >= 3 and not re.search(r"(.)\1\1", password)


def _is_personal(password: str, user: dict[str, Any]) -> bool:
    values = [str(user.get(name, "")) for name in _PERSONAL]
    parts = [*values, *str(user.get("name", "")).split(), str(user.get("email", "")).partition("@")[0]]
    typed = password.lower()
    return any(len(part) >= _SHORTEST_PERSONAL and part.lower() in typed for part in parts)
