"""Token buckets of the published profiles.

A request takes from the global bucket first and then from its endpoint's. Buckets fill either at the top of
each second or minute (`window`) or as time passes (`continuous`): the documentation says both.
"""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tests.tenant.config import RateLimit
from tests.tenant.settings import Choices

_PLENTY = 1_000_000
_MINUTE = 60.0


@dataclass(frozen=True)
class Rule:
    """A bucket of `burst` tokens that gets `amount` every `period` seconds."""

    burst: float
    amount: float
    period: float


@dataclass(frozen=True)
class Verdict:
    """The bucket that decided, as its headers show it; `reset` is in unix seconds."""

    allowed: bool
    limit: int
    remaining: int
    reset: int

    @property
    def headers(self) -> dict[str, str]:
        """The three documented headers."""
        return {
            "x-ratelimit-limit": str(self.limit),
            "x-ratelimit-remaining": str(self.remaining),
            "x-ratelimit-reset": str(self.reset),
        }


class Bucket:
    """One token bucket."""

    def __init__(self, rule: Rule, *, refill: str, now: float) -> None:
        self._rule = rule
        self._window = refill == "window"
        self._tokens = rule.burst
        self._filled_at = now

    def take(self, now: float) -> Verdict:
        """Take a token if there is one."""
        self._fill(now)
        allowed = self._tokens >= 1
        if allowed:
            self._tokens -= 1
        return Verdict(allowed, int(self._rule.burst), int(self._tokens), self._reset(now))

    def _fill(self, now: float) -> None:
        if self._window:
            periods = now // self._rule.period - self._filled_at // self._rule.period
        else:
            step = 0.001 if self._rule.period < _MINUTE else 1.0
            elapsed = now // step * step - self._filled_at // step * step
            periods = elapsed / self._rule.period
        if periods > 0:
            self._tokens = min(self._rule.burst, self._tokens + periods * self._rule.amount)
        self._filled_at = now

    def _reset(self, now: float) -> int:
        if self._window:
            return int((now // self._rule.period + 1) * self._rule.period)
        missing = max(0.0, 1 - self._tokens % 1) * self._rule.period / self._rule.amount
        return math.ceil(now + missing)


_OFF = Rule(_PLENTY, _PLENTY, 1)
_MANAGEMENT: dict[str, dict[str, Rule]] = {
    "off": {"global": _OFF},
    "free": {"global": Rule(2, 2, 1)},
    "enterprise": {"global": Rule(50, 16, 1)},
    "enterprise-nonprod": {"global": Rule(10, 2, 1)},
    "essentials": {
        "write_users": Rule(20, 200, _MINUTE),
        "delete_users": Rule(20, 200, _MINUTE),
        "read_users": Rule(40, 500, _MINUTE),
        "others": Rule(10, 150, _MINUTE),
    },
}
_AUTHENTICATION: dict[str, Rule] = {
    "off": _OFF,
    "free": Rule(300, 300, _MINUTE),
    "essentials": Rule(25, 25, 1),
    "enterprise": Rule(100, 100, 1),
    "enterprise-nonprod": Rule(100, 100, 1),
}
_USERINFO = Rule(10, 5, _MINUTE)
_JWKS = Rule(20, 20, 1)
_FREE_TOKEN = Rule(30, 30, 1)
_ENDPOINTS = {"POST": "write_users", "PATCH": "write_users", "DELETE": "delete_users", "GET": "read_users"}


class Limiter:
    """All buckets of the tenant, by the clock on the wall."""

    def __init__(self, limit: RateLimit, *, choices: Choices, wall: Callable[[], float] = time.time) -> None:
        self._choices = choices
        self._wall = wall
        self.use(limit)

    def use(self, limit: RateLimit) -> None:
        """Change to a published profile; all buckets are full again."""
        self._profile = limit.profile
        self._refill = limit.refill or self._choices.refill
        self._buckets: dict[str, Bucket] = {}
        self._management = dict(_MANAGEMENT[limit.profile])
        if self._choices.write_users_row == "off" and "others" in self._management:
            self._management = {"others": self._management["others"]}

    def use_numbers(self, rule: Rule) -> None:
        """Change the Management API's one global bucket to these numbers."""
        self._buckets = {}
        self._management = {"global": rule}

    def describe(self) -> dict[str, Any]:
        """The rules in force, for the control plane."""
        rules = {name: vars(rule) for name, rule in self._management.items()}
        return {"profile": self._profile, "refill": self._refill, "management": rules}

    def management(self, method: str, *, users: bool) -> Verdict:
        """One call of the Management API."""
        names = [name for name in ("global",) if name in self._management]
        endpoint = _ENDPOINTS.get(method, "others") if users else "others"
        if endpoint not in self._management:
            endpoint = "others"
        if endpoint in self._management:
            names.append(endpoint)
        verdict = self._take(names[0], self._management[names[0]])
        for name in names[1:]:
            if verdict.allowed:
                verdict = self._take(name, self._management[name])
        return verdict

    def authentication(self, path: str) -> Verdict:
        """One call of the Authentication API."""
        if path == "/oauth/token" and self._profile == "free":
            return self._take("token", _FREE_TOKEN)
        if path == "/.well-known/jwks.json" and self._profile != "off":
            return self._take("jwks", _JWKS)
        return self._take("authentication", _AUTHENTICATION[self._profile])

    def userinfo(self, user_id: str) -> Verdict:
        """One call of /userinfo for this person."""
        rule = _OFF if self._profile == "off" else _USERINFO
        return self._take(f"userinfo:{user_id}", rule)

    def _take(self, name: str, rule: Rule) -> Verdict:
        now = self._wall()
        if name not in self._buckets:
            self._buckets[name] = Bucket(rule, refill=self._refill, now=now)
        return self._buckets[name].take(now)
