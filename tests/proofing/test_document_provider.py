"""The embedded provider's decisions."""

from dataclasses import replace
from datetime import UTC, date, datetime

import pytest

from common.messages import DocumentPolicy, Outcome
from proofing.providers.base import (
    Check,
    CheckName,
    CheckResult,
    Level,
    Profile,
    ProviderResult,
    Reason,
    Submission,
)
from proofing.providers.document import DocumentProvider
from tests.support.clock import FakeClock
from tests.support.zones import Zone

ANNA = Profile(given_name="Anna Maria", family_name="Eriksson", birthdate=date(1974, 8, 12))
ALLOWED = DocumentPolicy(allow_document_validated=True, minimum_age=18)


async def proof(
    zone: Zone,
    *,
    profile: Profile = ANNA,
    policy: DocumentPolicy = ALLOWED,
    production: bool = True,
    told: tuple[str, ...] = (),
) -> ProviderResult:
    provider = DocumentProvider(clock=FakeClock(), refuse_specimens=production)
    submission = Submission(mrz=zone.lines(), profile=profile, told=told)
    return await provider.start(submission, policy=policy, reference="tx-1")


async def test_everything_fits_and_the_policy_allows_it() -> None:
    """A consistent document of the profile's person is approved as validated, never as verified."""
    result = await proof(Zone(optional="SECRET1"))
    assert (result.outcome, result.level, result.reasons) == (
        Outcome.APPROVED,
        Level.DOCUMENT_VALIDATED,
        (),
    )
    assert result.checks == (
        Check(name=CheckName.CONSISTENT, result=CheckResult.PASSED),
        Check(name=CheckName.NOT_A_SPECIMEN, result=CheckResult.PASSED),
        Check(name=CheckName.BIRTH_DATE, result=CheckResult.PASSED),
        Check(name=CheckName.NAMES, result=CheckResult.PASSED, score=100),
        Check(name=CheckName.NOT_EXPIRED, result=CheckResult.PASSED),
        Check(name=CheckName.AGE, result=CheckResult.PASSED),
    )


async def test_what_the_person_told_is_worth_less() -> None:
    """A document that fits what its owner has typed of themselves proves no more than that they said so."""
    result = await proof(Zone(), told=("given_name",))
    assert (result.outcome, result.level) == (Outcome.APPROVED, Level.SELF_ASSERTED)
    assert result.verified_claims is not None
    assert result.verified_claims["verification"]["assurance_level"] == "self_asserted"
    other = await proof(Zone(), profile=replace(ANNA, given_name="Beate"), told=("given_name",))
    assert (other.outcome, other.reasons) == (Outcome.DECLINED, (Reason.NAME_MISMATCH,))


async def test_the_claims_say_what_was_and_was_not_done() -> None:
    """The result has the shape of OpenID Identity Assurance, without a check method that nobody performed."""
    result = await proof(Zone())
    assert result.verified_claims == {
        "verification": {
            "trust_framework": "self_asserted_document",
            "assurance_level": "document_validated",
            "time": "2026-11-22T12:00:00Z",
            "verification_process": "tx-1",
            "evidence": [
                {
                    "type": "document",
                    "document_details": {
                        "type": "passport",
                        "document_number": "L898902C3",
                        "date_of_expiry": "2032-04-15",
                        "issuer": {"country_code": "SWE"},
                    },
                }
            ],
        },
        "claims": {
            "family_name": "ERIKSSON",
            "given_name": "ANNA MARIA",
            "birthdate": "1974-08-12",
            "nationalities": ["SWE"],
        },
    }


@pytest.mark.parametrize(
    ("zone", "document_type"),
    [
        (Zone(format="TD1", code="ID"), "idcard"),
        (Zone(format="TD1", code="AR"), "residence_permit"),
        (Zone(format="TD2", code="I"), "idcard"),
        (Zone(format="MRV-A", code="V"), "visa"),
        (Zone(format="MRV-B", code="V"), "visa"),
    ],
)
async def test_every_kind_of_document(zone: Zone, document_type: str) -> None:
    """Cards, permits and visas are validated like passports and called by their names."""
    result = await proof(zone)
    assert result.outcome is Outcome.APPROVED
    assert result.verified_claims is not None
    details = result.verified_claims["verification"]["evidence"][0]["document_details"]
    assert details["type"] == document_type


