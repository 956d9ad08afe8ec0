"""Messages that no service of ours has sent (case 85): dead letters with a reason, and no login moves."""

import json
from typing import Any

from common.messages import new_event_id
from tests.attacks.scene import Scene, Victim
from tests.attacks.tenants import GLOBEX
from tests.contracts.examples import example
from tests.support.queues import publish, take

_VERDICT, _APPLIED = example("verification-changed.v1"), example("metadata-applied.v1")


def _told(victim: Victim, body: dict[str, Any], **changes: Any) -> bytes:
    """Somebody says that all is well with this login."""
    about = {"event_id": new_event_id(), "tenant": "acme", "transaction_id": victim.id}
    return json.dumps(body | about | changes).encode()


async def test_a_forged_message_moves_no_login(scene: Scene) -> None:
    """85: of another tenant, about an unknown login or check, of a wrong form or too long: all parked."""
    victim, other = await scene.begun(), await scene.begun(tenant=GLOBEX)
    verdict = _VERDICT.body
    forged = {
        "another check": _told(victim, verdict),
        "another tenant": _told(victim, verdict, tenant=GLOBEX),
        "another tenant's login": _told(other, verdict),
        "no such tenant's": _told(victim, verdict, tenant="*' --"),
        "an unknown login": _told(victim, verdict, transaction_id="A" * 22),
        "an unknown version": _told(victim, verdict, v=99),
        "an unknown type": _told(victim, verdict, type="LoginPassed"),
        "an outcome of its own": _told(victim, verdict, outcome="superuser"),
        "NUL": _told(victim, verdict, reference="a\0b"),
        "1 MB": _told(victim, verdict, reference="A" * 1_000_000),
        "written for another person": _told(victim, _APPLIED.body, user_id="auth0|somebody-else"),
        "no JSON": b"\xff\xfe{",
        "deep": b"[" * 50_000,
        "nothing": b"",
    }
    logins, log = (*victim.marks, *other.marks), scene.log()
    before, dead = await scene.rows(logins), set()
    amqp = scene.stack.amqp
    for name, body in forged.items():
        key = _APPLIED.routing_key if "person" in name else _VERDICT.routing_key
        await publish(amqp.admin, body, exchange="waystation.events", routing_key=key)
        dead.add((name, (await take(amqp.admin, "gateway.dead")).body == body))
    assert dead == {(name, True) for name in forged}
    assert await scene.rows(logins) == before
    assert [line["event"] for line in log.lines if line["event"] == "request.failed"] == []
    assert (await victim.page()).html.select_one("form#identity")
