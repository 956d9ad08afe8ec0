"""Runs attempts, each in a task of its own: one call, its lease renewed meanwhile, its end recorded."""

import asyncio
from collections import Counter
from functools import partial

import structlog

from common.clock import Clock
from common.db import DatabaseUnavailableError
from common.log import bound
from metadata_sync import metrics
from metadata_sync.account import account_of
from metadata_sync.alarm import Alarm
from metadata_sync.ends import End
from metadata_sync.errors import LeaseLostError, ManagementError
from metadata_sync.leases import LEASE, Lease, Leases
from metadata_sync.management import ManagementClient
from metadata_sync.write_spans import also_told, span_of_write

# A tenant that does not answer holds each attempt for ten seconds: it may not hold those of all others.
AT_ONCE = 256
AT_ONCE_OF_BACKGROUND = 192
AT_ONCE_OF_A_TENANTS_CLASS = 48
RENEW_EVERY_SECONDS = LEASE.total_seconds() / 3

log = structlog.stdlib.get_logger()


class Worker:
    """Everything that this process is writing at the moment."""

    def __init__(self, *, leases: Leases, client: ManagementClient, alarm: Alarm, clock: Clock) -> None:
        self._leases = leases
        self._client = client
        self._alarm = alarm
        self._clock = clock
        self._begun: dict[asyncio.Task[None], float] = {}
        self._at_once: Counter[tuple[str, bool]] = Counter()

    def has_room(self, tenant: str, *, waiting: bool, more: int = 0) -> bool:
        """Whether one more attempt of this tenant and class may begin, beside `more` that will."""
        return self.room(tenant, waiting=waiting) > more

    def room(self, tenant: str, *, waiting: bool) -> int:
        """How many more attempts of this tenant and class may begin."""
        of_background = sum(count for (_, waited), count in self._at_once.items() if not waited)
        return min(
            AT_ONCE - len(self._begun),
            AT_ONCE if waiting else AT_ONCE_OF_BACKGROUND - of_background,
            AT_ONCE_OF_A_TENANTS_CLASS - self._at_once[tenant, waiting],
        )

    def start(self, lease: Lease) -> None:
        """Begin the attempt; it takes care of everything from here."""
        task = asyncio.create_task(self._run(lease))
        self._begun[task] = self._clock.monotonic()
        if lease.queued_for is not None:
            metrics.QUEUE_DURATION.labels(metrics.label(waiting=lease.waiting)).observe(lease.queued_for)
        self._at_once[lease.tenant.key, lease.waiting] += 1
        task.add_done_callback(partial(self._ended, lease))

    async def drain(self) -> None:
        """Return when no attempt runs any more."""
        while self._begun:
            await asyncio.wait(self._begun)

    def running_for(self) -> list[float]:
        """For how many seconds each attempt that is under way has run."""
        now = self._clock.monotonic()
        return [now - begun for begun in self._begun.values()]

    def _ended(self, lease: Lease, task: asyncio.Task[None]) -> None:
        if not self.has_room(lease.tenant.key, waiting=lease.waiting):
            self._alarm.expect(0)
        seconds = self._clock.monotonic() - self._begun.pop(task)
        metrics.WORK_DURATION.labels(lease.patch.kind).observe(seconds)
        self._at_once[lease.tenant.key, lease.waiting] -= 1
        if not self._at_once[lease.tenant.key, lease.waiting]:
            del self._at_once[lease.tenant.key, lease.waiting]

    async def _run(self, lease: Lease) -> None:
        with span_of_write(lease) as span, bound(**lease.log_context | span.log_context):
            await self._run_bound(lease)
        also_told(span, lease)

    async def _run_bound(self, lease: Lease) -> None:
        try:
            await self._write(lease)
        except LeaseLostError:
            log.warning("write.lease_lost")
        except DatabaseUnavailableError:
            # The lease runs out, and whoever takes the user over knows that the end was not recorded.
            log.warning("database.unavailable", task="worker")
        except Exception:
            log.exception("write.failed_unexpectedly")

    async def _write(self, lease: Lease) -> None:
        try:
            end = await self._call_while_held(lease)
            metrics.count_end(lease.tenant.key, end, kind=lease.patch.kind)
            self._alarm.expect(await self._leases.give_back(lease, end))
        except LeaseLostError:
            await self._leases.abandon(lease)
            raise

    async def _call_while_held(self, lease: Lease) -> End:
        """The end of the call.

        Raises:
            LeaseLostError: the lease was lost meanwhile; the call is broken off.
        """
        call = asyncio.create_task(self._call(lease))
        try:
            expires = lease.expires
            while not call.done() and self._clock.monotonic() < expires:
                done, _ = await asyncio.wait((call,), timeout=RENEW_EVERY_SECONDS)
                if not done:
                    expires = await self._renewed(lease, expires)
            if call.done():
                return call.result()
            raise LeaseLostError("the lease was lost during the call")
        finally:
            if not call.done():
                call.cancel()
                await asyncio.wait((call,))

    async def _call(self, lease: Lease) -> End:
        if self._clock.monotonic() >= lease.expires:
            raise LeaseLostError("the lease ran out before the call")
        try:
            return await self._client.patch_user(account_of(lease.tenant), lease.user_id, patch=lease.patch)
        except ManagementError as exc:
            log.warning("write.failed", reason=exc.reason)
            return exc

    async def _renewed(self, lease: Lease, expires: float) -> float:
        """Until when the lease is ours now, by the monotonic clock; a moment that is over if it is lost."""
        asked_at = self._clock.monotonic()
        try:
            if await self._leases.renew(lease):
                return asked_at + LEASE.total_seconds()
        except DatabaseUnavailableError:
            log.warning("database.unavailable", task="lease")
            return expires
        return asked_at
