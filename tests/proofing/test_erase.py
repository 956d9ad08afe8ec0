"""`ForgetUser`: what is left of a person, and what may still come."""

import pytest

from common.messages import ForgetUser, Message, UserForgotten, VerificationChanged, new_event_id
from common.tracing import new_traceparent
from tests.proofing.commands import NOW, command
from tests.proofing.rig import Rig


def forget(rev: int) -> ForgetUser:
    return ForgetUser(
        event_id=new_event_id(),
        tenant="acme",
        transaction_id="erasure-1",
        occurred_at=NOW,
        traceparent=new_traceparent(),
        user_id="auth0|anna",
        rev=rev,
        keys=("waystation_idproof",),
    )


async def test_nothing_is_left(rig: Rig) -> None:
    """Verification, checks, evidence and key are gone, others' are not, and the gateway is told once."""
    await rig.worker.handle(command(rev=3))
    await rig.worker.handle(command(verification_id="ver-2", user_id="auth0|bert", transaction_id="tx-2"))
    told = forget(4)
    await rig.eraser.handle(told)
    await rig.eraser.handle(told)
    assert await rig.rows("SELECT user_id FROM verifications") == [("auth0|bert",)]
    assert await rig.rows("SELECT DISTINCT verification_id FROM checks") == [("ver-2",)]
    assert await rig.rows("SELECT verification_id FROM evidence") == [("ver-2",)]
    assert await rig.rows("SELECT subject FROM data_keys") == [("auth0|bert",)]
    reports = [one for one in await rig.told() if isinstance(one, UserForgotten)]
    assert [(one.transaction_id, one.user_id, one.rev, one.service) for one in reports] == [
        ("erasure-1", "auth0|anna", 4, "proofing")
    ]


@pytest.mark.parametrize(("rev", "kept"), [(0, []), (3, []), (4, [("ver-1",)]), (9, [("ver-1",)])])
@pytest.mark.parametrize("overtaken", [False, True])
async def test_rev_says_what_was_before(
    rig: Rig, rev: int, kept: list[tuple[str]], *, overtaken: bool
) -> None:
    """Whatever arrives first: what was asked for before the erasure goes, what comes after it stays."""
    messages: list[Message] = [command(rev=rev), forget(4)]
    for message in messages if overtaken else reversed(messages):
        await rig.eraser.handle(message)
    assert await rig.rows("SELECT verification_id FROM verifications") == kept
    assert await rig.rows("SELECT verification_id FROM evidence") == kept
    verdicts = [one for one in await rig.told() if isinstance(one, VerificationChanged)]
    assert len(verdicts) == int(bool(kept) or overtaken)
    if kept:
        evidence = await rig.evidence(user_id="auth0|anna", verification_id="ver-1")
        assert evidence["verified_claims"]["claims"]["family_name"] == "ERIKSSON"


async def test_an_older_erasure_changes_nothing(rig: Rig) -> None:
    """An erasure that arrives after a later one takes nothing back."""
    await rig.eraser.handle(forget(7))
    await rig.eraser.handle(forget(4))
    await rig.eraser.handle(command(rev=5))
    assert await rig.count() == {"inbox": 3, "verifications": 0, "checks": 0, "evidence": 0, "outbox": 2}


async def test_a_key_that_was_copied_away_opens_nothing_new(rig: Rig) -> None:
    """Who kept the wrapped key of an erased person cannot open what comes when they return."""
    await rig.eraser.handle(command(rev=1))
    ((before,),) = await rig.rows("SELECT dek_id FROM data_keys")
    await rig.eraser.handle(forget(2))
    await rig.eraser.handle(command(rev=2, verification_id="ver-2"))
    ((after,),) = await rig.rows("SELECT dek_id FROM data_keys")
    assert before != after
