"""What an erasure makes of one user's state; pure, like the state.

```
erase ──► keys null at rev R, written at once ──► written once more, when nothing can bring them back
      ──► is_forgotten ──► remains: the rev alone, and what came after it
```

Values of other kinds are the person's profile at the tenant, and the tenant's: of those nothing stays here,
and nothing is deleted there.
"""

from collections.abc import Iterable
from datetime import datetime

from msgspec.structs import replace

from common.messages import ForgetUser, Kind
from metadata_sync.coalesce import Wish
from metadata_sync.due import Changes, together
from metadata_sync.kinds import kind_and_name
from metadata_sync.known import Attempt, Erased
from metadata_sync.state import SETTLE_AFTER, UserState


def erase(state: UserState, command: ForgetUser, *, now: datetime) -> UserState:
    """Delete all from before the command's rev, here and at the tenant; what came after it stays.

    An attempt that is under way may still write what it carries: like an answer of ours that is out, it makes
    one more write due. Of two erasures the later counts.
    """
    if state.is_erased_at(command.rev):
        return state
    newer = {key: wish for key, wish in state.desired.items() if wish.rev > command.rev}
    deleted = {*command.keys, *_of_metadata(state.desired)} - newer.keys()
    desired: dict[str, Wish] = {**newer}
    desired |= {key: Wish(rev=command.rev, value=None) for key in deleted}
    carried = state.attempt.keys.keys() if state.attempt else frozenset()
    moments = {key: moment for key, moment in state.unsettled.items() if key in desired}
    for key in deleted:
        if key in carried:
            moments[key] = now + SETTLE_AFTER
        if command.settle_at:
            moments[key] = max(command.settle_at, moments.get(key, now))
    return replace(
        state,
        desired=desired,
        confirmed={key: known for key, known in state.confirmed.items() if key in newer},
        unsettled=moments,
        parked={key: known for key, known in state.parked.items() if key in newer},
        requesters={
            transaction_id: requester
            for transaction_id, requester in state.requesters.items()
            if max(requester.keys.values(), default=0) > command.rev
        },
        attempt=_without(state.attempt, desired),
        changes=together(state.changes, Changes(first=now, last=now)),
        root_refused_at=None,
        erased=Erased(
            rev=command.rev, at=now, erasure=command.transaction_id, traceparent=command.traceparent
        ),
    )


def remains(state: UserState) -> UserState:
    """What stays once all is deleted at the tenant: that the person was erased, and what came after it."""
    if state.erased is None:
        return state
    rev = state.erased.rev
    newer = {key: wish for key, wish in state.desired.items() if wish.rev > rev}
    return replace(
        state,
        desired=newer,
        confirmed={key: known for key, known in state.confirmed.items() if key in newer},
        parked={key: known for key, known in state.parked.items() if key in newer},
        failures=state.failures if newer else 0,
        retry_at=state.retry_at if newer else None,
        tried=state.tried if newer else None,
        erased=Erased(rev=rev, at=state.erased.at),
    )


def _of_metadata(keys: Iterable[str]) -> set[str]:
    return {key for key in keys if kind_and_name(key)[0] is Kind.APP_METADATA}


def _without(attempt: Attempt | None, desired: dict[str, Wish]) -> Attempt | None:
    """What the attempt carries of keys that are not known any more, nobody asks for."""
    if attempt is None:
        return None
    return replace(attempt, keys={key: sent for key, sent in attempt.keys.items() if key in desired})
