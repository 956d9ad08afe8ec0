"""The personal part of a login: kept encrypted, read when needed, forgotten when the login is over."""

from collections.abc import Mapping
from typing import Any

from pydantic_core import from_json

from common.db import Connection
from common.vault import Place, Vault
from gateway import personal_store
from gateway.errors import GoneError
from gateway.login import Login
from gateway.texts import Text, text


def state_place(login: Login) -> Place:
    return _place(login, "state")


def profile_place(login: Login) -> Place:
    return _place(login, "profile")


def authorize_place(login: Login) -> Place:
    return _place(login, "authorize")


def network_place(login: Login) -> Place:
    return _place(login, "network")


def changes_place(login: Login) -> Place:
    return _place(login, "changes")


async def state_of(connection: Connection, login: Login, *, vault: Vault) -> str:
    """Auth0's `state`, to be sent back as it came."""
    ciphertext = await personal_store.load_state(connection, login.id)
    if ciphertext is None:
        raise GoneError("forgotten", login_url=login.login_url)
    return (await vault.decrypt(connection, ciphertext, place=state_place(login))).decode()


async def profile_of(connection: Connection, login: Login, *, vault: Vault) -> Mapping[str, Any]:
    """What the session token told about the person: the members of `common.profile.Profile` that it has."""
    ciphertext = await personal_store.load_profile(connection, login.id)
    if ciphertext is None:
        return {}
    profile: dict[str, Any] = from_json(
        await vault.decrypt(connection, ciphertext, place=profile_place(login))
    )
    return profile


async def authorize_of(connection: Connection, login: Login, *, vault: Vault) -> Mapping[str, str] | None:
    """The parameters of the authorization request that began the login, where the token told them."""
    ciphertext = await personal_store.load_authorize(connection, login.id)
    if ciphertext is None:
        return None
    request: dict[str, str] = from_json(
        await vault.decrypt(connection, ciphertext, place=authorize_place(login))
    )
    return request


def masked(email: str | None) -> str | Text:
    """`a***@example.com`: enough to recognise one's own account, too little to learn another's."""
    local, at, domain = (email or "").rpartition("@")
    return f"{local[:1]}***@{domain}" if at and local else text("login.start.unnamed")


def _place(login: Login, field: str) -> Place:
    transaction = login.transaction
    return Place(tenant=transaction.tenant, subject=transaction.subject, field=field, row=transaction.id)
