"""The merge: of two wishes for one key the higher rev wins, in whatever order they arrive.

This is Auth0's own rule with a rev for each key: only the first level merges, and None deletes. A deleted key
stays as a tombstone, or an older wish that arrives late would bring it back.
"""

import hashlib
import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

import msgspec
from msgspec import UNSET, Struct, UnsetType

from common.messages import DesiredValue, Kind
from metadata_sync.errors import UnfitUpdateError
from metadata_sync.kinds import kind_and_name

Value: TypeAlias = dict[str, Any] | None


class Wish(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a key shall hold from `rev` on; the value None deletes it.

    A personal one has no value that can be read here: it is encrypted (personal.py), and gone as soon as
    nobody needs it any more. `digest` tells equal values of one person, to who has the key; `size` is the
    value's, in bytes as JSON.
    """

    rev: int
    value: Value | UnsetType = UNSET
    digest: str = ""
    size: int = 0
    encrypted: str | None = None

    @property
    def is_personal(self) -> bool:
        return self.value is UNSET

    def __repr__(self) -> str:
        """Without the ciphertext."""
        return f"Wish(rev={self.rev}, value={self.value!r}, digest={self.digest!r})"


Desired: TypeAlias = Mapping[str, Wish]

MAX_VALUE_BYTES = 1024
MAX_TOTAL_BYTES = 2048
# The gateway counts a user's results one by one, and under policy `action` we learn only of late ones.
MOST_REVS_AHEAD = 1_000_000

# Auth0 refuses these names (Metadata Field Names and Data Types), and a dot or a dollar sign in any.
FORBIDDEN_KEYS = frozenset(
    {
        *("__tenant", "_id", "blocked", "clientID", "created_at", "email_verified", "email"),
        *("globalClientID", "global_client_id", "identities", "lastIP", "lastLogin", "loginsCount"),
        *("metadata", "multifactor_last_modified", "multifactor", "updated_at", "user_id"),
    }
)

# Made once: json.dumps makes one for each call.
_CANONICAL = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False)
_STRICT = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False, allow_nan=False)


@dataclass(frozen=True, kw_only=True)
class Patch:
    """What one write sends: at least one key, because an empty object would wipe the user's metadata.

    A personal value is its `Wish` until the patch is about to be sent.
    """

    first: tuple[str, Any]
    rest: tuple[tuple[str, Any], ...] = ()
    kind: Kind = Kind.APP_METADATA

    def body(self) -> dict[str, Any]:
        return dict((self.first, *self.rest))


def patch_of(values: Mapping[str, Any], *, kind: Kind = Kind.APP_METADATA) -> Patch | None:
    """The patch that sends these keys; None where there are none."""
    entries = tuple(values.items())
    return Patch(first=entries[0], rest=entries[1:], kind=kind) if entries else None


def merge(left: Desired, right: Desired) -> dict[str, Wish]:
    """Both wishes in one: associative, commutative and idempotent."""
    later = dict(left)
    for key, wish in right.items():
        known = later.get(key)
        if known is None or known.rev < wish.rev:
            later[key] = wish
        elif known.rev == wish.rev:
            later[key] = max(known, wish, key=_rank)
    return later


def _rank(wish: Wish) -> tuple[int, str, bool]:
    # The gateway never gives one rev to two values; if it did, both orders of arrival must still agree.
    if wish.is_personal:
        return wish.rev, wish.digest, wish.encrypted is None
    return wish.rev, canonical(wish.value), False


def digest(value: Value) -> str:
    """A short fingerprint by which equal values are known."""
    return hashlib.sha256(canonical(value).encode()).hexdigest()


def digest_of(wish: Wish) -> str:
    return digest(wish.value) if wish.value is not UNSET else wish.digest


def canonical(value: Any) -> str:
    return _CANONICAL.encode(value)


def refuse_unfit(user_id: str, update: Mapping[str, DesiredValue]) -> None:
    """Refuse what Auth0 or our database would refuse later, and an id that would name another path.

    Raises:
        UnfitUpdateError: `user_id_malformed`, `key_forbidden`, `value_not_json` or `value_too_large`.
    """
    if not user_id.strip("."):
        raise UnfitUpdateError("user_id_malformed")
    for key, wish in update.items():
        if key in FORBIDDEN_KEYS or not key or "." in key or "$" in key:
            raise UnfitUpdateError("key_forbidden")
        refuse_large(wish.value)


def refuse_large(value: Any) -> int:
    """The value's size in bytes.

    Raises:
        UnfitUpdateError: `value_not_json` or `value_too_large`.
    """
    size = _size(value)
    if size > MAX_VALUE_BYTES:
        raise UnfitUpdateError("value_too_large")
    return size


def refuse_never_given(known: Desired, update: Desired, *, at_least: int = 0) -> None:
    """Refuse a rev that the gateway cannot have given: as the highest, it would silence its key for ever.

    Raises:
        UnfitUpdateError: `rev_never_given`.
    """
    highest = max((wish.rev for wish in known.values()), default=at_least)
    if any(wish.rev > highest + MOST_REVS_AHEAD for wish in update.values()):
        raise UnfitUpdateError("rev_never_given")


def refuse_oversized(desired: Desired) -> None:
    """Refuse a user's whole desired state when a kind of it outgrows our share of the profile.

    Raises:
        UnfitUpdateError: `total_too_large`.
    """
    totals: Counter[Kind] = Counter()
    for key, wish in desired.items():
        kind, name = kind_and_name(key)
        totals[kind] += len(name.encode()) + _size_of(wish)
    if max(totals.values(), default=0) > MAX_TOTAL_BYTES:
        raise UnfitUpdateError("total_too_large")


def _size_of(wish: Wish) -> int:
    """Of a wish that was found fit before."""
    return wish.size if wish.is_personal else len(msgspec.json.encode(wish.value))


def _size(value: Any) -> int:
    try:
        text = _STRICT.encode(value).encode()
    except ValueError as exc:
        raise UnfitUpdateError("value_not_json") from exc
    if b"\\u0000" in text:
        # PostgreSQL's jsonb cannot hold it.
        raise UnfitUpdateError("value_not_json")
    return len(text)
