"""What is kept as `verified_claims` has the shape of OpenID Identity Assurance, whatever led to it."""

import json
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft7Validator

from proofing.evidence import decided_evidence
from proofing.providers.base import Level
from tests.proofing.commands import ANNA, NOW, command
from tests.proofing.rig import Rig
from tests.support.zones import Zone

SCHEMA = json.loads((Path(__file__).parent / "verified_claims.schema.json").read_text())


def assert_fits(claims: Any) -> None:
    Draft7Validator.check_schema(SCHEMA)
    assert [error.message for error in Draft7Validator(SCHEMA).iter_errors(claims)] == []


@pytest.mark.parametrize(
    "zone",
    [
        Zone(),
        Zone(birth="74<<<<"),
        Zone(format="TD1", code="I"),
        Zone(format="TD1", code="AR"),
        Zone(format="TD2", code="I"),
        Zone(format="MRV-A", code="V"),
    ],
)
async def test_what_is_kept_fits_the_schema(rig: Rig, zone: Zone) -> None:
    """Of every kind of document the claims are kept, encrypted, in the specification's shape."""
    await rig.worker.handle(command(zone=zone))
    kept = await rig.evidence(user_id="auth0|anna", verification_id="ver-1")
    assert_fits(kept["verified_claims"])
    assert "ERIKSSON" not in await rig.everything_stored()


async def test_a_decision_keeps_the_shape(rig: Rig) -> None:
    """Settled by a person, the claims say the new level and time, and nothing else has changed."""
    await rig.worker.handle(command(profile=ANNA | {"family_name": "Erikson-Ek"}))
    kept = await rig.evidence(user_id="auth0|anna", verification_id="ver-1")
    assert_fits(kept["verified_claims"])
    decided = json.loads(decided_evidence(json.dumps(kept).encode(), level=Level.DOCUMENT_VALIDATED, at=NOW))[
        "verified_claims"
    ]
    assert_fits(decided)
    assert decided["verification"]["assurance_level"] == "document_validated"
    assert decided["claims"] == kept["verified_claims"]["claims"]
