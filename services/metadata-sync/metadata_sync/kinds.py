"""What of a user is written: app_metadata, root attributes, user_metadata; each kind is a call of its own.

A user's desired state has the keys of all kinds side by side: those of app_metadata by their names, the
others as `root.given_name` or `user_metadata.birthdate`. No name contains a dot, since Auth0 refuses it.
"""

from collections.abc import Iterable, Mapping

from common.messages import Kind

KINDS = tuple(Kind)


def key_of(kind: Kind, name: str) -> str:
    return name if kind is Kind.APP_METADATA else f"{kind}.{name}"


def kind_and_name(key: str) -> tuple[Kind, str]:
    kind, dot, name = key.partition(".")
    return (Kind(kind), name) if dot else (Kind.APP_METADATA, key)


def by_kind(keys: Mapping[str, int]) -> dict[Kind, dict[str, int]]:
    """The same under the kind and name of each key; a kind without keys is not there."""
    parts: dict[Kind, dict[str, int]] = {}
    for key, rev in keys.items():
        kind, name = kind_and_name(key)
        parts.setdefault(kind, {})[name] = rev
    return parts


def next_after(last: Kind | None, kinds: Iterable[Kind]) -> Kind:
    """Whose turn it is: so that a kind which fails again and again keeps no other from being tried."""
    start = 0 if last is None else KINDS.index(last) + 1
    return min(kinds, key=lambda kind: (KINDS.index(kind) - start) % len(KINDS))
