"""What the gateway keeps how long, and that nothing older is there after its job."""

from typing import Any

import pytest

from common.retention import RetentionJob
from gateway.retention import RULES
from tests.gateway.arrivals import redirect
from tests.gateway.browsers import Browser
from tests.gateway.rig import Rig

ROWS = {
    "mails": "(id, tenant, subject, transaction_id, content, expires_at) VALUES"
    " ('m', 'acme', 'auth0|x', 't', '', {age})",
    "step_attempts": "(tenant, subject, step, window_start, attempts) VALUES"
    " ('acme', 'auth0|x', 'idproof', {age}, 1)",
    "step_results": "(tenant, subject, step, device, revision, conclusion, kept_at) VALUES"
    " ('acme', 'auth0|x', 'idproof', '', 1, '{{}}', {age})",
    "idproof_reviews": "(tenant, verification_id, subject, device, revision, promised_until, jti) VALUES"
    " ('acme', 'v', 'auth0|x', '', 1, {age}, 'j')",
    "consent_receipts": "(tenant, id, subject, transaction_id, given_at, receipt, record) VALUES"
    " ('acme', 'r', 'auth0|x', 't', {age}, '{{}}', '{{}}')",
    "idproof_consents": "(tenant, transaction_id, text_revision, revision, given_at) VALUES"
    " ('acme', 't', 1, 1, {age})",
    "last_answers": "(tenant, subject, step, jti, noted_at) VALUES ('acme', 'auth0|x', 'terms', 'j', {age})",
    "data_keys": "(tenant, subject, dek_id, kek_id, wrapped, created_at) VALUES"
    " ('acme', 'auth0|x', '', '', '', {age})",
    "erasures": "(tenant, id, subject, rev, keys, erased_at, proofing_at, metadata_sync_at) VALUES"
    " ('acme', 'e', 'auth0|y', 41, '{{}}', {age}, now(), now())",
}
DAYS = {
    "mails": 1,
    "step_attempts": 30,
    "step_results": 730,
    "idproof_reviews": 730,
    "consent_receipts": 1825,
    "idproof_consents": 1825,
    "last_answers": 1825,
    "data_keys": 365,
    "erasures": 90,
}


@pytest.fixture
def job(rig: Rig) -> RetentionJob:
    return RetentionJob(database=rig.database, tenants=rig.tenants, rules=RULES, clock=rig.clock)


async def _insert(rig: Rig, table: str, *, days: int) -> None:
    age = f"ws_now() - interval '{days} days'"
    await rig.execute(f"INSERT INTO {table} {ROWS[table].format(age=age)}")


@pytest.mark.parametrize("table", ROWS)
async def test_each_kind_of_row_goes_when_its_time_has_come(rig: Rig, job: RetentionJob, table: str) -> None:
    """A row is there the day before its time has come, and not the day after."""
    await _insert(rig, table, days=DAYS[table] - 1)
    await job.enforce()
    assert await _count(rig, table) == 1
    await rig.execute(f"DELETE FROM {table}")  # noqa: S608 - a constant
    await _insert(rig, table, days=DAYS[table] + 1)
    await job.enforce()
    assert await _count(rig, table) == 0


async def test_personal_fields_go_while_the_row_remains(rig: Rig, anna: Browser, job: RetentionJob) -> None:
    """What nobody has cleared at a login's deadline is cleared; its row stays for a year and then goes."""
    await anna.arrive(redirect(rig.clock, ip="8.8.8.8"))
    filled = """
        SELECT count(state) + count(profile) + count(changes) + count(authorize) + count(network)
        FROM transactions
    """
    assert await _one(rig, filled) == 3
    await rig.execute("UPDATE transactions SET deadline = ws_now() - interval '59 minutes'")
    await job.enforce()
    assert await _one(rig, filled) == 3
    await rig.execute("UPDATE transactions SET deadline = ws_now() - interval '61 minutes'")
    await job.enforce()
    assert await _one(rig, filled) == 0
    assert await _count(rig, "transactions") == 1
    await rig.execute("UPDATE transactions SET opened_at = ws_now() - interval '366 days'")
    await job.enforce()
    assert await _count(rig, "transactions") == 0


async def test_a_key_in_use_stays(rig: Rig, anna: Browser, job: RetentionJob) -> None:
    """Of whom there is a login, the data key stays however old it is."""
    await anna.arrive(redirect(rig.clock))
    await rig.execute("UPDATE data_keys SET created_at = ws_now() - interval '9 years'")
    await job.enforce()
    assert await _count(rig, "data_keys") == 1


async def test_nobody_begins_below_who_was_erased(rig: Rig, job: RetentionJob) -> None:
    """Once nobody knows any more who was erased, everybody who is new begins above their revs."""
    await _insert(rig, "erasures", days=91)
    await job.enforce()
    assert await _one(rig, "SELECT rev FROM rev_floors") == 41


async def _count(rig: Rig, table: str) -> int:
    count: int = await _one(rig, f"SELECT count(*) FROM {table}")  # noqa: S608 - a constant
    return count


async def _one(rig: Rig, statement: str) -> Any:
    return (await rig.rows(statement))[0][0]
