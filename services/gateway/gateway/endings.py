"""What a change has ended, of a login or of its steps: told in the log and counted, once it is committed."""

from datetime import timedelta

import structlog

from common.metrics import TENANTS
from gateway.metrics import LOGIN_DURATION, LOGINS_ENDED, STEPS_CONCLUDED
from gateway.transaction import Status, Transaction

# From `handed_back` and `restarted` a login can still expire: it ends once. An operator cancels elsewhere.
_ENDED = frozenset({Status.HANDED_BACK, Status.RESTARTED, Status.EXPIRED, Status.DISPLACED})

log = structlog.stdlib.get_logger()


def tell_endings(was: Transaction, now: Transaction, *, age: timedelta) -> None:
    """`age`: how long ago the login arrived."""
    tenant = TENANTS.of(now.tenant)
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
            )
    if now.status in _ENDED and was.status not in _ENDED:
        LOGINS_ENDED.labels(tenant, now.status, now.metadata or "none").inc()
        LOGIN_DURATION.labels(now.status).observe(age.total_seconds())
