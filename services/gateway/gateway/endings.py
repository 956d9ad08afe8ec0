"""What a change has ended, of a login or of its steps: told in the log and counted, once it is committed."""

import time
from datetime import timedelta

import structlog

from common import tracing
from common.metrics import TENANTS
from gateway.login import Login
from gateway.metrics import LOGIN_DURATION, LOGINS_ENDED, STEPS_CONCLUDED
from gateway.transaction import Status, Transaction

# From `handed_back` and `restarted` a login can still expire or be cancelled: it ends once.
_ENDED = frozenset({Status.HANDED_BACK, Status.RESTARTED, Status.EXPIRED, Status.DISPLACED})

log = structlog.stdlib.get_logger()


def tell_endings(login: Login, now: Transaction, *, age: timedelta) -> None:
    """`login`: as it was before; `age`: how long ago it arrived."""
    was, tenant = login.transaction, TENANTS.of(now.tenant)
    for before, after in zip(was.steps, now.steps, strict=True):
        if after.conclusion is not None and after.is_concluded and not before.is_concluded:
            STEPS_CONCLUDED.labels(tenant, after.name, after.status).inc()
            log.info(
                "step.concluded",
                transaction_id=now.id,
                tenant=now.tenant,
                step=after.name,
                outcome=after.status,
                reason=after.conclusion.reason,
                **tracing.log_context(tracing.onward(login.traceparent)),
            )
    if now.status in _ENDED and was.status not in _ENDED:
        _tell_end(login, now, age=age)


def tell_cancelled(login: Login, *, was: Status, age: timedelta, ago: timedelta) -> None:
    """`login`: as it is now that it is cancelled; `was`: how far it had come.

    It was cancelled that long `ago`, and had arrived `age` before.
    """
    log.info(
        "login.cancelled",
        transaction_id=login.id,
        tenant=login.transaction.tenant,
        status=was,
        **tracing.log_context(login.traceparent),
    )
    if was not in _ENDED:
        _tell_end(login, login.transaction, age=age, ago=ago)


def _tell_end(login: Login, now: Transaction, *, age: timedelta, ago: timedelta = timedelta()) -> None:
    LOGINS_ENDED.labels(TENANTS.of(now.tenant), now.status, now.metadata or "none").inc()
    LOGIN_DURATION.labels(now.status).observe(age.total_seconds())
    _tell_trace(login, now, age=age, ago=ago)


def _tell_trace(login: Login, now: Transaction, *, age: timedelta, ago: timedelta) -> None:
    """The span of the login as a whole, of which all others are part."""
    attributes = {
        "waystation.tenant": now.tenant,
        "waystation.transaction_id": now.id,
        "waystation.status": str(now.status),
        "waystation.metadata": str(now.metadata or "none"),
        **{f"waystation.step.{step.name}": str(step.status) for step in now.steps},
    }
    ended = time.time_ns() - _nanoseconds(ago)
    tracing.tell_whole(
        "login", login.traceparent, begun=ended - _nanoseconds(age), ended=ended, attributes=attributes
    )


def _nanoseconds(span: timedelta) -> int:
    return span // timedelta(microseconds=1) * 1000
