"""What handling a command leaves in the database and tells the gateway; PostgreSQL is real."""

import base64
from datetime import timedelta

import asyncpg
import pytest

from common.consumer import PoisonMessageError, UnknownTenantError
from common.messages import MetadataApplied, Outcome, VerificationChanged, VerifyIdentity, new_event_id
from tests.proofing.commands import ANNA, NOW, PREVIOUS_SEAL_KEY, command
from tests.proofing.rig import Rig
from tests.support.zones import Zone


async def only_event(rig: Rig) -> VerificationChanged:
    (event,) = await rig.told()
    assert isinstance(event, VerificationChanged)
    return event


async def test_an_approval_is_stored_and_told(rig: Rig) -> None:
    """A good document leaves one row, its checks and evidence, and one event of the same login."""
    sent = command()
    await rig.worker.handle(sent)
    event = await only_event(rig)
    assert event == VerificationChanged(
        event_id=event.event_id,
        tenant="acme",
        transaction_id="tx-1",
        occurred_at=NOW,
        traceparent=sent.traceparent,
        verification_id="ver-1",
        revision=1,
        outcome=Outcome.APPROVED,
        level="document_validated",
        reason=None,
        reference="ver-1",
    )
    assert await rig.rows("SELECT * FROM verifications") == [
        (
            "acme",
            "ver-1",
            "tx-1",
            "auth0|anna",
            "idproof",
            "document",
            "approved",
            1,
            "document_validated",
            [],
            NOW,
            NOW + timedelta(minutes=45),
            NOW,
            0,
        )
    ]
    assert await rig.rows("SELECT name, result, reason, score FROM checks ORDER BY name") == [
        ("age", "passed", None, None),
        ("birth_date", "passed", None, None),
        ("consistent", "passed", None, None),
        ("names", "passed", None, 100),
        ("not_a_specimen", "passed", None, None),
        ("not_expired", "passed", None, None),
    ]


async def test_the_evidence_is_whole_and_encrypted(rig: Rig) -> None:
    """The evidence opens with the person's data key and holds zone, profile and claims."""
    await rig.worker.handle(command())
    evidence = await rig.evidence(user_id="auth0|anna", verification_id="ver-1")
    assert evidence["mrz"] == list(Zone().lines())
    assert evidence["profile"] == ANNA
    assert evidence["verified_claims"]["verification"]["verification_process"] == "tx-1"


async def test_a_refusal_tells_its_reason(rig: Rig) -> None:
    """The gateway learns why a document was refused."""
    await rig.worker.handle(command(zone=Zone(expiry="250101")))
    event = await only_event(rig)
    assert (event.outcome, event.level, event.reason) == (Outcome.DECLINED, "none", "document_expired")


async def test_a_review_keeps_its_reasons_for_the_reviewer(rig: Rig) -> None:
    """The gateway learns that a person has to decide; what there is to decide stays here."""
    await rig.worker.handle(command(zone=Zone(birth="7408<<")))
    event = await only_event(rig)
    assert (event.outcome, event.level, event.reason) == (Outcome.REVIEW, "self_asserted", "review")
    assert await rig.rows("SELECT status, reasons FROM verifications") == [
        ("review", ["birth_date_incomplete"])
    ]


async def test_a_command_delivered_twice_counts_once(rig: Rig) -> None:
    """A second delivery of the same event changes nothing and tells nothing."""
    sent = command()
    await rig.worker.handle(sent)
    await rig.worker.handle(sent)
    assert await rig.count() == {"inbox": 1, "verifications": 1, "checks": 6, "evidence": 1, "outbox": 1}


async def test_a_verification_is_concluded_once(rig: Rig) -> None:
    """Another event about the same verification finds it concluded."""
    await rig.worker.handle(command())
    await rig.worker.handle(command(zone=Zone(expiry="250101")))
    assert await rig.count() == {"inbox": 2, "verifications": 1, "checks": 6, "evidence": 1, "outbox": 1}
    assert (await only_event(rig)).outcome is Outcome.APPROVED


