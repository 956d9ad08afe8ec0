"""What is wrong with a new password before anybody else sees it, and how the step ends."""

from collections.abc import Mapping
from datetime import datetime

from common.profile import LoginConnection
from common.tenant_password import PasswordStep
from common.tenants import TenantSnapshot
from gateway.errors import TransitionError
from gateway.login import Login
from gateway.texts import Text, text
from gateway.transaction_step import Conclusion, StepStatus

NAME = "password"
NEW, AGAIN = "new_password", "new_password_again"

# Far more than anybody's rules ask for; it has to fit into a form twice.
MOST_CHARACTERS = 512

# Strategies whose passwords the tenant itself keeps: it tells of a change by `last_password_reset`.
_OWN = "auth0"

# What metadata-sync says about a password that was not taken; each has its sentence.
_REFUSALS = frozenset(
    {
        "password_strength",
        "password_no_user_info",
        "password_history",
        "password_common",
        "user_not_found",
        "conflict",
    }
)


def rules_of(settings: TenantSnapshot) -> PasswordStep:
    rules = settings.steps.password
    if rules is None:
        raise TransitionError("the tenant has no such step")
    return rules


def account_of(login: Login, told: Mapping[str, str] | None) -> LoginConnection | None:
    """The connection that has the person's password: what the token told, else the tenant's one database."""
    if told is not None:
        return LoginConnection(**told)
    name = rules_of(login.settings).connection
    if name is None or not login.transaction.subject.startswith(f"{_OWN}|"):
        return None
    return LoginConnection(name=name, strategy=_OWN)


def slip(form: Mapping[str, str]) -> tuple[str, Text] | None:
    """The field that is not filled in as it must be, and what is wrong with it."""
    typed, again = form.get(NEW, ""), form.get(AGAIN, "")
    if not typed:
        return NEW, text("password.problem.missing")
    if len(typed) > MOST_CHARACTERS:
        return NEW, text("password.problem.too_long", most=MOST_CHARACTERS)
    if typed != again:
        return AGAIN, text("password.problem.not_the_same")
    return None


def refusal(code: str) -> Text:
    """Why the tenant or the directory does not take it."""
    return text(f"password.problem.{code if code in _REFUSALS else 'password_refused'}")


def tells_by_itself(strategy: str) -> bool:
    """Whether the tenant knows of the change before we have told it."""
    return strategy == _OWN


def is_by_ticket(settings: TenantSnapshot, strategy: str) -> bool:
    """Whether the tenant's own page asks for it; it has none for a directory's passwords."""
    return rules_of(settings).mode == "ticket" and strategy == _OWN


def changed(now: datetime) -> Conclusion:
    return Conclusion(status=StepStatus.PASSED, at=now)


def said_to_be_changed(now: datetime) -> Conclusion:
    """The person says so, or it was done elsewhere: the tenant knows, and the next login asks it."""
    return Conclusion(status=StepStatus.PENDING, at=now, reason="seen_at_the_next_login")


def failed(now: datetime, rules: PasswordStep) -> Conclusion:
    until = now + rules.retry_after
    return Conclusion(status=StepStatus.FAILED, at=now, until=until, reason="too_many_attempts")


def without_password(now: datetime) -> Conclusion:
    """The login came through no connection whose password could be changed."""
    return Conclusion(status=StepStatus.ABANDONED, at=now, reason="no_password")
