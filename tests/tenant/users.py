"""Users as the Management API knows them: documents whose every version is remembered for stale reads."""

import copy
import json
from collections import deque
from dataclasses import dataclass
from typing import Any

from tests.tenant.clock import Clock, iso
from tests.tenant.connections import is_social
from tests.tenant.errors import ApiError
from tests.tenant.visit import same

METADATA = ("app_metadata", "user_metadata")
PROFILE_BYTES = 10 * 1024
_VERSIONS_KEPT = 20


@dataclass(frozen=True)
class _Version:
    written_at: float
    document: dict[str, Any]
    password: str | None


class Users:
    """All users of the tenant."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._versions: dict[str, deque[_Version]] = {}
        self._former: dict[str, list[str]] = {}

    def put(self, seed: dict[str, Any]) -> dict[str, Any]:
        """Create or replace a user from a document as in the tenant file; no `password` keeps the old one."""
        document = copy.deepcopy(seed)
        password = document.pop("password", None) or self._password(seed["user_id"])
        self._complete(document)
        return self._write(document, password)

    def _password(self, user_id: str) -> str | None:
        versions = self._versions.get(user_id)
        return versions[-1].password if versions else None

    def _complete(self, document: dict[str, Any]) -> None:
        user_id = str(document["user_id"])
        provider = document.pop("provider", None) or user_id.partition("|")[0]
        connection = document.pop("connection", None) or _default_connection(provider)
        now = iso(self._clock.now())
        document.setdefault("email_verified", False)
        document.setdefault("name", document.get("email", ""))
        document.setdefault("nickname", str(document.get("email", "")).partition("@")[0])
        document.setdefault("picture", "https://s.gravatar.com/avatar/0?s=480&r=pg&d=identicon")
        document.setdefault("created_at", now)
        document["updated_at"] = now
        document.setdefault("logins_count", 0)
        document.setdefault(
            "identities",
            [
                {
                    "connection": connection,
                    "user_id": user_id.partition("|")[2] or user_id,
                    "provider": provider,
                    "isSocial": is_social(provider),
                }
            ],
        )
        for name in METADATA:
            if not document.get(name):
                document.pop(name, None)

    def _write(self, document: dict[str, Any], password: str | None) -> dict[str, Any]:
        versions = self._versions.setdefault(document["user_id"], deque(maxlen=_VERSIONS_KEPT))
        versions.append(_Version(self._clock.now(), document, password))
        former = self._former.setdefault(document["user_id"], [])
        if password is not None and former[:1] != [password]:
            former.insert(0, password)
        return document

    def former_passwords(self, user_id: str) -> tuple[str, ...]:
        """The present password and those before it, the newest first."""
        return tuple(self._former.get(user_id, ()))

    def get(self, user_id: str, *, lag: float = 0) -> dict[str, Any] | None:
        """The document now, or the newest one that is at least `lag` seconds old."""
        versions = self._versions.get(user_id)
        if not versions:
            return None
        if not lag:
            return versions[-1].document
        horizon = self._clock.now() - lag
        old = [version for version in versions if version.written_at <= horizon]
        return (old or versions)[-1 if old else 0].document

    def all(self, *, lag: float = 0) -> list[dict[str, Any]]:
        """Every user, in order of creation."""
        found = (self.get(user_id, lag=lag) for user_id in list(self._versions))
        return [document for document in found if document is not None]

    def by_email(self, email: str) -> list[dict[str, Any]]:
        """Users with this address; letter case does not count."""
        return [user for user in self.all() if str(user.get("email", "")).lower() == email.lower()]

    def by_login(self, username: str, password: str) -> dict[str, Any] | None:
        """The user whom a login form names, if the password is right; one who is blocked too."""
        for user in self.all():
            names = {str(user.get("email", "")).lower(), str(user.get("username", "")).lower()} - {""}
            known = self._password(user["user_id"])
            if username.lower() in names and known is not None:
                return user if same(known, password) else None
        return None

    def delete(self, user_id: str) -> None:
        """Forget a user; one who is not there is no mistake."""
        self._versions.pop(user_id, None)
        self._former.pop(user_id, None)

    def patch(self, user_id: str, changes: dict[str, Any], *, limit: int | None = None) -> dict[str, Any]:
        """Apply changes that were judged before, metadata merged at its first level.

        Raises:
            ApiError: 404, the user does not exist; 400, the profile would have more than `limit` bytes.
        """
        current = self.get(user_id)
        if current is None:
            raise ApiError(404, "The user does not exist.", code="inexistent_user")
        document = dict(current)  # versions share what is below: nobody changes it in place
        password = self._password(user_id)
        now = iso(self._clock.now())
        for name, value in changes.items():
            if name == "password":
                password = value
                document["last_password_reset"] = now
            elif name in METADATA:
                _merge_metadata(document, name, value)
            else:
                _assign(document, name, value)
        document["updated_at"] = now
        if limit is not None and len(json.dumps(document)) > limit:
            raise ApiError(400, "The user profile exceeds its size limit.", code="invalid_body")
        return self._write(document, password)

    def count_login(self, user_id: str) -> None:
        """One more login in `logins_count`."""
        user = self.get(user_id)
        if user is not None:
            user["logins_count"] = int(user.get("logins_count", 0)) + 1


def merge(current: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    """First-level merge as documented: null deletes a key, a nested object replaces the old one whole."""
    merged = {**current, **changes}
    return {name: value for name, value in merged.items() if value is not None}


def _merge_metadata(document: dict[str, Any], name: str, changes: dict[str, Any] | None) -> None:
    if not changes:
        document.pop(name, None)
        return
    document[name] = merge(document.get(name, {}), changes)


def _assign(document: dict[str, Any], name: str, value: Any) -> None:
    if value is None:
        document.pop(name, None)
    else:
        document[name] = value


def _default_connection(provider: str) -> str:
    return "Username-Password-Authentication" if provider == "auth0" else provider
