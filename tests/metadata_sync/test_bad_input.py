"""What may never be written, through the real broker: a dead letter with its reason, and nobody delayed."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from common.messages import DocumentPolicy, VerifyIdentity, encode, new_event_id
from common.tracing import new_traceparent
from metadata_sync.coalesce import MOST_REVS_AHEAD, refuse_never_given
from metadata_sync.errors import UnfitUpdateError
from tests.metadata_sync.process import next_event, send
from tests.metadata_sync.states import request
from tests.metadata_sync.tenant import Tenant
from tests.metadata_sync.updates import KEY, update, value
from tests.support.queues import channel_of
from tests.support.service_process import ServiceProcess
from tests.support.virtual_hosts import VirtualHost
from tests.support.waiting import wait_until

USER = "auth0|bad"
LONG_AGO = datetime.now(UTC) - timedelta(minutes=11)


def body(**changes: Any) -> bytes:
    """An update that would be good but for these fields of its JSON."""
    return json.dumps(json.loads(encode(update(user_id=USER))) | changes).encode()


def without(field: str) -> bytes:
    fields = json.loads(body())
    del fields[field]
    return json.dumps(fields).encode()


def keys(**wishes: Any) -> bytes:
    return body(keys=wishes)


def rev(rev: Any) -> bytes:
    return keys(**{KEY: {"rev": rev, "value": value(1)}})


def other_service() -> bytes:
    now = datetime.now(UTC)
    return encode(
        VerifyIdentity(
            event_id=new_event_id(),
            tenant="acme",
            transaction_id="tx-1",
            occurred_at=now,
            traceparent=new_traceparent(),
            verification_id="v-1",
            user_id=USER,
            step="idproof",
            provider="document",
            policy=DocumentPolicy(allow_document_validated=False),
            deadline=now,
            sealed="sealed",
        )
    )


GOOD = {"rev": 1, "value": {"v": 1}}
KILOBYTE = {"rev": 1, "value": {"text": "x" * 900}}
BAD = {
    "an unknown version": (body(v=2), "unknown_type_or_version"),
    "an unknown type": (body(type="ForgetEverything"), "unknown_type_or_version"),
    "no version": (without("v"), "malformed"),
    "another service's message": (other_service(), "not_for_this_service"),
    "a foreign tenant": (body(tenant="nobody", occurred_at=LONG_AGO.isoformat()), "unknown_tenant"),
    "a value over 1 KB": (keys(a={"rev": 1, "value": {"text": "x" * 1024}}), "value_too_large"),
    "a patch over 2 KB": (keys(a=KILOBYTE, b=KILOBYTE, c=KILOBYTE), "total_too_large"),
    "a key with a dot": (keys(**{"waystation.idproof": GOOD}), "malformed"),
    "a key with a dollar sign": (keys(**{"$set": GOOD}), "malformed"),
    "an empty key": (keys(**{"": GOOD}), "malformed"),
    "a forbidden key": (keys(blocked=GOOD), "key_forbidden"),
    "another forbidden key": (keys(email_verified=GOOD), "key_forbidden"),
    "nothing to write": (keys(), "malformed"),
    "no keys": (without("keys"), "malformed"),
    "a value that is no object": (keys(**{KEY: {"rev": 1, "value": "passed"}}), "malformed"),
    "a value that PostgreSQL cannot hold": (keys(a={"rev": 1, "value": {"a": "\0"}}), "value_not_json"),
    "a value beyond all numbers": (body().replace(b'"v": 1, "rev": 1', b'"v": 1e999'), "malformed"),
    "rev 0": (rev(0), "malformed"),
    "a rev below 0": (rev(-1), "malformed"),
    "half a rev": (rev(1.5), "malformed"),
    "a rev as text": (rev("1"), "malformed"),
    "a rev that is true": (rev(True), "malformed"),  # noqa: FBT003 - a value
    "no rev": (keys(**{KEY: {"value": value(1)}}), "malformed"),
    "a rev that was never given": (rev(1_000_001), "rev_never_given"),
    "a rev beyond all numbers of a database": (rev(2**70), "rev_never_given"),
    "a user id that names another path": (body(user_id=".."), "user_id_malformed"),
    "no user id": (body(user_id=""), "malformed"),
    "a megabyte of garbage": (b"{" * 1_000_000, "malformed"),
    "bytes that are no text": (b"\xff\xfe\x00", "malformed"),
    "nothing at all": (b"", "malformed"),
    "a list": (b"[]", "malformed"),
}


async def dead_letters(amqp: VirtualHost, count: int) -> dict[bytes, object]:
    """The reason of each of so many dead letters, by its body."""
    reasons: dict[bytes, object] = {}
    async with channel_of(amqp.admin) as channel:
        queue = await channel.get_queue("metadata-sync.dead", ensure=False)
        for _ in range(count):
            letter = await wait_until(lambda: queue.get(no_ack=True, fail=False), 20.0, what="a dead letter")
            assert letter is not None
            reasons[letter.body] = letter.headers["x-reason"]
    return reasons


async def test_each_is_parked_with_its_reason_and_delays_nobody(
    service: ServiceProcess, amqp: VirtualHost, tenant: Tenant
) -> None:
    """Whatever is wrong with an update, it becomes a dead letter; a person behind it is written at once."""
    service.start()
    await send(amqp, *(bad for bad, _ in BAD.values()), encode(update(1, user_id=tenant.user_id)))
    event = await next_event(amqp)
    assert (event.user_id, event.keys) == (tenant.user_id, {KEY: 1})
    assert await tenant.patches() == [{KEY: value(1)}]
    reasons = await dead_letters(amqp, len(BAD))
    assert {name: reasons.get(bad) for name, (bad, _) in BAD.items()} == {
        name: reason for name, (_, reason) in BAD.items()
    }
    assert await amqp.depth("metadata-sync.dead") == 0
    assert USER not in service.processes[-1].output.read_text()


@pytest.mark.parametrize(
    ("known", "given", "fits"), [(0, 1, True), (7, 1_000_007, True), (7, 1_000_008, False)]
)
def test_a_rev_too_far_ahead_was_never_given(known: int, given: int, *, fits: bool) -> None:
    """A million results may have passed us by, not more."""
    assert MOST_REVS_AHEAD == 1_000_000
    there = request(a=(known, {})).desired if known else {}
    update_of_user = request(b=(given, {})).desired
    if fits:
        refuse_never_given(there, update_of_user)
    else:
        with pytest.raises(UnfitUpdateError, match="rev_never_given"):
            refuse_never_given(there, update_of_user)
