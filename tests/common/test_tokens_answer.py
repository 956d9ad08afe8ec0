from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from typing import get_args

import jwt
import pytest

from common.tenants import Tenant, Tenants
from common.tokens import Answer, AnswerStep, sign_answer_token
from common.tokens_answer import StepStatus
from tests.common.session_tokens import JTI, NOW
from tests.common.tenants_on_disk import ANSWER_SECRET


@pytest.fixture
def acme(tenants: Tenants) -> Tenant:
    tenant = tenants.get("acme")
    assert tenant
    return tenant


def step(status: StepStatus = "passed", *, until: datetime | None = None, **texts: str) -> AnswerStep:
    return AnswerStep(
        v=1,
        status=status,
        level=texts.get("level"),
        at=datetime(2026, 11, 22, 12, 0, 0, 999_999, tzinfo=UTC),
        until=until,
        rev=7,
        reason=texts.get("reason"),
        ref=texts.get("ref"),
    )


def answer(**steps: AnswerStep) -> Answer:
    return Answer(
        subject="auth0|65f0c0ffee",
        state="the state of /continue",
        jti=JTI,
        transaction_id="tx1",
        metadata="applied",
        steps=steps,
    )


def test_the_claims(acme: Tenant) -> None:
    """An answer token has the contract's claims alone, lasts 120 seconds, and the first secret signs it."""
    passed = step(until=datetime(2027, 11, 22, 14, 0, tzinfo=timezone(timedelta(hours=2))), level="document")
    text = sign_answer_token(answer(idproof=passed), tenant=acme, now=NOW + timedelta(microseconds=999_999))
    options = jwt.types.Options(verify_exp=False, verify_iat=False)
    decoded = jwt.decode_complete(
        text, ANSWER_SECRET, algorithms=["HS256"], audience="acme", issuer="waystation", options=options
    )
    assert decoded["header"] == {"alg": "HS256", "typ": "JWT"}
    assert decoded["payload"] == {
        "iss": "waystation",
        "sub": "auth0|65f0c0ffee",
        "aud": "acme",
        "iat": int(NOW.timestamp()),
        "exp": int(NOW.timestamp()) + 120,
        "state": "the state of /continue",
        "jti": JTI,
        "v": 1,
        "tx": "tx1",
        "outcome": "passed",
        "metadata": "applied",
        "steps": {
            "idproof": {
                "v": 1,
                "status": "passed",
                "level": "document",
                "at": "2026-11-22T12:00:00Z",
                "until": "2027-11-22T12:00:00Z",
                "rev": 7,
                "reason": None,
                "ref": None,
            }
        },
    }


def test_details(acme: Tenant) -> None:
    """What only one step has to say stands in its result, and in no other."""
    accepted = replace(step(), details={"terms": "2026-10", "newsletter": False})
    text = sign_answer_token(answer(terms=accepted, idproof=step()), tenant=acme, now=NOW)
    steps = jwt.decode(text, options={"verify_signature": False})["steps"]
    assert steps["terms"]["details"] == {"terms": "2026-10", "newsletter": False}
    assert "details" not in steps["idproof"]


@pytest.mark.parametrize("status", get_args(StepStatus))
def test_one_step_is_the_outcome(status: StepStatus) -> None:
    """The outcome of one step is its status."""
    assert answer(idproof=step(status)).outcome == status


@pytest.mark.parametrize(
    ("first", "second", "outcome"),
    [
        ("passed", "passed", "passed"),
        ("passed", "pending", "pending"),
        ("failed", "declined", "failed"),
        ("abandoned", "declined", "declined"),
        ("pending", "abandoned", "abandoned"),
    ],
)
def test_the_worst_is_the_outcome(first: StepStatus, second: StepStatus, outcome: str) -> None:
    """The outcome of several steps is the worst of their statuses, in whichever order they ran."""
    assert answer(terms=step(first), idproof=step(second)).outcome == outcome
    assert answer(terms=step(second), idproof=step(first)).outcome == outcome


def test_what_an_answer_shows_of_itself() -> None:
    """The tenant's single-use state is not in an answer's repr."""
    assert "state" not in repr(answer(idproof=step()))
