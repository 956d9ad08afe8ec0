"""The merge: of two wishes for one key the higher rev wins, in whatever order they arrive.

This is Auth0's own rule with a rev for each key: only the first level merges, and None deletes. A deleted key
stays as a tombstone, or an older wish that arrives late would bring it back.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from common.messages import DesiredValue
from metadata_sync.errors import UnfitUpdateError

Value: TypeAlias = dict[str, Any] | None
Desired: TypeAlias = Mapping[str, DesiredValue]

MAX_VALUE_BYTES = 1024
MAX_TOTAL_BYTES = 2048

# Auth0 refuses these names (Metadata Field Names and Data Types), and a dot or a dollar sign in any.
FORBIDDEN_KEYS = frozenset(
    {
        *("__tenant", "_id", "blocked", "clientID", "created_at", "email_verified", "email"),
        *("globalClientID", "global_client_id", "identities", "lastIP", "lastLogin", "loginsCount"),
        *("metadata", "multifactor_last_modified", "multifactor", "updated_at", "user_id"),
    }
)


@dataclass(frozen=True, kw_only=True)
class Patch:
    """What one write sends: at least one key, because an empty object would wipe the user's metadata."""

    first: tuple[str, Value]
    rest: tuple[tuple[str, Value], ...] = ()

    def body(self) -> dict[str, Value]:
        return dict((self.first, *self.rest))


def patch_of(values: Mapping[str, Value]) -> Patch | None:
    """The patch that sends these keys; None where there are none."""
    entries = tuple(values.items())
    return Patch(first=entries[0], rest=entries[1:]) if entries else None


def merge(left: Desired, right: Desired) -> dict[str, DesiredValue]:
    """Both wishes in one: associative, commutative and idempotent."""
    later = dict(left)
    for key, wish in right.items():
        later[key] = max(later.get(key, wish), wish, key=_rank)
    return later


def _rank(wish: DesiredValue) -> tuple[int, str]:
    # The gateway never gives one rev to two values; if it did, both orders of arrival must still agree.
    return wish.rev, canonical(wish.value)


def digest(value: Value) -> str:
    """A short fingerprint by which equal values are known."""
    return hashlib.sha256(canonical(value).encode()).hexdigest()


def canonical(value: Value) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def refuse_unfit(user_id: str, update: Desired) -> None:
    """Refuse what Auth0 or our database would refuse later, and an id that would name another path.

    Raises:
        UnfitUpdateError: `user_id_malformed`, `key_forbidden`, `value_not_json` or `value_too_large`.
    """
    if not user_id.strip("."):
        raise UnfitUpdateError("user_id_malformed")
    for key, wish in update.items():
        if key in FORBIDDEN_KEYS or not key or {".", "$"} & set(key):
            raise UnfitUpdateError("key_forbidden")
        if _size(wish.value) > MAX_VALUE_BYTES:
            raise UnfitUpdateError("value_too_large")


def refuse_oversized(desired: Desired) -> None:
    """Refuse a user's whole desired state when it outgrows our share of the profile.

    Raises:
        UnfitUpdateError: `total_too_large`.
    """
    if sum(len(key.encode()) + _size(wish.value) for key, wish in desired.items()) > MAX_TOTAL_BYTES:
        raise UnfitUpdateError("total_too_large")


def _size(value: Value) -> int:
    try:
        text = json.dumps(value, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode()
    except ValueError as exc:
        raise UnfitUpdateError("value_not_json") from exc
    if b"\\u0000" in text:
        # PostgreSQL's jsonb cannot hold it.
        raise UnfitUpdateError("value_not_json")
    return len(text)
