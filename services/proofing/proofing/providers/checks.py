"""The checks of a document against the day, the profile and the tenant's policy; each is a pure function."""

from datetime import date

from common.mrz import SPECIMEN_STATES, Mrz
from proofing.providers.base import Check, CheckName, CheckResult, Confirmed, Profile, Reason
from proofing.providers.names import DIFFERENT, SAME, name_score


def same_document(mrz: Mrz, *, confirmed: Confirmed) -> Check:
    """A second pass is about the document of the first."""
    if (mrz.document_number, mrz.date_of_expiry) != (confirmed.number, confirmed.expiry):
        return _failed(CheckName.SAME_DOCUMENT, Reason.DOCUMENT_DIFFERS)
    return _passed(CheckName.SAME_DOCUMENT)


def not_expired(mrz: Mrz, *, today: date) -> Check:
    """A document is good until the end of its last day, in UTC."""
    if mrz.date_of_expiry < today:
        return _failed(CheckName.NOT_EXPIRED, Reason.DOCUMENT_EXPIRED)
    return _passed(CheckName.NOT_EXPIRED)


def not_a_specimen(mrz: Mrz) -> Check:
    """Utopia issues nothing to real people, and specimens of real states call themselves so."""
    words = f"{mrz.primary_identifier} {mrz.secondary_identifier}".split()
    marked = "SPECIMEN" in words or mrz.document_number.startswith("SPECI")
    if mrz.issuing_state in SPECIMEN_STATES or marked:
        return _failed(CheckName.NOT_A_SPECIMEN, Reason.SPECIMEN_DOCUMENT)
    return _passed(CheckName.NOT_A_SPECIMEN)


def birth_date(mrz: Mrz, *, profile: Profile) -> Check:
    """Every known part must be the profile's; an unknown part leaves it to a person."""
    if profile.birthdate is None:
        return _unclear(CheckName.BIRTH_DATE, Reason.PROFILE_INCOMPLETE)
    if not mrz.date_of_birth.agrees_with(profile.birthdate):
        return _failed(CheckName.BIRTH_DATE, Reason.BIRTH_DATE_MISMATCH)
    if mrz.date_of_birth.complete is None:
        return _unclear(CheckName.BIRTH_DATE, Reason.BIRTH_DATE_INCOMPLETE)
    return _passed(CheckName.BIRTH_DATE)


def age(mrz: Mrz, *, today: date, at_least: int) -> Check:
    """Whole years on this day; who was born on 29 February has a birthday on 1 March in other years."""
    birth = mrz.date_of_birth.complete
    if birth is None:
        return _unclear(CheckName.AGE, Reason.BIRTH_DATE_INCOMPLETE)
    years = today.year - birth.year - ((today.month, today.day) < (birth.month, birth.day))
    if years < at_least:
        return _failed(CheckName.AGE, Reason.UNDER_AGE)
    return _passed(CheckName.AGE)


def names(mrz: Mrz, *, profile: Profile) -> Check:
    if not profile.given_name or not profile.family_name:
        return _unclear(CheckName.NAMES, Reason.PROFILE_INCOMPLETE)
    score = name_score(mrz, given_name=profile.given_name, family_name=profile.family_name)
    if score is None:
        return _unclear(CheckName.NAMES, Reason.NAME_UNCLEAR)
    if score >= SAME:
        return Check(name=CheckName.NAMES, result=CheckResult.PASSED, score=score)
    if score >= DIFFERENT:
        return Check(
            name=CheckName.NAMES, result=CheckResult.UNCLEAR, reason=Reason.NAME_UNCLEAR, score=score
        )
    return Check(name=CheckName.NAMES, result=CheckResult.FAILED, reason=Reason.NAME_MISMATCH, score=score)


def _passed(name: CheckName) -> Check:
    return Check(name=name, result=CheckResult.PASSED)


def _unclear(name: CheckName, reason: Reason) -> Check:
    return Check(name=name, result=CheckResult.UNCLEAR, reason=reason)


def _failed(name: CheckName, reason: Reason) -> Check:
    return Check(name=name, result=CheckResult.FAILED, reason=reason)
