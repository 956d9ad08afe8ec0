"""The `verified_claims` of a document, as OpenID Identity Assurance Schema Definition 1.0 names things.

Typed text was seen by nobody and nothing: no `check_method` of the specification fits, so none is claimed.
"""

from datetime import UTC, datetime
from typing import Any, Final

from common.mrz import Mrz, MrzFormat
from proofing.providers.base import Level

TRUST_FRAMEWORK: Final = "self_asserted_document"
_RESIDENCE_PERMITS = frozenset({"AR", "CR", "IR"})


def verified_claims(mrz: Mrz, *, level: Level, at: datetime, reference: str) -> dict[str, Any]:
    """JSON-ready; unknown claims are left out, names stay as the document has them."""
    return {
        "verification": {
            "trust_framework": TRUST_FRAMEWORK,
            "assurance_level": level.value,
            "time": time_text(at),
            "verification_process": reference,
            "evidence": [{"type": "document", "document_details": _document_details(mrz)}],
        },
        "claims": _claims(mrz),
    }


def time_text(at: datetime) -> str:
    """ISO 8601 in UTC, whole seconds."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _document_details(mrz: Mrz) -> dict[str, Any]:
    return {
        "type": _document_type(mrz),
        "document_number": mrz.document_number,
        "date_of_expiry": mrz.date_of_expiry.isoformat(),
        "issuer": {"country_code": mrz.issuing_state},
    }


def _document_type(mrz: Mrz) -> str:
    match mrz.format:
        case MrzFormat.TD3:
            return "passport"
        case MrzFormat.MRV_A | MrzFormat.MRV_B:
            return "visa"
        case MrzFormat.TD1 | MrzFormat.TD2:
            return "residence_permit" if mrz.document_code in _RESIDENCE_PERMITS else "idcard"


def _claims(mrz: Mrz) -> dict[str, Any]:
    birth = mrz.date_of_birth.complete
    claims = {
        "family_name": mrz.primary_identifier,
        "given_name": mrz.secondary_identifier,
        "birthdate": birth.isoformat() if birth else "",
        "nationalities": [mrz.nationality],
    }
    return {name: value for name, value in claims.items() if value}
