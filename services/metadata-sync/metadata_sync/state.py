"""One user's desired state and what is known of its way to the tenant; pure, a new value for each step.

```
 accept ──► due ──begin──► attempt under way ──confirm──► nothing due
  ▲          ▲                 │  │  │
  │          └───postpone──────┘  │  └──park──► parked, until a newer wish for the key
  └── an update at any time       └──lose──► due again, its keys unsettled
```

Keys of all kinds (kinds.py) lie side by side; an attempt carries those of one kind. Root attributes that only
the user's identity provider may set go to user_metadata instead. A personal value lies here encrypted, and
only while it may still have to be written.

A key is *unsettled* after an attempt whose end was not seen: the tenant may still write what that attempt
carried, over anything later. One more write is due when that can no longer be, and until then no wish for the
key is taken for unchanged.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta

from msgspec import Struct
from msgspec.structs import replace

from common.messages import Kind
from metadata_sync.coalesce import (
    Patch,
    Wish,
    digest_of,
    merge,
    patch_of,
    refuse_never_given,
    refuse_oversized,
)
from metadata_sync.due import Changes, Timing, together
from metadata_sync.kinds import kind_and_name, next_after
from metadata_sync.known import Attempt, Confirmed, Erased, Parked, Sent, rev_of
from metadata_sync.requesters import Answer, Request, Requester, answer_to, with_requester

__all__ = ["Answer", "Request", "Requester", "UserState"]

CONFIRMED_FOR = timedelta(minutes=10)
FALLEN_BACK_FOR = timedelta(days=1)
SETTLE_AFTER = timedelta(seconds=60)
GONE = "user_not_found"


class UserState(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Everything about one user of one tenant; stored whole, so every field needs a default.

    `root_refused_at`: when the tenant last refused to change root attributes of this user. `tried`: the kind
    of the last attempt, while there is more to write. `erased` stays: it outlives what came before it.
    """

    desired: dict[str, Wish] = {}
    confirmed: dict[str, Confirmed] = {}
    unsettled: dict[str, datetime] = {}
    parked: dict[str, Parked] = {}
    requesters: dict[str, Requester] = {}
    attempt: Attempt | None = None
    changes: Changes | None = None
    retry_at: datetime | None = None
    failures: int = 0
    root_refused_at: datetime | None = None
    tried: Kind | None = None
    erased: Erased | None = None

    @property
    def is_waited_for(self) -> bool:
        return any(requester.waiting for requester in self.requesters.values())

    @property
    def ends_a_wait(self) -> bool:
        """Whether somebody waits for nothing but what the attempt carries: the Action's write comes next."""
        carried = self.attempt.keys if self.attempt else {}
        return any(
            requester.waiting
            and all(
                key in carried or rev_of(self.confirmed, key) >= rev for key, rev in requester.keys.items()
            )
            for requester in self.requesters.values()
        )

    def is_erased_at(self, rev: int) -> bool:
        """Whether what was asked for at this rev came before the person was erased."""
        return self.erased is not None and rev <= self.erased.rev

    @property
    def is_forgotten(self) -> bool:
        """Whether the tenant holds nothing from before an erasure, and nobody has been told so yet."""
        if self.erased is None or self.erased.erasure is None or self.attempt:
            return False
        refused = {key for key, known in self.standing.items() if known.reason != GONE}
        left = _unconfirmed(self) | self.unsettled.keys() | refused
        return not any(self.desired[key].rev == self.erased.rev for key in left)

    def expire(self, *, now: datetime) -> "UserState":
        """Whose deadline has passed does not wait any more; what was asked for is written all the same."""
        late = {
            transaction_id: replace(requester, waiting=False)
            for transaction_id, requester in self.requesters.items()
            if requester.waiting and requester.deadline and requester.deadline <= now
        }
        return replace(self, requesters={**self.requesters, **late}) if late else self

    def accept(self, request: Request, *, now: datetime) -> "UserState":
        """Take an update in. A waiting one makes the user due now, also out of a pause between retries.

        Of what was asked for before the person was erased nothing is taken, and nobody is told.

        Raises:
            UnfitUpdateError: it does not fit what is there: too large together, or too far ahead.
        """
        request = _since_erasure(self.erased, request)
        if not request.desired:
            return self
        refuse_never_given(self.desired, request.desired, at_least=self.erased.rev if self.erased else 0)
        desired = merge(self.desired, request.desired)
        refuse_oversized(desired)
        requesters = with_requester(self.requesters, request, now=now)
        state = replace(self, desired=desired, requesters=requesters).expire(now=now)
        state = _spared(state, request.desired, now=now)
        changed = {key for key in request.desired if desired[key] != self.desired.get(key)}
        if changed & _unconfirmed(state):
            state = replace(state, changes=together(self.changes, Changes(first=now, last=now)))
        if state.requesters[request.transaction_id].waiting and self.retry_at:
            state = replace(state, retry_at=now)
        return _tidied(state)

    def due_at(self, timing: Timing) -> datetime | None:
        """When the next write is due, where no attempt is under way; None while there is nothing to write."""
        moments = list(self.unsettled.values())
        if self.is_forgotten and self.erased:
            moments.append(self.erased.at)
        if self.changes and _unconfirmed(self):
            moments.append(self._due_with(self.changes, timing))
        due = min(moments, default=None)
        return max(due, self.retry_at) if due and self.retry_at else due

    def _due_with(self, changes: Changes, timing: Timing) -> datetime:
        """Since somebody waits, if so: older changes go along, but nobody gets ahead of others by them."""
        waits = [one.since or changes.first for one in self.requesters.values() if one.waiting]
        return min(waits, default=changes.due(timing))

    def begin(self, *, now: datetime) -> tuple["UserState", Patch | None]:
        """Begin an attempt with all of one kind that is to be written; None if there is nothing."""
        unconfirmed = _unconfirmed(self)
        settling = {key for key, moment in self.unsettled.items() if moment <= now}
        due: dict[Kind, list[str]] = {}
        for key in sorted(unconfirmed | settling):
            due.setdefault(self._written_as(key, now=now), []).append(key)
        if not due:
            return self, None
        kind = self._first_of(due, now=now)
        wishes = {key: self.desired[key] for key in due[kind]}
        sent = {key: Sent(rev=wish.rev, digest=digest_of(wish)) for key, wish in wishes.items()}
        is_last = unconfirmed <= wishes.keys()
        state = replace(
            self,
            attempt=Attempt(at=now, keys=sent, changes=self.changes, kind=kind),
            changes=None if is_last else self.changes,
            retry_at=None,
            tried=None if is_last else kind,
        )
        return state, patch_of(
            {kind_and_name(key)[1]: _sent(wish) for key, wish in wishes.items()}, kind=kind
        )

    def _written_as(self, key: str, *, now: datetime) -> Kind:
        kind, _ = kind_and_name(key)
        if kind is Kind.ROOT and self.root_refused_at and now - self.root_refused_at < FALLEN_BACK_FOR:
            return Kind.USER_METADATA
        return kind

    def _first_of(self, due: Mapping[Kind, list[str]], *, now: datetime) -> Kind:
        """The kind to write next: one that somebody waits for, if any, and not the last one again."""
        if len(due) == 1:
            return next(iter(due))
        waited_for = {
            self._written_as(key, now=now)
            for requester in self.requesters.values()
            if requester.waiting
            for key, rev in requester.keys.items()
            if rev_of(self.confirmed, key) < rev
        }
        return next_after(self.tried, due.keys() & waited_for or due)

    def confirm(self, *, now: datetime) -> "UserState":
        """The attempt was answered 200."""
        if self.attempt is None:
            return self
        confirmed = {
            key: Confirmed(rev=sent.rev, digest=sent.digest, at=now)
            for key, sent in self.attempt.keys.items()
        }
        unsettled = {
            key: moment
            for key, moment in self.unsettled.items()
            if key not in confirmed or moment > self.attempt.at
        }
        parked = {key: known for key, known in self.parked.items() if known.rev > rev_of(confirmed, key)}
        state = replace(
            self,
            confirmed=self.confirmed | confirmed,
            unsettled=unsettled,
            parked=parked,
            attempt=None,
            failures=0,
        )
        return _tidied(_spared(state, state.desired, now=now))

    def postpone(self, *, until: datetime, failed: bool) -> "UserState":
        """Nothing was written; go on at `until`. What was no fault of this write is no failure."""
        return replace(self._without_attempt(), retry_at=until, failures=self.failures + failed)

    def lose(self, *, now: datetime) -> "UserState":
        """The attempt's end was not seen."""
        return self._without_attempt().unsettle(self.attempt.keys, now=now) if self.attempt else self

    def fall_back(self, *, now: datetime) -> "UserState":
        """The tenant keeps root attributes of this user as their identity provider sends them."""
        return replace(self._without_attempt(), root_refused_at=now, failures=0)

    def _without_attempt(self) -> "UserState":
        carried = self.attempt.changes if self.attempt else None
        return replace(self, attempt=None, changes=together(carried, self.changes))

    def unsettle(self, keys: Iterable[str], *, now: datetime) -> "UserState":
        """Something may still write these keys until `SETTLE_AFTER` from now.

        A value that is gone cannot be written once more; its key just counts as unknown from here.
        """
        known = {key for key in keys if key in self.desired}  # an erasure takes others away meanwhile
        gone = {key for key in known if _is_forgotten(self.desired[key])}
        unknown = {key: replace(self.confirmed[key], digest="") for key in gone & self.confirmed.keys()}
        settling = dict.fromkeys(sorted(known - gone), now + SETTLE_AFTER)
        return replace(self, unsettled=self.unsettled | settling, confirmed=self.confirmed | unknown)

    def park(self, reason: str, *, now: datetime) -> "UserState":
        """The tenant refused what the attempt carried, and always will."""
        if self.attempt is None:
            return self
        refused = {
            key: Parked(rev=sent.rev, reason=reason, at=now) for key, sent in self.attempt.keys.items()
        }
        unsettled = {key: moment for key, moment in self.unsettled.items() if key not in refused}
        return _tidied(
            replace(self, parked=self.parked | refused, unsettled=unsettled, attempt=None, failures=0)
        )

    @property
    def standing(self) -> dict[str, Parked]:
        """The parked wishes that an operator may want to see: no newer wish for the key has come since."""
        return {
            key: known
            for key, known in self.parked.items()
            if known.rev == self.desired[key].rev and not known.dropped
        }

    def redrive(self, keys: Iterable[str], *, now: datetime) -> "UserState":
        """Try these parked wishes again, as if they came now."""
        tried = self.standing.keys() & set(keys)
        if not tried:
            return self
        parked = {key: known for key, known in self.parked.items() if key not in tried}
        changes = together(self.changes, Changes(first=now, last=now))
        return replace(self, parked=parked, changes=changes)

    def drop(self, keys: Iterable[str]) -> "UserState":
        """Give these parked wishes up; an older one may still not revive their keys, a newer one is tried."""
        dropped = {key: replace(self.standing[key], dropped=True) for key in self.standing.keys() & set(keys)}
        return _tidied(replace(self, parked=self.parked | dropped)) if dropped else self

    def take_answers(self) -> tuple["UserState", tuple[Answer, ...]]:
        """Who can be told something now; each is told once."""
        answers: list[Answer] = []
        waiting_on: dict[str, Requester] = {}
        for transaction_id, requester in self.requesters.items():
            answer = answer_to(transaction_id, requester, confirmed=self.confirmed, parked=self.parked)
            if answer:
                answers.append(answer)
            else:
                waiting_on[transaction_id] = requester
        return replace(self, requesters=waiting_on) if answers else self, tuple(answers)


