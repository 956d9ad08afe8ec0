"""The updates that every system gets: seeded, with the moments at which they arrive fixed in advance."""

import json
import random
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

APP_METADATA, ROOT, USER_METADATA = "app_metadata", "root", "user_metadata"
KEYS = {
    "waystation_idproof": APP_METADATA,
    "waystation_terms": APP_METADATA,
    "nickname": ROOT,
    "favourite": USER_METADATA,
}


@dataclass(frozen=True, kw_only=True)
class Update:
    """`rev` rises with each update of the user; `at` counts seconds from the start."""

    at: float
    user: int
    key: str
    rev: int
    waiting: bool

    @property
    def kind(self) -> str:
        """What of the user is written; each kind is a call of its own."""
        return KEYS[self.key]

    @property
    def value(self) -> Any:
        return result(self.rev) if self.kind == APP_METADATA else f"rev {self.rev}"

    @property
    def body(self) -> dict[str, Any]:
        """What a PATCH of this update alone says."""
        return {self.key: self.value} if self.kind == ROOT else {self.kind: {self.key: self.value}}


def revs_in(body: Mapping[str, Any]) -> dict[str, int]:
    """Which rev of which key a PATCH carries, or a user has."""
    held = {**body.get(APP_METADATA, {}), **body.get(USER_METADATA, {}), "nickname": body.get("nickname")}
    return {key: rev for key in KEYS if (rev := _rev(held.get(key))) is not None}


def kind_in(body: Mapping[str, Any]) -> str:
    return next((kind for kind in (APP_METADATA, USER_METADATA) if kind in body), ROOT)


def _rev(value: Any) -> int | None:
    if isinstance(value, dict):
        return int(value["rev"])
    return int(value.removeprefix("rev ")) if isinstance(value, str) and value.startswith("rev ") else None


def result(rev: int) -> dict[str, Any]:
    """A step's result as the gateway writes it."""
    return {
        "v": 1,
        "rev": rev,
        "status": "passed",
        "level": "document_validated",
        "at": "2026-11-22T01:02:03Z",
        "until": "2027-11-22T01:02:03Z",
        "reason": None,
        "ref": f"ver-{rev:08d}",
    }


@dataclass(frozen=True, kw_only=True)
class Workload:
    """Updates in order of arrival, of `users` users."""

    users: int
    updates: tuple[Update, ...]

    @property
    def seconds(self) -> float:
        """When the last one has arrived."""
        return self.updates[-1].at

    def revs(self) -> dict[int, dict[str, int]]:
        """The model: which rev each key of each user must have in the end."""
        final: dict[int, dict[str, int]] = {}
        for update in self.updates:
            final.setdefault(update.user, {})[update.key] = update.rev
        return final

    def lines(self) -> str:
        """For a program in another environment."""
        return "".join(
            json.dumps({"at": u.at, "user_id": user_id(u.user), "changes": u.body}) + "\n"
            for u in self.updates
        )


def user_id(number: int) -> str:
    return f"auth0|{number:06d}"


def scattered(
    *, updates: int, users: int, seconds: float, people: float, seed: int, first_user: int = 0
) -> Workload:
    """Updates of users drawn at random, at random moments; a part of `people` is waited for.

    One user of ten gets another kind of write than app_metadata.
    """
    dice = random.Random(seed)  # noqa: S311 - a run that can be repeated
    moments = sorted(dice.random() * seconds for _ in range(updates))
    drawn = []
    for at in moments:
        user = first_user + dice.randrange(users)
        drawn.append((at, user, dice.choice(_keys_of(user)), dice.random() < people))
    return Workload(users=users, updates=tuple(_numbered(drawn)))


def _keys_of(user: int) -> tuple[str, ...]:
    *ours, root, favourite = KEYS
    return {0: (root,), 10: (favourite,)}.get(user % 20, tuple(ours))


def one_each(*, users: int, seconds: float) -> Workload:
    """One update of each user, evenly spread."""
    drawn = ((number * seconds / users, number, next(iter(KEYS)), False) for number in range(users))
    return Workload(users=users, updates=tuple(_numbered(drawn)))


def _numbered(drawn: Iterable[tuple[float, int, str, bool]]) -> Iterable[Update]:
    revs: dict[int, int] = {}
    for at, user, key, waiting in drawn:
        revs[user] = revs.get(user, 0) + 1
        yield Update(at=at, user=user, key=key, rev=revs[user], waiting=waiting)
