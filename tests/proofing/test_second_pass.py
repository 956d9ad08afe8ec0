"""A second pass confirms the document of an earlier verification of the same person, and says so."""

import json
from typing import Any

import pytest

from common.consumer import PoisonMessageError
from common.messages import Outcome, VerificationChanged
from tests.proofing.commands import ANNA, command
from tests.proofing.rig import Rig

NUMBER, EXPIRY = "L898902C3", "2032-04-15"


def confirming(*, number: str = NUMBER, expiry: str = EXPIRY, **changes: Any) -> Any:
    """A command of a second pass; `changes` replace its fields."""
    profile = changes.pop("profile", ANNA)
    typed = {"confirmed": {"number": number, "expiry": expiry}, "profile": profile}
    fields = {"verification_id": "ver-2", "transaction_id": "tx-2", "previous": "ver-1"} | changes
    return command(plaintext=json.dumps(typed).encode(), **fields)


async def outcome_of(rig: Rig, sent: Any) -> tuple[Outcome, str | None, str | None]:
    await rig.worker.handle(sent)
    event = (await rig.told())[-1]
    assert isinstance(event, VerificationChanged)
    assert event.verification_id == sent.verification_id
    return event.outcome, event.level, event.reason


@pytest.fixture
async def first(rig: Rig) -> None:
    """An earlier verification that was approved."""
    await rig.worker.handle(command())


@pytest.mark.usefixtures("first")
async def test_the_same_document(rig: Rig) -> None:
    """The same number and expiry are approved at a level of their own; the evidence is whole again."""
    assert await outcome_of(rig, confirming()) == (Outcome.APPROVED, "document_reconfirmed", None)
    passed = await rig.rows("SELECT result FROM checks WHERE name = 'same_document'")
    assert passed == [("passed",)]
    assert await rig.rows("SELECT count(*) FROM evidence") == [(2,)]


@pytest.mark.usefixtures("first")
@pytest.mark.parametrize("typed", [{"number": "L898902C4"}, {"expiry": "2032-04-16"}])
async def test_another_document(rig: Rig, typed: dict[str, str]) -> None:
    """Another number or expiry is another document."""
    assert await outcome_of(rig, confirming(**typed)) == (Outcome.DECLINED, "none", "document_differs")


@pytest.mark.usefixtures("first")
async def test_the_profile_counts_as_it_is_now(rig: Rig) -> None:
    """Who has another name by now is not confirmed by what was compared then."""
    sent = confirming(profile=ANNA | {"family_name": "Oyelaran"})
    assert await outcome_of(rig, sent) == (Outcome.DECLINED, "none", "name_mismatch")


@pytest.mark.usefixtures("first")
@pytest.mark.parametrize("changes", [{"previous": "ver-9"}, {"user_id": "auth0|bob"}])
async def test_nothing_to_confirm(rig: Rig, changes: dict[str, str]) -> None:
    """A verification that is unknown, or another person's, confirms nothing."""
    assert await outcome_of(rig, confirming(**changes)) == (Outcome.DECLINED, "none", "previous_unknown")


@pytest.mark.usefixtures("first")
async def test_erased_evidence(rig: Rig) -> None:
    """Without the person's data key nothing is kept that could be confirmed."""
    await rig.execute("DELETE FROM data_keys")
    assert await outcome_of(rig, confirming()) == (Outcome.DECLINED, "none", "previous_unknown")


async def test_what_was_refused_confirms_nothing(rig: Rig) -> None:
    """Only an approved verification has a document to confirm."""
    await rig.worker.handle(command(profile=ANNA | {"family_name": "Oyelaran"}))
    assert await outcome_of(rig, confirming()) == (Outcome.DECLINED, "none", "previous_unknown")


@pytest.mark.usefixtures("first")
@pytest.mark.parametrize("lacks", ["previous", "confirmed"])
async def test_half_a_second_pass_is_none(rig: Rig, lacks: str) -> None:
    """What names an earlier verification confirms its document, and the other way round."""
    half = (
        confirming(previous=None) if lacks == "previous" else command(verification_id="v2", previous="ver-1")
    )
    with pytest.raises(PoisonMessageError):
        await rig.worker.handle(half)