def _since_erasure(erased: Erased | None, request: Request) -> Request:
    """What of the request came after the person was erased."""
    if erased is None:
        return request
    desired = {key: wish for key, wish in request.desired.items() if wish.rev > erased.rev}
    keys = {key: rev for key, rev in request.requester.keys.items() if key in desired}
    return replace(request, desired=desired, requester=replace(request.requester, keys=keys))


def _spared(state: UserState, keys: Iterable[str], *, now: datetime) -> UserState:
    """Confirm without a write what the tenant is known to hold already."""
    spared = {
        key: replace(known, rev=wish.rev)
        for key in keys
        if (wish := state.desired[key])
        and (known := state.confirmed.get(key))
        and known.rev < wish.rev
        and known.digest == digest_of(wish)
        and now - known.at <= CONFIRMED_FOR
        and not _may_be_overwritten(state, key)
    }
    return replace(state, confirmed=state.confirmed | spared) if spared else state


def _tidied(state: UserState) -> UserState:
    """Where nothing is left to write, the next change is a first one; personal values are kept no longer."""
    pending = _unconfirmed(state)
    kept = {*pending, *state.standing, *state.unsettled, *(state.attempt.keys if state.attempt else ())}
    forgotten = {
        key: replace(wish, encrypted=None)
        for key, wish in state.desired.items()
        if wish.encrypted and key not in kept
    }
    if not forgotten and (pending or state.changes is None):
        return state
    return replace(state, changes=state.changes if pending else None, desired={**state.desired, **forgotten})


def _is_forgotten(wish: Wish) -> bool:
    return wish.is_personal and wish.encrypted is None


def _sent(wish: Wish) -> object:
    return wish if wish.is_personal else wish.value


def _may_be_overwritten(state: UserState, key: str) -> bool:
    return key in state.unsettled or (state.attempt is not None and key in state.attempt.keys)


def _unconfirmed(state: UserState) -> set[str]:
    return {
        key
        for key, wish in state.desired.items()
        if wish.rev > max(rev_of(state.confirmed, key), rev_of(state.parked, key))
    }
