"""What of the gateway's rows is kept how long: the rules of its retention job."""

from collections.abc import Mapping
from datetime import timedelta

from common.db import Connection
from common.retention import Rule
from common.tenants import Tenant
from gateway import retention_store as store

# A login forgets at its deadline what is personal, a postman what nobody can use: this finds what was missed.
AFTERWARDS = timedelta(hours=1)
ATTEMPTS = timedelta(days=30)


async def _personal_fields(connection: Connection, tenant: Tenant) -> int:
    return await store.forget_personal(connection, tenant=tenant.key, since=AFTERWARDS)


async def _mails(connection: Connection, tenant: Tenant) -> int:
    return await store.delete_mails(connection, tenant=tenant.key, since=AFTERWARDS)


async def _attempts(connection: Connection, tenant: Tenant) -> int:
    """Longer than any window in which they count."""
    steps = tenant.steps
    windows = [rules.retry_after for rules in (steps.password, steps.idproof, steps.stepup) if rules]
    return await store.delete_attempts(connection, tenant=tenant.key, since=max((*windows, ATTEMPTS)))


async def _results(connection: Connection, tenant: Tenant) -> int:
    return await store.delete_results(connection, tenant=tenant.key, since=tenant.retention.results)


async def _reviews(connection: Connection, tenant: Tenant) -> int:
    return await store.delete_reviews(connection, tenant=tenant.key, since=tenant.retention.results)


async def _receipts(connection: Connection, tenant: Tenant) -> int:
    """Where terms have no end, what somebody said last about them stays in force, and with it the receipt."""
    terms = tenant.steps.terms
    last_too = terms is None or terms.valid_for is not None
    return await store.delete_receipts(
        connection, tenant=tenant.key, since=tenant.retention.consents, last_too=last_too
    )


async def _consents_to_checks(connection: Connection, tenant: Tenant) -> int:
    return await store.delete_idproof_consents(connection, tenant=tenant.key, since=tenant.retention.consents)


async def _answers(connection: Connection, tenant: Tenant) -> int:
    """By the last answer a consent is withdrawn."""
    return await store.delete_answers(connection, tenant=tenant.key, since=tenant.retention.consents)


async def _logins(connection: Connection, tenant: Tenant) -> int:
    return await store.delete_logins(connection, tenant=tenant.key, since=tenant.retention.transactions)


async def _keys(connection: Connection, tenant: Tenant) -> int:
    return await store.delete_keys(connection, tenant=tenant.key, since=tenant.retention.transactions)


async def _erasures(connection: Connection, tenant: Tenant) -> int:
    return await store.delete_erasures(connection, tenant=tenant.key, since=tenant.retention.erasures)


RULES: Mapping[str, Rule] = {
    "personal_fields": _personal_fields,
    "mails": _mails,
    "attempts": _attempts,
    "results": _results,
    "reviews": _reviews,
    "consents": _receipts,
    "consents_to_checks": _consents_to_checks,
    "answers": _answers,
    "transactions": _logins,
    "data_keys": _keys,
    "erasures": _erasures,
}
