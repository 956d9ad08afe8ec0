"""Transactions and logins made by hand, without a database."""

from datetime import UTC, datetime, timedelta
from typing import Any

from common.tenants import TenantSnapshot
from gateway.login import Login
from gateway.transaction import MetadataOutcome, Transaction
from gateway.transaction_step import Conclusion, Step, StepStatus
from tests.common.tenants_on_disk import section

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
DEADLINE = NOW + timedelta(minutes=45)
BROWSER = b"the hash of a browser's secret"
_KEPT = ("metadata", "transaction", "continue", "applications", "steps", "branding")


def settings(**changes: Any) -> TenantSnapshot:
    """Acme as a login keeps it; `changes` replace whole sections."""
    whole = section(**changes)
    return TenantSnapshot.model_validate({"key": "acme", **{name: whole[name] for name in _KEPT}})


def concluded(status: StepStatus = StepStatus.PASSED, **changes: Any) -> Conclusion:
    return Conclusion(status=status, at=NOW, **changes)


def opened(*steps: str) -> Transaction:
    """A login that nobody has claimed; one step unless told otherwise."""
    return Transaction(
        id="T" * 22,
        tenant="acme",
        subject="auth0|anna",
        jti="J" * 22,
        deadline=DEADLINE,
        steps=tuple(Step(name=name, revision=1) for name in steps or ("idproof",)),
    )


def working() -> Transaction:
    return opened().claim(BROWSER)


def submitted() -> Transaction:
    return working().submit("idproof", verification_id="V1")


def finished() -> Transaction:
    """Its only step has ended, and nothing has been asked of metadata-sync yet."""
    return submitted().decide("idproof", concluded())


def settled() -> Transaction:
    return finished().settle(rev=7, until=NOW + timedelta(seconds=10))


def ready() -> Transaction:
    return settled().finish_metadata(MetadataOutcome.APPLIED)


def handed_back() -> Transaction:
    return ready().hand_back()


def restarted() -> Transaction:
    return working().restart("idproof", concluded(), rev=7)


def expired() -> Transaction:
    return working().expire()


def login(transaction: Transaction, **changes: Any) -> Login:
    """That transaction as a login at acme; `changes` replace sections of the tenant."""
    return Login(
        transaction=transaction,
        issuer="acme.eu.auth0.com",
        client_id="app1",
        continue_uri="https://acme.eu.auth0.com/continue",
        settings=settings(**changes),
        traceparent="00-" + "a" * 32 + "-" + "b" * 16 + "-01",
    )
