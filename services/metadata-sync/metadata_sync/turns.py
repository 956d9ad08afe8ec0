"""Whose turn it is: weighted round robin over tenants; pure."""

from collections.abc import Iterable

MOST_IN_A_TURN = 16


class Turns:
    """Whoever was served longest ago is next."""

    def __init__(self) -> None:
        self._turn = 0
        self._served: dict[str, int] = {}

    def last(self, tenant: str) -> int:
        """The number of the tenant's last turn, 0 if it had none: who has the lower one comes first."""
        return self._served.get(tenant, 0)

    def take(self, tenant: str) -> None:
        self._turn += 1
        self._served[tenant] = self._turn

    def keep_only(self, tenants: Iterable[str]) -> None:
        """Forget who has nothing to do: it comes back as one that waits longest."""
        self._served = {tenant: self._served[tenant] for tenant in tenants if tenant in self._served}


def weight(rate: float, *, slowest: float) -> int:
    """How many writes a turn is: in proportion to the plans' rates, so that a slow one delays no faster."""
    return max(1, min(MOST_IN_A_TURN, round(rate / slowest)))
