"""What a scrape of a real process tells after a story that is known."""

from pathlib import Path

import pytest
import yaml
from prometheus_client import REGISTRY

from common.messages import encode
from metadata_sync import bucket
from metadata_sync.limiter import Budget, Pause, PauseReason, fresh_budget, limit_of, pause_at, remaining
from tests.metadata_sync.process import Sample, next_event, scrape, send
from tests.metadata_sync.rig import open_rig
from tests.metadata_sync.tenant import Tenant
from tests.metadata_sync.updates import update
from tests.support.databases import ServiceDatabase
from tests.support.service_process import ServiceProcess
from tests.support.virtual_hosts import VirtualHost
from tests.support.waiting import wait_until


async def test_a_story_told_by_numbers(service: ServiceProcess, amqp: VirtualHost, tenant: Tenant) -> None:
    """Three updates of a person's user, one of them unchanged, and two of a background one: three calls."""
    service.start()
    background = f"{tenant.user_id}-background"
    await tenant.create_user(background)
    for rev in (1, 2):
        await send(amqp, encode(update(rev, user_id=tenant.user_id)))
        await next_event(amqp)
    unchanged = update(2, user_id=tenant.user_id, transaction_id="tx-again")
    await send(amqp, encode(unchanged))
    await next_event(amqp)
    await send(amqp, *(encode(update(rev, user_id=background, waiting=False)) for rev in (1, 2)))
    for _ in range(2):
        await next_event(amqp)
    sample = scrape(service)
    of_people, of_others = ({"tenant": "acme", "waiting": waiting} for waiting in ("true", "false"))
    assert {effect: sample("updates_total", effect=effect, **of_people) for effect in EFFECTS} == {
        "first": 2,
        "coalesced": None,
        "unchanged": 1,
    }
    assert {effect: sample("updates_total", effect=effect, **of_others) for effect in EFFECTS} == {
        "first": 1,
        "coalesced": 1,
        "unchanged": None,
    }
    written = {"tenant": "acme", "kind": "app_metadata"}
    assert sample("calls_total", result="ok", **written) == 3
    assert sample("patches_sent_total", **written) == 3
    assert sample("retries_total", tenant="acme") is None
    assert sample("queue_duration_seconds_count", waiting="true") == 2
    assert sample("queue_duration_seconds_count", waiting="false") == 1
    assert sample("queue_duration_seconds_bucket", waiting="false", le="0.5") == 0
    assert sample("work_duration_seconds_count", kind="app_metadata") == 3
    assert (sample("in_flight"), sample("unfinished_work_seconds")) == (0, 0)
    assert [sample("queue_depth", **labels) for labels in (of_people, of_others)] == [0, 0]
    # A burst of 50, less the reserve's fifth.
    assert 1 <= (sample("budget_remaining_requests", domain=tenant.authority) or 0) <= 40
    assert sample("paused", domain=tenant.authority, reason="rate_limited") == 0


EFFECTS = ("first", "coalesced", "unchanged")


@pytest.mark.logs("tenant.paused", "tenant.resumed", "write.failed")
async def test_a_tenant_in_trouble_shows(service: ServiceProcess, amqp: VirtualHost, tenant: Tenant) -> None:
    """After a 403 the domain is paused and its user waits, and both are over with the probe that succeeds."""
    await tenant.fault(times=2, status=403)
    service.start()
    await send(amqp, encode(update(1, user_id=tenant.user_id)))
    paused = {"domain": tenant.authority, "reason": "forbidden"}
    of_people = {"tenant": "acme", "waiting": "true"}
    sample = await wait_until(lambda: _scrape_where(service, "paused", **paused), 15.0, what="the pause")
    assert sample is not None
    assert (sample("queue_depth", **of_people), sample("in_flight")) == (1, 0)
    await next_event(amqp)
    sample = scrape(service)
    written = {"tenant": "acme", "kind": "app_metadata"}
    assert [sample("calls_total", result=result, **written) for result in ("forbidden", "ok")] == [2, 1]
    assert sample("retries_total", tenant="acme") == 2
    assert (sample("throttle_wait_seconds_total", **of_people) or 0) >= 4


def _scrape_where(service: ServiceProcess, name: str, **labels: str) -> Sample | None:
    sample = scrape(service)
    return sample if sample(name, **labels) else None


async def test_a_write_that_delays_nobody_is_no_wait(
    database: ServiceDatabase, tenants_file: Path, tenant: Tenant
) -> None:
    """After a write that empties the budget, time is counted only while somebody else is due."""
    _plan(tenants_file, {"burst": 1, "per_second": 1})
    before = _throttled()
    async with open_rig(database.metadata_sync, tenants_file=tenants_file) as rig:
        await rig.take_in(update(1, user_id=tenant.user_id, waiting=False))
        await rig.until_applied(1)
        assert _throttled() == before
        await rig.take_in(update(2, user_id=tenant.user_id))
        await rig.take_in(update(3, user_id="auth0|other"))
        await wait_until(lambda: rig.applied[1:] and rig.rejected)
    assert _throttled() > before


def _plan(tenants_file: Path, rate_profile: dict[str, int]) -> None:
    document = yaml.safe_load(tenants_file.read_text())
    document["tenants"]["acme"]["management"]["rate_profile"] = rate_profile
    tenants_file.write_text(yaml.safe_dump(document))


def _throttled() -> float:
    labels = [{"tenant": "acme", "waiting": waiting} for waiting in ("true", "false")]
    name = "metadata_sync_throttle_wait_seconds_total"
    return sum(REGISTRY.get_sample_value(name, one) or 0 for one in labels)


LIMIT = limit_of((50, 16), (20, 4), reserve=0.2)


def test_what_remains_is_the_least_of_all_buckets() -> None:
    """Of each bucket what is ours and there counts, whole requests, never fewer than none."""
    budget = fresh_budget(LIMIT, now=100)
    assert remaining(budget, limit=LIMIT, now=100) == 5
    assert remaining(budget, limit=LIMIT, now=103) == 14
    emptied = Budget(levels=tuple(bucket.spent(level) for level in budget.levels))
    assert remaining(emptied, limit=LIMIT, now=100) == 0


@pytest.mark.parametrize(
    ("reason", "now", "seen"),
    [
        (PauseReason.RATE_LIMITED, 99, PauseReason.RATE_LIMITED),
        (PauseReason.RATE_LIMITED, 100, None),
        (PauseReason.UNAUTHORIZED, 100, PauseReason.UNAUTHORIZED),
    ],
)
def test_a_pause_is_over(reason: PauseReason, now: float, seen: PauseReason | None) -> None:
    """A 429's pause ends with its time, that of refused credentials with a probe that succeeds."""
    budget = Budget(levels=(), pause=Pause(reason=reason, until=100))
    assert pause_at(budget, now=now) is seen
