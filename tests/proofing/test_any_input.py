"""Whatever was sealed, proofing has an answer for it."""

import json
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from common.messages import DocumentPolicy, Outcome
from common.sealing import Sealer
from proofing.errors import UnusableCommandError
from proofing.evidence import evidence_of
from proofing.intake import open_submission
from proofing.providers.base import CheckResult, Level
from proofing.providers.document import DocumentProvider
from tests.proofing.commands import SEAL_KEY, command
from tests.support.clock import FakeClock
from tests.support.zones import Zone

# A busy machine is no reason to fail.
patient = settings(suppress_health_check=[HealthCheck.too_slow])

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=8,
)
profiles = st.dictionaries(
    st.sampled_from(("given_name", "family_name", "birthdate")),
    st.none() | st.text(max_size=40) | st.sampled_from(("Anna", "Eriksson", "1974-08-12")),
)
zones = st.lists(st.text(max_size=50), max_size=3) | st.just(list(Zone().lines()))


@patient
@given(st.binary(max_size=200) | json_values.map(lambda value: json.dumps(value).encode()))
def test_any_plaintext_is_a_submission_or_unusable(plaintext: bytes) -> None:
    """No sealed content raises anything but the one named error."""
    sent = command(plaintext=plaintext or b"\0")
    try:
        submission = open_submission(sent, sealer=Sealer((SEAL_KEY,)))
    except UnusableCommandError:
        return
    assert len(submission.mrz) <= 3


@patient
@given(zones, profiles, st.booleans())
async def test_any_submission_has_a_verdict(
    zone: list[str],
    profile: dict[str, Any],
    allowed: bool,  # noqa: FBT001 - hypothesis gives it
) -> None:
    """A verdict is approved exactly when every check passed and the policy allows it."""
    plaintext = json.dumps({"mrz": zone, "profile": profile}).encode()
    submission = open_submission(command(plaintext=plaintext), sealer=Sealer((SEAL_KEY,)))
    provider = DocumentProvider(clock=FakeClock(), refuse_specimens=True)
    policy = DocumentPolicy(allow_document_validated=allowed, minimum_age=18)
    result = await provider.start(submission, policy=policy, reference="tx-1")
    passed = all(check.result is CheckResult.PASSED for check in result.checks)
    assert (result.outcome is Outcome.APPROVED) == (passed and allowed)
    assert (result.level is Level.DOCUMENT_VALIDATED) == (result.outcome is Outcome.APPROVED)
    assert (result.reasons == ()) == (result.outcome is Outcome.APPROVED)
    assert json.loads(evidence_of(submission, result))["mrz"] == zone
