"""What the worker needs of a provider of identity proofing, and the words in which every provider answers."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from typing import Any, Protocol

from common.messages import DocumentPolicy, Outcome


class Level(StrEnum):
    """How far a result can be relied on, weakest first; validated evidence is not a verified person."""

    NONE = "none"
    SELF_ASSERTED = "self_asserted"
    DOCUMENT_RECONFIRMED = "document_reconfirmed"
    DOCUMENT_VALIDATED = "document_validated"


class Reason(StrEnum):
    """Why a result is not an approval; the first of a result is the one that is told."""

    DOCUMENT_INCONSISTENT = "document_inconsistent"
    DOCUMENT_EXPIRED = "document_expired"
    SPECIMEN_DOCUMENT = "specimen_document"
    BIRTH_DATE_MISMATCH = "birth_date_mismatch"
    UNDER_AGE = "under_age"
    NAME_MISMATCH = "name_mismatch"
    NAME_UNCLEAR = "name_unclear"
    BIRTH_DATE_INCOMPLETE = "birth_date_incomplete"
    PROFILE_INCOMPLETE = "profile_incomplete"
    APPROVAL_NOT_ALLOWED = "approval_not_allowed"
    REVIEW_DECLINED = "review_declined"
    DOCUMENT_DIFFERS = "document_differs"
    PREVIOUS_UNKNOWN = "previous_unknown"


class CheckName(StrEnum):
    """The checks of the document provider."""

    CONSISTENT = "consistent"
    NOT_EXPIRED = "not_expired"
    NOT_A_SPECIMEN = "not_a_specimen"
    BIRTH_DATE = "birth_date"
    AGE = "age"
    NAMES = "names"
    SAME_DOCUMENT = "same_document"


class CheckResult(StrEnum):
    """`unclear` is for a person to decide."""

    PASSED = "passed"
    UNCLEAR = "unclear"
    FAILED = "failed"


@dataclass(frozen=True, kw_only=True)
class Check:
    """One check. `reason` is None exactly when it passed; `score` is 0 to 100 where likeness was measured."""

    name: CheckName
    result: CheckResult
    reason: Reason | None = None
    score: int | None = None


@dataclass(frozen=True, kw_only=True)
class Profile:
    """What the tenant knows about the person; None where it knows nothing."""

    given_name: str | None = field(default=None, repr=False)
    family_name: str | None = field(default=None, repr=False)
    birthdate: date | None = field(default=None, repr=False)


@dataclass(frozen=True, kw_only=True)
class Confirmed:
    """What a person types in a second pass."""

    number: str = field(repr=False)
    expiry: date = field(repr=False)


@dataclass(frozen=True, kw_only=True)
class Submission:
    """One person's claim: the zone as typed, line by line, and the profile to compare it with.

    `told` names what of the profile the person told themselves. With `confirmed`, the zone is that of an
    earlier verification, and this alone was typed now.
    """

    mrz: tuple[str, ...] = field(repr=False)
    profile: Profile
    told: tuple[str, ...] = ()
    confirmed: Confirmed | None = field(default=None, repr=False)


@dataclass(frozen=True, kw_only=True)
class ProviderResult:
    """A provider's answer.

    Attributes:
        reasons: the gravest first; empty for an approval.
        verified_claims: as OpenID Identity Assurance Schema Definition 1.0 shapes it; None if declined.
    """

    outcome: Outcome
    level: Level
    reasons: tuple[Reason, ...]
    checks: tuple[Check, ...]
    verified_claims: Mapping[str, Any] | None = field(default=None, repr=False)


class Provider(Protocol):
    """One way of proofing an identity.

    The embedded provider answers at once. A vendor's adapter opens a session instead and is asked again by
    `fetch`: a webhook is a hint, the verdict is always fetched.
    """

    async def start(
        self, submission: Submission, *, policy: DocumentPolicy, reference: str
    ) -> ProviderResult:
        """Proof the identity; `reference` names the process in the result and makes a repetition harmless."""
        ...
