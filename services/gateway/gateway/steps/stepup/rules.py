"""The code: how it is made, kept and compared, and how the step ends."""

import hmac
import re
import secrets
from collections.abc import Sequence
from datetime import datetime

from common.tenant_stepup import StepupStep
from common.tenants import TenantSnapshot
from gateway.digits import ascii_digits
from gateway.errors import TransitionError
from gateway.login import Login
from gateway.transaction_step import Conclusion, StepStatus

NAME = "stepup"
METHOD = "email"  # what the result says about how somebody was verified

_PURPOSE = b"waystation gateway: codes by e-mail, 1"
_BETWEEN = re.compile(r"[\s\u200e\u200f-]+")


class Codes:
    """Makes codes and keeps no more of them than a digest under a key: of so few codes a hash tells all."""

    def __init__(self, keys: Sequence[bytes]) -> None:
        self._keys = tuple(hmac.digest(key, _PURPOSE, "sha256") for key in keys)

    def new(self, digits: int) -> str:
        return f"{secrets.randbelow(10**digits):0{digits}}"

    def digest(self, login: Login, code: str) -> bytes:
        return _digest(self._keys[0], login, code)

    def is_right(self, login: Login, code: str, *, kept: bytes) -> bool:
        """Whether the digest is that of this code in this login, under any of the keys."""
        return any(hmac.compare_digest(_digest(key, login, code), kept) for key in self._keys)


def _digest(key: bytes, login: Login, code: str) -> bytes:
    # Neither a tenant's key nor an id of ours holds NUL.
    whose = (login.transaction.tenant, login.id, code, login.transaction.subject)
    return hmac.digest(key, "\0".join(whose).encode(), "sha256")


def typed_code(text: str, *, digits: int) -> str | None:
    """The code as somebody typed it, with blanks and in the digits of any script; None if it is no code."""
    plain = ascii_digits(_BETWEEN.sub("", text[:100]))
    return plain if re.fullmatch(f"[0-9]{{{digits}}}", plain) else None


def rules_of(settings: TenantSnapshot) -> StepupStep:
    rules = settings.steps.stepup
    if rules is None:
        raise TransitionError("the tenant has no such step")
    return rules


def passed(now: datetime, rules: StepupStep) -> Conclusion:
    """Whoever typed the code reads the person's mail."""
    until = now + rules.valid_for
    return Conclusion(status=StepStatus.PASSED, at=now, until=until, details={"method": METHOD})


def failed(now: datetime, rules: StepupStep, *, reason: str) -> Conclusion:
    """No attempts are left, or no mails."""
    return Conclusion(status=StepStatus.FAILED, at=now, until=now + rules.retry_after, reason=reason)


def without_address(now: datetime) -> Conclusion:
    """There is nowhere to send a code to, so that nothing was learned about the person."""
    return Conclusion(status=StepStatus.ABANDONED, at=now, reason="no_email_address")
