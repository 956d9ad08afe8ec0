"""What a document is compared with: what the account has, or what the person told the step `profile`.

Where the tenant's rules say `compare_with: told`, this stands above the account: what was typed in this
login, then what was typed earlier and could not replace another provider's value. Whoever proves a name that
they have typed themselves has proved less: proofing is told which values those are.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from common.messages import Kind
from common.tenant_idproof import IdproofStep
from gateway.personal_changes import Changes
from gateway.steps.profile.known import Known

_NAMES = ("given_name", "family_name")
_COMPARED = (*_NAMES, "birthdate")


@dataclass(frozen=True, kw_only=True)
class Compared:
    """The values by name; `told` names those that are not what the account has."""

    values: Mapping[str, str] = field(repr=False)
    told: tuple[str, ...] = ()


def compared(profile: Mapping[str, Any], changes: Changes, rules: IdproofStep) -> Compared:
    """From the members of the token's profile and what the person changed in this login."""
    account = {name: profile[name] for name in _COMPARED if name in profile}
    if rules.compare_with == "account":
        return Compared(values=account)
    values = {**account, **dict(_told_before(profile)), **dict(_told_now(changes))}
    told = tuple(name for name in _COMPARED if values.get(name) != account.get(name))
    return Compared(values=values, told=told)


def _told_before(profile: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Where the account's names are the tenant's own, they are what the person told last."""
    known = Known.of(profile)
    for name in _NAMES:
        value = known.values.get(f"user_metadata.{name}")
        if isinstance(value, str) and (known.provider is not None or name not in profile):
            yield name, value


def _told_now(changes: Changes) -> Iterator[tuple[str, str]]:
    for kind in (Kind.USER_METADATA, Kind.ROOT):
        for name, value in changes.get(kind, {}).items():
            if name in _COMPARED and isinstance(value, str):
                yield name, value
