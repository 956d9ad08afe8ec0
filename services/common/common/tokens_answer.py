"""The token that the browser carries back to the tenant: signed with the tenant's first answer key.

Auth0's `api.redirect.validateToken` asks for `iss`, `sub`, `iat`, `exp`, a `state` equal to that of
/continue, HS256 and `typ` JWT; our Action compares the rest, above all `jti` with the one of its question. An
RS256 answer it verifies by itself, with the public key that the header's `kid` names.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Literal, TypeAlias

import jwt

from common.tenants import Tenant

StepStatus: TypeAlias = Literal["passed", "pending", "abandoned", "declined", "failed"]
MetadataResult: TypeAlias = Literal["applied", "carried", "failed"]

ANSWER_LIFETIME = timedelta(seconds=120)
_WORSE: tuple[StepStatus, ...] = ("passed", "pending", "abandoned", "declined", "failed")
_JWT = jwt.PyJWT(options={"enforce_minimum_key_length": True})


@dataclass(frozen=True, kw_only=True)
class AnswerStep:
    """The result of one step; `v` is the revision that it answers, `rev` its place in the user's order.

    `details` is what only this step has to say, nothing personal: at most ten names, 400 bytes of JSON.
    """

    v: int
    status: StepStatus
    level: str | None
    at: datetime
    until: datetime | None
    rev: int
    reason: str | None
    ref: str | None
    details: Mapping[str, str | int | bool] | None = None


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What the login waits for. `state` and `jti` are those of the question; nothing personal is in it."""

    subject: str
    state: str = field(repr=False)
    jti: str
    transaction_id: str
    metadata: MetadataResult
    steps: Mapping[str, AnswerStep]

    @property
    def outcome(self) -> StepStatus:
        """The worst status of all steps."""
        return max((step.status for step in self.steps.values()), key=_WORSE.index)


def sign_answer_token(answer: Answer, *, tenant: Tenant, now: datetime) -> str:
    """The answer as a token of 120 seconds; made anew whenever the hand-back page is served."""
    rules = tenant.answer_token
    issued = int(now.timestamp())
    claims = {
        "iss": rules.issuer,
        "sub": answer.subject,
        "aud": rules.audience,
        "iat": issued,
        "exp": issued + int(ANSWER_LIFETIME.total_seconds()),
        "state": answer.state,
        "jti": answer.jti,
        "v": 1,
        "tx": answer.transaction_id,
        "outcome": answer.outcome,
        "metadata": answer.metadata,
        "steps": {name: _step(step) for name, step in answer.steps.items()},
    }
    if rules.alg == "HS256":
        return _JWT.encode(claims, rules.secrets[0].reveal(), algorithm="HS256")
    signing = rules.keys[0].reveal()
    return _JWT.encode(claims, signing.key, algorithm="RS256", headers={"kid": signing.public.id})


def _step(step: AnswerStep) -> dict[str, object]:
    result: dict[str, object] = {
        "v": step.v,
        "status": step.status,
        "level": step.level,
        "at": _utc(step.at),
        "until": None if step.until is None else _utc(step.until),
        "rev": step.rev,
        "reason": step.reason,
        "ref": step.ref,
    }
    return result if step.details is None else result | {"details": dict(step.details)}


def _utc(time: datetime) -> str:
    return time.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
