"""Where each login stands, from the structured lines of the services alone."""

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

KEPT_LOGINS, KEPT_LINES = 50, 8

_STATES = {
    "login.opened": "at the start",
    "login.claimed": "under way",
    "login.stopped": "stopped",
    "login.restarted": "goes on in a new login",
    "login.went_on_without": "goes on without an answer",
    "login.handed_back": "handed back",
    "login.displaced": "displaced by newer ones",
    "login.expired": "expired",
}
_OVER = {"handed back", "displaced by newer ones", "expired"}


@dataclass(kw_only=True)
class SeenLogin:
    """One transaction: `last` is the newest event of each service, `outcomes` those of the steps so far."""

    transaction_id: str
    tenant: str
    began: datetime
    heard: datetime
    state: str = "at the start"
    last: dict[str, str] = field(default_factory=dict)
    outcomes: dict[str, str] = field(default_factory=dict)

    @property
    def is_over(self) -> bool:
        return self.state in _OVER

    @property
    def seconds(self) -> float:
        """From its first line to its newest."""
        return (self.heard - self.began).total_seconds()

    def take(self, line: Mapping[str, Any], *, at: datetime) -> None:
        event = line["event"]
        self.heard = max(self.heard, at)
        self.state = _STATES.get(event, self.state)
        if event != "request.served":  # every page would hide what happened
            self.last[line["service_name"]] = event
        if event == "step.concluded":
            self.outcomes[line["step"]] = line.get("outcome", "")


class Board:
    """The logins of the latest lines, and the lines that an operator would want to see."""

    def __init__(self) -> None:
        self._logins: dict[str, SeenLogin] = {}
        self.lines: deque[Mapping[str, Any]] = deque(maxlen=KEPT_LINES)

    def take(self, line: Mapping[str, Any]) -> None:
        """Add one line of any service; services may be heard in another order than they spoke."""
        if line["event"] != "request.served":
            self.lines.append(line)
        transaction_id = line.get("transaction_id")
        if transaction_id is None:
            return
        at = datetime.fromisoformat(line["timestamp"])
        if transaction_id not in self._logins:
            self._logins[transaction_id] = SeenLogin(
                transaction_id=transaction_id, tenant=line.get("tenant", ""), began=at, heard=at
            )
            self._forget_the_oldest()
        self._logins[transaction_id].take(line, at=at)

    @property
    def logins(self) -> list[SeenLogin]:
        """Newest first."""
        return sorted(self._logins.values(), key=lambda login: login.began, reverse=True)

    def _forget_the_oldest(self) -> None:
        while len(self._logins) > KEPT_LOGINS:
            self._logins.pop(next(iter(self._logins)))