async def test_all_or_nothing(rig: Rig) -> None:
    """When one write fails none has happened, and the next delivery does everything."""
    sent = command()
    await rig.execute("REVOKE INSERT ON evidence FROM waystation_proofing")
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await rig.worker.handle(sent)
    assert await rig.count() == {"inbox": 0, "verifications": 0, "checks": 0, "evidence": 0, "outbox": 0}
    await rig.execute("GRANT INSERT ON evidence TO waystation_proofing")
    await rig.worker.handle(sent)
    assert await rig.count() == {"inbox": 1, "verifications": 1, "checks": 6, "evidence": 1, "outbox": 1}


async def test_a_passed_deadline_expires(rig: Rig) -> None:
    """Nobody waits any more: the outcome is told, and nothing personal is kept."""
    await rig.worker.handle(command(deadline=NOW))
    event = await only_event(rig)
    assert (event.outcome, event.level, event.reason) == (Outcome.EXPIRED, "none", "deadline_passed")
    assert (await rig.count())["evidence"] == 0


async def test_the_previous_seal_key_still_opens(rig: Rig) -> None:
    """While keys rotate, what the gateway sealed with the older one is still read."""
    await rig.worker.handle(command(seal_key=PREVIOUS_SEAL_KEY))
    assert (await only_event(rig)).outcome is Outcome.APPROVED


@pytest.mark.parametrize(
    ("sent", "reason"),
    [
        (command(seal_key=b"x" * 32), "sealed_input_unreadable"),
        (command(sealed=command().sealed), "sealed_input_unreadable"),
        (command(sealed="garbage"), "sealed_input_unreadable"),
        (command(plaintext=b"no JSON"), "input_malformed"),
        (command(plaintext=b'{"mrz": "text", "profile": {}}'), "input_malformed"),
        (command(plaintext=b'{"mrz": [], "profile": {"given_name": 7}}'), "input_malformed"),
        (command(provider="onfido"), "unknown_provider"),
    ],
)
async def test_an_unusable_command_is_parked_and_its_login_told(
    rig: Rig, sent: VerifyIdentity, reason: str
) -> None:
    """Each delivery is refused for good, and the login learns once that there will be no verdict."""
    for _ in range(2):
        with pytest.raises(PoisonMessageError, match=f"^{reason}$"):
            await rig.worker.handle(sent)
    event = await only_event(rig)
    assert (event.outcome, event.level, event.reason) == (Outcome.ERROR, "none", "provider_error")
    assert await rig.rows("SELECT status, reasons FROM verifications") == [("error", [reason])]
    assert (await rig.count())["evidence"] == 0


async def test_a_zone_that_the_gateway_should_have_refused_is_declined(rig: Rig) -> None:
    """Proofing verifies the zone itself, whatever the form let through."""
    await rig.worker.handle(command(plaintext=b'{"mrz": ["P<", "\\u0000"], "profile": {}}'))
    event = await only_event(rig)
    assert (event.outcome, event.reason) == (Outcome.DECLINED, "document_inconsistent")


async def test_a_tenant_that_the_file_does_not_know(rig: Rig) -> None:
    """Perhaps the next reload knows it: nothing is written."""
    with pytest.raises(UnknownTenantError):
        await rig.worker.handle(command(tenant="globex"))
    assert await rig.count() == {"inbox": 0, "verifications": 0, "checks": 0, "evidence": 0, "outbox": 0}


async def test_a_message_for_somebody_else(rig: Rig) -> None:
    """An event that was routed here by mistake is parked."""
    stray = MetadataApplied(
        event_id=new_event_id(),
        tenant="acme",
        transaction_id="tx-1",
        occurred_at=NOW,
        traceparent="00-1-1-01",
        user_id="auth0|anna",
        keys={"waystation_idproof": 1},
    )
    with pytest.raises(PoisonMessageError, match=r"^not_for_this_service$"):
        await rig.worker.handle(stray)


async def test_nothing_personal_is_stored_in_plain(rig: Rig) -> None:
    """No table holds a name, a number, a date of birth or the zone, neither as text nor as encoded bytes."""
    await rig.worker.handle(command())
    stored = (await rig.everything_stored()).casefold()
    assert "ver-1" in stored
    for secret in ("Eriksson", "Anna Maria", "1974-08-12", "740812", "L898902C3", Zone().lines()[1]):
        for form in (secret, secret.encode().hex(), base64.b64encode(secret.encode()).decode().rstrip("=")):
            assert form.casefold() not in stored
