"""Who may come in, by their address: how many connections, how many requests."""

from collections.abc import Callable, Sequence

import structlog

from gateway.addresses import Address, Connections, client_of, key_of
from gateway.limits import Limit
from gateway.limits_settings import LimitSettings
from gateway.metrics import LIMITED

# What is refused costs as much as ten pages: honest people are refused seldom, who guesses is each time.
REFUSED_COSTS = 10
LINE_EVERY_SECONDS = 10.0

log = structlog.stdlib.get_logger()


class Gate:
    """Counts what each address does at this process; nothing of it is shared with other replicas."""

    def __init__(self, limits: LimitSettings, *, monotonic: Callable[[], float]) -> None:
        self._proxies = limits.trusted_proxies
        self._connections = Connections(most=limits.connections_per_address, proxies=self._proxies)
        self._requests = Limit(limits.address, monotonic=monotonic)
        self._too_many_connections = _Alarm("connections", monotonic=monotonic)
        self._too_many_requests = _Alarm("address", monotonic=monotonic)

    def connect(self, peer: str) -> bytes | None:
        """A place to give back to `disconnect`; None where there is none left."""
        place = self._connections.enter(peer)
        if place is None:
            self._too_many_connections.ring()
        return place

    def disconnect(self, place: bytes) -> None:
        self._connections.leave(place)

    @property
    def knows_clients(self) -> bool:
        """Whether somebody who is believed says who asks; else every client is whoever stands in front."""
        return bool(self._proxies)

    def client(self, peer: str, forwarded: Sequence[str] = ()) -> Address:
        """Whose request it is."""
        return client_of(peer, forwarded, proxies=self._proxies)

    def ask(self, client: Address) -> float:
        """In how many seconds they may make a request: 0 is now."""
        seconds = self._requests.take(key_of(client))
        if seconds:
            self._too_many_requests.ring()
        return seconds

    def refused(self, client: Address) -> None:
        """What they made was no good."""
        self._requests.charge(key_of(client), cost=REFUSED_COSTS - 1)


class _Alarm:
    """Says that a limit was reached, in a line now and then however often that is."""

    def __init__(self, limit: str, *, monotonic: Callable[[], float]) -> None:
        self._limit = limit
        self._monotonic = monotonic
        self._counter = LIMITED.labels(limit)
        self._quiet_until = 0.0
        self._unsaid = 0

    def ring(self) -> None:
        self._counter.inc()
        self._unsaid += 1
        now = self._monotonic()
        if now < self._quiet_until:
            return
        log.warning("limit.reached", limit=self._limit, refused=self._unsaid)
        self._unsaid, self._quiet_until = 0, now + LINE_EVERY_SECONDS
