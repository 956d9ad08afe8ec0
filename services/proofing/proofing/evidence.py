"""What is kept of a person's claim, to be encrypted as a whole."""

from pydantic_core import to_json

from common.vault import Place
from proofing.providers.base import ProviderResult, Submission
from proofing.verification import Verification

FIELD = "evidence"


def place_of(verification: Verification) -> Place:
    return Place(
        tenant=verification.tenant,
        subject=verification.user_id,
        field=FIELD,
        row=verification.verification_id,
    )


def evidence_of(submission: Submission, result: ProviderResult) -> bytes:
    """JSON of the zone as typed, the profile it was compared with, and the claims that came of it."""
    return to_json(
        {
            "mrz": submission.mrz,
            "profile": submission.profile,
            "verified_claims": result.verified_claims,
        }
    )