@pytest.mark.parametrize(
    ("zone", "profile", "reason"),
    [
        (Zone(expiry="261121"), ANNA, Reason.DOCUMENT_EXPIRED),
        (Zone(birth="740813"), ANNA, Reason.BIRTH_DATE_MISMATCH),
        (Zone(birth="75<<<<"), ANNA, Reason.BIRTH_DATE_MISMATCH),
        (Zone(names="SVENSSON<<BERTIL"), ANNA, Reason.NAME_MISMATCH),
        (Zone(state="UTO"), ANNA, Reason.SPECIMEN_DOCUMENT),
        (Zone(names="SPECIMEN<<ANNA"), ANNA, Reason.SPECIMEN_DOCUMENT),
        (Zone(number="SPECI2014"), ANNA, Reason.SPECIMEN_DOCUMENT),
        (
            Zone(birth="081123"),
            Profile(given_name="Anna", family_name="Eriksson", birthdate=date(2008, 11, 23)),
            Reason.UNDER_AGE,
        ),
        (Zone(birth="7408AB"), ANNA, Reason.DOCUMENT_INCONSISTENT),
    ],
)
async def test_what_is_declined(zone: Zone, profile: Profile, reason: Reason) -> None:
    """One failed check declines, tells its reason and leaves no claims."""
    result = await proof(zone, profile=profile)
    assert (result.outcome, result.level) == (Outcome.DECLINED, Level.NONE)
    assert result.reasons[0] is reason
    assert result.verified_claims is None


@pytest.mark.parametrize(
    ("zone", "profile", "reason"),
    [
        (Zone(birth="7408<<"), ANNA, Reason.BIRTH_DATE_INCOMPLETE),
        (Zone(names="ERIKSEN<<ANNA"), ANNA, Reason.NAME_UNCLEAR),
        (Zone(), Profile(given_name="Anna", family_name="Eriksson"), Reason.PROFILE_INCOMPLETE),
        (Zone(), Profile(family_name="Eriksson", birthdate=date(1974, 8, 12)), Reason.PROFILE_INCOMPLETE),
        (Zone(), Profile(given_name="Anna", birthdate=date(1974, 8, 12)), Reason.PROFILE_INCOMPLETE),
        (
            Zone(),
            Profile(given_name="\u5c0f\u660e", family_name="\u738b", birthdate=date(1974, 8, 12)),
            Reason.NAME_UNCLEAR,
        ),
    ],
)
async def test_what_is_left_to_a_person(zone: Zone, profile: Profile, reason: Reason) -> None:
    """What cannot be compared is never approved, and never more than self-asserted."""
    result = await proof(zone, profile=profile)
    assert (result.outcome, result.level) == (Outcome.REVIEW, Level.SELF_ASSERTED)
    assert result.reasons[0] is reason
    assert result.verified_claims is not None
    assert result.verified_claims["verification"]["assurance_level"] == "self_asserted"


async def test_without_the_policy_nothing_is_approved() -> None:
    """A perfect document still goes to review unless the tenant allows validated documents."""
    result = await proof(Zone(), policy=DocumentPolicy(allow_document_validated=False))
    assert (result.outcome, result.level, result.reasons) == (
        Outcome.REVIEW,
        Level.SELF_ASSERTED,
        (Reason.APPROVAL_NOT_ALLOWED,),
    )


async def test_a_failure_outweighs_what_is_unclear() -> None:
    """An expired document is declined although the profile lacks a birth date."""
    result = await proof(Zone(expiry="250101"), profile=Profile(given_name="Anna", family_name="Eriksson"))
    assert (result.outcome, result.reasons) == (Outcome.DECLINED, (Reason.DOCUMENT_EXPIRED,))


@pytest.mark.parametrize(("birth", "outcome"), [("081122", Outcome.APPROVED), ("081123", Outcome.DECLINED)])
async def test_the_eighteenth_birthday(birth: str, outcome: Outcome) -> None:
    """Old enough is who has the birthday today."""
    born = datetime.strptime(birth, "%y%m%d").replace(tzinfo=UTC).date()
    profile = Profile(given_name="Anna", family_name="Eriksson", birthdate=born)
    assert (await proof(Zone(birth=birth), profile=profile)).outcome is outcome


async def test_specimens_serve_outside_of_production() -> None:
    """Demonstrations may use Utopia's documents."""
    assert (await proof(Zone(state="UTO"), production=False)).outcome is Outcome.APPROVED
