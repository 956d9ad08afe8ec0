"""Who asked for keys of one user and waits to hear of them; pure, like the state that they are part of."""

from collections.abc import Mapping
from datetime import datetime

from msgspec import Struct
from msgspec.structs import replace

from metadata_sync.coalesce import Desired
from metadata_sync.known import Confirmed, Parked, rev_of


class Requester(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A transaction that asked for revs of keys and has not been answered.

    `waiting`: a browser waits too, `since` then and until `deadline`.
    """

    traceparent: str
    waiting: bool
    keys: dict[str, int]
    deadline: datetime | None = None
    since: datetime | None = None


class Answer(Struct, frozen=True, kw_only=True):
    """What one transaction is told: its keys are confirmed at these revs, which may be later ones.

    With a `reason`: these of its keys were refused at the revs that it asked for.
    """

    transaction_id: str
    traceparent: str
    keys: dict[str, int]
    reason: str | None = None


class Request(Struct, frozen=True, kw_only=True):
    """An update as one transaction asks for it."""

    transaction_id: str
    requester: Requester
    desired: Desired


def with_requester(
    requesters: Mapping[str, Requester], request: Request, *, now: datetime
) -> dict[str, Requester]:
    """Add who asks; of one transaction that asks again the higher class and the later revs count."""
    asking, before = request.requester, requesters.get(request.transaction_id)
    if asking.waiting:
        asking = replace(asking, since=now)
    if before:
        keys = before.keys | {key: max(rev, before.keys.get(key, 0)) for key, rev in asking.keys.items()}
        deadline = asking.deadline if asking.waiting else before.deadline
        asking = replace(
            asking,
            waiting=asking.waiting or before.waiting,
            keys=keys,
            deadline=deadline,
            since=before.since or asking.since,
        )
    return {**requesters, request.transaction_id: asking}


def answer_to(
    transaction_id: str,
    requester: Requester,
    *,
    confirmed: Mapping[str, Confirmed],
    parked: Mapping[str, Parked],
) -> Answer | None:
    """What it can be told by now; None while a write that it asked for is still to come."""
    open_keys = {key: rev for key, rev in requester.keys.items() if rev_of(confirmed, key) < rev}
    refused = {key: rev for key, rev in open_keys.items() if rev_of(parked, key) >= rev} if parked else {}
    if open_keys and not refused:
        return None
    return Answer(
        transaction_id=transaction_id,
        traceparent=requester.traceparent,
        keys=refused or {key: confirmed[key].rev for key in requester.keys},
        reason=next((parked[key].reason for key in refused), None),
    )
