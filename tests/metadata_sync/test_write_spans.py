"""A write for several logins is a part of each one's trace."""

from collections.abc import Iterator

import pytest

from common.tracing import EXPORT, Span
from tests.metadata_sync.rig import Rig
from tests.metadata_sync.tenant import Tenant
from tests.metadata_sync.updates import update
from tests.support.waiting import wait_until


@pytest.fixture
def told() -> Iterator[list[Span]]:
    """What is told while the test runs."""
    spans: list[Span] = []
    EXPORT.tell = lambda span, _: spans.append(span)
    yield spans
    EXPORT.tell = None


async def test_a_write_for_two(rig: Rig, tenant: Tenant, told: list[Span]) -> None:
    """Its call is told in the first one's trace; in the other's it is linked with it, and as long."""
    both = [update(rev, user_id=tenant.user_id, waiting=False) for rev in (1, 2)]
    await rig.take_in(*both)
    await rig.until_applied(2)
    writes = await _named(told, "write app_metadata", count=2)
    first, second = writes
    asked = [one.traceparent for one in both]
    assert [(span.trace_id, span.parent_id) for span in writes] == [(one[3:35], one[36:52]) for one in asked]
    assert (first.links, second.links) == ((asked[1],), (first.traceparent,))
    assert second.begun == first.begun
    (call,) = await _named(told, "PATCH /api/v2/users/{id}", count=1)
    assert (call.trace_id, call.parent_id) == (first.trace_id, first.span_id)
    assert first.attributes == {
        "waystation.tenant": "acme",
        "waystation.waiting": False,
        "waystation.keys": 1,
    }


async def test_a_write_that_fails(rig: Rig, tenant: Tenant, told: list[Span]) -> None:
    """A call that the tenant refuses is an error by its status."""
    await tenant.fault(times=1, status=500)
    await rig.take_in(update(1, user_id=tenant.user_id))
    await rig.until_applied()
    calls = await _named(told, "PATCH /api/v2/users/{id}", count=2)
    assert [(span.error, span.attributes["http.response.status_code"]) for span in calls] == [
        ("500", 500),
        (None, 200),
    ]


async def _named(spans: list[Span], name: str, *, count: int) -> list[Span]:
    """Those of this name, once there are as many."""

    def found() -> list[Span]:
        return [span for span in spans if span.name == name]

    await wait_until(lambda: len(found()) >= count, what=f"{count} spans {name}")
    return found()
