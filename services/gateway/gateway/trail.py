"""What the audit trail says about a login; without a person's name, words or data."""

from common.audit import Audited, Entry
from gateway.login import Login
from gateway.transaction import Status, Transaction
from gateway.transaction_step import Step, StepStatus


def entry(
    login: Login,
    event: Audited,
    *,
    about: str | None = None,
    outcome: str | None = None,
    reasons: tuple[str, ...] = (),
) -> Entry:
    return Entry(
        event=event,
        tenant=login.transaction.tenant,
        transaction_id=login.id,
        subject=login.pseudonym,
        about=about,
        outcome=outcome,
        reasons=reasons,
    )


def entries_of(login: Login, now: Transaction) -> list[Entry]:
    """What became of a login, as it was, in one change."""
    was = login.transaction
    entries = []
    for before, step in zip(was.steps, now.steps, strict=True):
        if step.is_concluded and not before.is_concluded:
            entries += _concluded(login, step)
    if now.status is Status.EXPIRED and was.status is not Status.EXPIRED:
        entries.append(entry(login, Audited.LOGIN_EXPIRED, outcome=was.status))
    if now.status is Status.DISPLACED and was.status is not Status.DISPLACED:
        entries.append(entry(login, Audited.LOGIN_DISPLACED, outcome=was.status))
    return entries


def _concluded(login: Login, step: Step) -> list[Entry]:
    reason = step.conclusion.reason if step.conclusion else None
    reasons = (reason,) if reason else ()
    ended = entry(login, Audited.STEP_CONCLUDED, about=step.name, outcome=step.status, reasons=reasons)
    if step.name == "password" and step.status is StepStatus.PASSED:
        return [ended, entry(login, Audited.PASSWORD_CHANGED)]
    return [ended]
