"""Faults that the control plane plants: what they match, how often, and what they do."""

import itertools
import random
import re
from dataclasses import dataclass, field
from typing import Any

from tests.tenant.errors import ControlError

_MATCH_KEYS = frozenset({"method", "path", "client_id", "user_id"})
_AMOUNTS = frozenset({"delay", "truncate", "stale_read"})
_LONG = 86400
_HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_RESETS = ("before", "after-commit")


@dataclass(frozen=True, kw_only=True)
class Call:
    """The request as rules look at it."""

    method: str
    path: str
    raw_path: str
    client_id: str
    user_id: str


@dataclass(kw_only=True)
class Fault:
    """One rule; `left` is how often it still fires, None means for ever."""

    id: int
    match: str | dict[str, str]
    left: int | None
    probability: float
    dice: random.Random
    status: int | None = None
    delay: float = 0
    headers: dict[str, str] = field(default_factory=dict)
    body: Any = None
    truncate: int | None = None
    reset: str | None = None
    commit: bool = False
    stale_read: float = 0
    rotate_jwks: bool = False
    expire_token: bool = False

    @property
    def runs_handler(self) -> bool:
        """Whether the request takes effect."""
        return self.reset != "before" and (self.status is None or self.commit or self.reset is not None)

    def matches(self, call: Call) -> bool:
        """Whether this rule is about that request."""
        if isinstance(self.match, str):
            texts = (f"{call.method} {call.path}", f"{call.method} {call.raw_path}")
            return any(re.search(self.match, text) for text in texts)
        wanted = self.match
        return (
            wanted.get("method", call.method) == call.method
            and bool(re.search(wanted.get("path", ""), call.path))
            and wanted.get("client_id", call.client_id) == call.client_id
            and wanted.get("user_id", call.user_id) == call.user_id
        )

    def fires(self) -> bool:
        """Use up one time, if there is one left and the dice say so."""
        if self.left == 0 or self.dice.random() >= self.probability:
            return False
        if self.left is not None:
            self.left -= 1
        return True


class Faults:
    """The rules in force; the first that matches and fires is applied."""

    def __init__(self) -> None:
        self._rules: list[Fault] = []
        self._ids = itertools.count(1)

    def add(self, body: Any) -> Fault:
        """Plant a rule from its JSON form.

        Raises:
            ControlError: the form is wrong; it says where.
        """
        rule = _parse(body, number=next(self._ids))
        self._rules.append(rule)
        return rule

    def listed(self) -> list[dict[str, Any]]:
        """Each rule by its number, with what it matches and how often it still fires."""
        return [{"id": rule.id, "match": rule.match, "left": rule.left} for rule in self._rules]

    def clear(self) -> None:
        """Remove every rule."""
        self._rules.clear()

    def find(self, call: Call) -> Fault | None:
        """The rule that this request falls under."""
        return next((rule for rule in self._rules if rule.matches(call) and rule.fires()), None)

    @property
    def any(self) -> bool:
        """Whether there is a rule at all."""
        return bool(self._rules)


_TYPES: dict[str, tuple[tuple[type, ...], str]] = {
    "status": ((int,), "a number from 200 to 599"),
    "delay": ((int, float), "a number of seconds"),
    "headers": ((dict,), "an object"),
    "body": ((object,), "anything"),
    "truncate": ((int,), "a number of bytes"),
    "reset": ((str,), "before or after-commit"),
    "commit": ((bool,), "true or false"),
    "stale_read": ((int, float), "a number of seconds"),
    "rotate_jwks": ((bool,), "true or false"),
    "expire_token": ((bool,), "true or false"),
}


def _parse(body: Any, *, number: int) -> Fault:
    if not isinstance(body, dict):
        raise ControlError("a fault is an object")
    values = dict(body)
    match = _parse_match(values.pop("match", None))
    times, probability = values.pop("times", None), values.pop("probability", 1)
    if times is not None and (not isinstance(times, int) or isinstance(times, bool) or times < 1):
        raise ControlError("times must be a positive number")
    if not isinstance(probability, int | float) or isinstance(probability, bool) or not 0 < probability <= 1:
        raise ControlError("probability must be above 0 and at most 1")
    seed = values.pop("seed", 0)
    if not isinstance(seed, int | str):
        raise ControlError("seed must be a number or a text")
    dice = random.Random(seed)  # noqa: S311 - a repeatable test, not a secret
    _check_actions(values)
    return Fault(id=number, match=match, left=times, probability=probability, dice=dice, **values)


def _parse_match(match: Any) -> str | dict[str, str]:
    if isinstance(match, str):
        _compile(match)
        return match
    if not isinstance(match, dict) or not match or set(match) - _MATCH_KEYS:
        keys = ", ".join(sorted(_MATCH_KEYS))
        raise ControlError(f"match must be a regular expression or an object of {keys}")
    if not all(isinstance(value, str) for value in match.values()):
        raise ControlError("every value of match must be text")
    _compile(match.get("path", ""))
    return dict(match)


def _compile(pattern: str) -> None:
    try:
        re.compile(pattern)
    except re.error as exc:
        raise ControlError(f"match is not a regular expression: {exc}") from exc


def _check_actions(values: dict[str, Any]) -> None:
    for name, value in values.items():
        if name not in _TYPES:
            raise ControlError(f"unknown key {name}")
        kinds, named = _TYPES[name]
        if not isinstance(value, kinds) or (
            isinstance(value, bool) and bool not in kinds and object not in kinds
        ):
            raise ControlError(f"{name} must be {named}")
    for name in sorted(_AMOUNTS.intersection(values)):
        if not 0 <= values[name] <= _LONG:
            raise ControlError(f"{name} must be from 0 to {_LONG}")
    if not 200 <= values.get("status", 200) <= 599:
        raise ControlError("status must be a number from 200 to 599")
    _check_headers(values.get("headers", {}))
    if values.get("reset", "before") not in _RESETS:
        raise ControlError("reset must be before or after-commit")
    if not values:
        raise ControlError("a fault does something: status, delay, reset, truncate, stale_read, …")


def _check_headers(headers: dict[str, Any]) -> None:
    for name, value in headers.items():
        if not _HEADER_NAME.fullmatch(name):
            raise ControlError(f"headers: {name!r} is not the name of a header")
        if not isinstance(value, str) or not value.isprintable():
            raise ControlError(f"headers.{name} must be text of one line")
