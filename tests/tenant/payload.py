"""What the Management API accepts in a user, and the words with which it refuses the rest."""

import re
from collections.abc import Callable
from typing import Any

from tests.tenant.errors import ApiError
from tests.tenant.settings import Choices

_TEXT_LIMITS = {
    "given_name": 150,
    "family_name": 150,
    "name": 300,
    "nickname": 300,
    "username": 128,
    "picture": 2048,
    "connection": 128,
    "client_id": 128,
}
_FLAGS = frozenset({"blocked", "email_verified", "phone_verified", "verify_email", "verify_phone_number"})
_METADATA = frozenset({"app_metadata", "user_metadata"})
# What the published description of the API says of a property stands in brackets behind its name.
_SAYS = {
    "app_metadata": "User metadata to which this user has read-only access.",
    "user_metadata": "User metadata to which this user has read/write access.",
    "blocked": "Whether this user was blocked by an administrator (true) or not (false).",
    "client_id": "Auth0 client ID. Only valid when updating email address.",
    "email": "Email address of this user.",
    "family_name": "Family name/last name/surname of this user.",
    "given_name": "Given name/first name/forename of this user.",
    "name": "Name of this user.",
    "nickname": "Preferred nickname or alias of this user.",
    "password": "New password for this user (mandatory for non-SMS connections).",
    "phone_number": "The user's phone number (following the E.164 recommendation).",
    "picture": "URL to picture, photo, or avatar of this user.",
    "username": "The user's username. Only valid if the connection requires a username.",
}
# fmt: off
_FORBIDDEN = frozenset({
    "__tenant", "_id", "blocked", "clientID", "created_at", "email_verified", "email", "globalClientID",
    "global_client_id", "identities", "lastIP", "lastLogin", "loginsCount", "metadata",
    "multifactor_last_modified", "multifactor", "updated_at", "user_id",
})
# fmt: on
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")
_PHONE = re.compile(r"\+[0-9]{1,15}")
_EMPTY = "Too few properties defined (0), minimum 1"
_SEPARATE = frozenset({"email", "password", "username"})


def check_user(body: dict[str, Any], *, extra: frozenset[str] = frozenset()) -> None:
    """Judge the fields of a create or an update.

    Args:
        body: the request's JSON object.
        extra: fields that only this operation takes.

    Raises:
        ApiError: 400 invalid_body.
    """
    if not body:
        raise invalid(_EMPTY)
    for name, value in body.items():
        if name not in extra:
            _check_field(name, value)


def check_update(body: dict[str, Any], choices: Choices) -> None:
    """Judge the fields of an update.

    Raises:
        ApiError: 400 invalid_body.
    """
    if not body:
        raise invalid(_EMPTY, status=int(choices.empty_update_status))
    check_user(body)
    together = sorted(_SEPARATE.intersection(body))
    if choices.patch_combinations == "separate" and len(together) > 1:
        raise invalid(f"Cannot update {' and '.join(together)} simultaneously")


def _check_field(name: str, value: Any) -> None:
    if name in _METADATA:
        _check_metadata(name, value)
    elif name in _FLAGS:
        _expect(name, value, lambda: isinstance(value, bool), named="boolean")
    elif name in _TEXT_LIMITS:
        _check_text(name, value, limit=_TEXT_LIMITS[name])
    elif name == "email":
        _check_format(name, value, _EMAIL)
    elif name == "phone_number":
        _check_format(name, value, _PHONE)
    elif name == "password":
        _expect(name, value, lambda: isinstance(value, str), named="string")
    else:
        raise invalid(f"Additional properties not allowed: {name}")


def _check_text(name: str, value: Any, *, limit: int) -> None:
    if value is None:
        return
    _expect(name, value, lambda: isinstance(value, str), named="string")
    if not value:
        raise _wrong(name, "String is too short (0 chars), minimum 1")
    if len(value) > limit:
        raise _wrong(name, f"String is too long ({len(value)} chars), maximum {limit}")


def _check_metadata(name: str, value: Any) -> None:
    if value is None:
        return
    if not isinstance(value, dict):
        raise _wrong(name, f"Expected type object but found type {_kind(value)}")
    for key in value:
        if "." in key or "$" in key:
            raise _wrong(name, f"Metadata keys must not contain . or $: {key}")
        if name == "app_metadata" and key in _FORBIDDEN:
            raise _wrong(name, f"Not allowed in app_metadata: {key}")


def _check_format(name: str, value: Any, pattern: re.Pattern[str]) -> None:
    if value is not None and not (isinstance(value, str) and pattern.fullmatch(value)):
        raise _wrong(name, f"Object didn't pass validation for format {name}: {value}")


def _wrong(name: str, message: str) -> ApiError:
    says = f" ({_SAYS[name]})" if name in _SAYS else ""
    return invalid(message, where=f"{name}{says}")


def _expect(name: str, value: Any, holds: Callable[[], bool], *, named: str) -> None:
    if not holds():
        raise _wrong(name, f"Expected type {named} but found type {_kind(value)}")


def invalid(message: str, *, where: str | None = None, status: int = 400) -> ApiError:
    """`Payload validation error: '…' on property …`."""
    place = f" on property {where}" if where else ""
    return ApiError(status, f"Payload validation error: '{message}'{place}.", code="invalid_body")


def _kind(value: Any) -> str:
    kinds = {bool: "boolean", int: "integer", float: "number", str: "string", list: "array", dict: "object"}
    return kinds.get(type(value), "null")
