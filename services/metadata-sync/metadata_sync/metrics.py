"""What operators of such a queue expect to see, by the names of client-go's workqueue where it has one.

`waiting` is "true" for what a person waits for in a browser. What is counted here is this process's; what
stands in the database is the same at every replica (gauges.py).
"""

from enum import StrEnum
from typing import TYPE_CHECKING

from prometheus_client import Counter, Gauge, Histogram

from common.metrics import TENANTS
from metadata_sync.errors import ManagementError, RefusedError
from metadata_sync.state import UserState

if TYPE_CHECKING:
    from metadata_sync.ends import End

_QUEUE_SECONDS = (0.005, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1800, 7200)
_WORK_SECONDS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 15)

UPDATES = Counter(
    "metadata_sync_updates",
    "Updates taken in, by what each meant for the calls.",
    ["tenant", "waiting", "effect"],
)
CALLS = Counter("metadata_sync_calls", "Writes that ended, by how they ended.", ["tenant", "kind", "result"])
PATCHES_SENT = Counter("metadata_sync_patches_sent", "Requests for writes that left us.", ["tenant", "kind"])
MANAGEMENT_DURATION = Histogram(
    "metadata_sync_management_request_duration_seconds",
    "Requests to the tenants, by what was asked and the status that answered, or why none did.",
    ["operation", "result"],
    buckets=_WORK_SECONDS,
)
RETRIES = Counter("metadata_sync_retries", "Writes that ended so that they are tried again.", ["tenant"])
THROTTLE_WAIT = Counter(
    "metadata_sync_throttle_wait_seconds",
    "Time for which the budget or a pause held back what was due.",
    ["tenant", "waiting"],
)
QUEUE_DURATION = Histogram(
    "metadata_sync_queue_duration_seconds",
    "From the first change to the write that carries it.",
    ["waiting"],
    buckets=_QUEUE_SECONDS,
)
WORK_DURATION = Histogram(
    "metadata_sync_work_duration_seconds",
    "From the lease of a user to its return, the call included.",
    ["kind"],
    buckets=_WORK_SECONDS,
)
IN_FLIGHT = Gauge("metadata_sync_in_flight", "Writes under way in this process.")
UNFINISHED = Gauge(
    "metadata_sync_unfinished_work_seconds", "How long the writes under way have run, all together."
)
LONGEST_RUNNING = Gauge("metadata_sync_longest_running_seconds", "How long the longest of them has run.")
DEPTH = Gauge(
    "metadata_sync_queue_depth",
    "Users whose writes are due or will be, 100,000 at most.",
    ["tenant", "waiting"],
)
OLDEST_DUE = Gauge(
    "metadata_sync_queue_oldest_due_seconds",
    "How long the longest due of these users has been due.",
    ["tenant", "waiting"],
)
BUDGET_REMAINING = Gauge(
    "metadata_sync_budget_remaining_requests",
    "Requests of our share that could be sent to the Management domain now.",
    ["domain"],
)
PAUSED = Gauge(
    "metadata_sync_paused", "1 while nothing is sent to the Management domain.", ["domain", "reason"]
)


class Effect(StrEnum):
    """What an update means for the calls: one more, none beside one that is due, or none."""

    FIRST = "first"
    COALESCED = "coalesced"
    UNCHANGED = "unchanged"


def label(*, waiting: bool) -> str:
    return "true" if waiting else "false"


def effect_of(before: UserState, after: UserState) -> Effect:
    """Of an update that led from one state to the other."""
    if after.changes is None:
        return Effect.UNCHANGED
    return Effect.FIRST if before.changes is None else Effect.COALESCED


def count_end(tenant: str, end: "End", *, kind: str, repeats: bool = True) -> None:
    """A write ended, one that is tried again if it failed; one that found no connection has sent nothing."""
    failure = end if isinstance(end, ManagementError) else None
    named = TENANTS.of(tenant)
    CALLS.labels(named, kind, failure.reason if failure else "ok").inc()
    PATCHES_SENT.labels(named, kind).inc(end.sent)
    if repeats and failure and not isinstance(failure, RefusedError):
        RETRIES.labels(named).inc()
