"""What is known of the keys of one user: what an attempt carries, and what the tenant took or refused."""

from collections.abc import Mapping
from datetime import datetime

from msgspec import Struct

from common.messages import Kind
from metadata_sync.due import Changes


class Confirmed(Struct, frozen=True, kw_only=True):
    """The tenant answered 200 for this rev, at this time; `digest` tells the value."""

    rev: int
    digest: str
    at: datetime


class Sent(Struct, frozen=True, kw_only=True):
    """What an attempt carries for one key."""

    rev: int
    digest: str


class Attempt(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A write that has begun and whose end is not recorded yet; `changes` is when its wishes came."""

    at: datetime
    keys: dict[str, Sent]
    changes: Changes | None
    kind: Kind = Kind.APP_METADATA


class Parked(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A wish that the tenant refused for good; a newer rev of the key is tried again.

    `dropped`: an operator has given it up, so that nobody has to look at it any more.
    """

    rev: int
    reason: str
    at: datetime
    dropped: bool = False


class Erased(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The person was erased at this rev: no wish up to it is taken any more.

    `erasure` is whom to tell when the tenant holds nothing from before it; None once they are told.
    """

    rev: int
    at: datetime
    erasure: str | None = None
    traceparent: str = ""


def rev_of(known: Mapping[str, Confirmed] | Mapping[str, Parked], key: str) -> int:
    return known[key].rev if key in known else 0
