"""What is kept of a person's claim, to be encrypted as a whole."""

import json
from datetime import datetime
from typing import Any

from pydantic_core import to_json

from common.vault import Place
from proofing.providers.base import Level, ProviderResult, Submission
from proofing.providers.claims import time_text
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
    """JSON of the zone as typed, the profile it was compared with (`told`: by the person) and the claims."""
    return to_json(
        {
            "mrz": submission.mrz,
            "profile": submission.profile,
            "told": submission.told,
            "verified_claims": result.verified_claims,
        }
    )


def zone_of(evidence: bytes) -> tuple[str, ...] | None:
    """The lines of the document; None where it is kept no longer."""
    lines = json.loads(evidence).get("mrz")
    return tuple(lines) if lines else None


def claims_alone(evidence: bytes) -> bytes | None:
    """The same without the document and what it was compared with; None where nothing was concluded."""
    claims = json.loads(evidence)["verified_claims"]
    return to_json({"verified_claims": claims}) if claims else None


def decided_evidence(evidence: bytes, *, level: Level, at: datetime) -> bytes:
    """The same evidence once a person has decided: declined, nothing is claimed any more."""
    content: dict[str, Any] = json.loads(evidence)
    if level is Level.NONE:
        return to_json(content | {"verified_claims": None})
    claims = content["verified_claims"]
    verification = claims["verification"] | {"assurance_level": level.value, "time": time_text(at)}
    return to_json(content | {"verified_claims": claims | {"verification": verification}})
