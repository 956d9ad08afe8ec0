"""The page that fits a login as it is."""

import math
from datetime import datetime
from typing import Any

from gateway.browser import BrowserCookies
from gateway.login import Login
from gateway.owner import Visit
from gateway.pages import Page, render
from gateway.steps.port import Ending, StepBook, StepPage
from gateway.texts import Text, text
from gateway.transaction import STOPPED, MetadataOutcome, Status, Transaction, WaitingFor
from gateway.transaction_step import StepStatus

# The event stream tells of a change; where it is cut off unseen, a look now and then finds it.
LOOK_AGAIN_SECONDS = 60

_PASSED = Ending(title=text("login.ready.passed"))
_NOT_SAVED = Ending(title=text("login.ready.unsaved"))
_STOPPED = Ending(title=text("login.ready.stopped"), texts=(text("login.ready.kept"),))


class Views:
    """Renders pages for a visit; every page of a login can be asked for again at /t/{id}."""

    def __init__(self, *, cookies: BrowserCookies, steps: StepBook) -> None:
        self._cookies = cookies
        self._steps = steps

    def start(self, visit: Visit, *, page: Page, account: str | Text, is_elsewhere: bool = False) -> str:
        """The page before the first step, which asks whether it is the person's own login."""
        return render(
            "start",
            page=page,
            account=account,
            is_elsewhere=is_elsewhere,
            steps=len(visit.login.transaction.steps),
            **self._common(visit),
        )

    def current(self, visit: Visit, *, page: Page) -> str:
        """The page of a login that is at no step: waiting, or after the last."""
        if visit.login.transaction.status is Status.WAITING:
            return self._waiting(visit, page)
        return self._ready(visit, page)

    def step(self, visit: Visit, content: StepPage, *, page: Page) -> str:
        """A page of the step that the person is at, or that has ended the login."""
        return render(content.template, page=page, **self._common(visit), **content.values)

    def stop(self, visit: Visit, *, page: Page) -> str:
        """What it means to stop."""
        return render("stop", page=page, **self._common(visit) | {"can_stop": False})

    def _waiting(self, visit: Visit, page: Page) -> str:
        transaction, tenant = visit.login.transaction, visit.login.settings.name
        held, slow_in = transaction.held_step, _slow_in(visit.login, now=page.now)
        usual = (text(f"login.waiting.{transaction.waiting_for}", tenant=tenant),)
        return render(
            "waiting",
            page=page,
            title="login.waiting.held" if held else "login.waiting.title",
            said=self._steps.of(held.name).ending(held).texts if held else usual,
            held_until=transaction.waiting_until if held else None,
            is_slow=slow_in == 0,
            look_again_in=min(LOOK_AGAIN_SECONDS, slow_in or LOOK_AGAIN_SECONDS),
            **self._common(visit),
        )

    def _ready(self, visit: Visit, page: Page) -> str:
        transaction = visit.login.transaction
        ending = self._ending(transaction)
        texts = [*ending.texts, _metadata_text(transaction.metadata)]
        # Back and reload come here too: only the first time does the page go on by itself.
        first_time = transaction.status is Status.READY
        return render(
            "ready",
            page=page,
            title=ending.title,
            mark=_mark(transaction),
            texts=[said for said in texts if said],
            goes_on_by_itself=first_time and ending is _PASSED,
            login_url=None if first_time else visit.login.login_url,
            **self._common(visit),
        )

    def _ending(self, transaction: Transaction) -> Ending:
        """What is told is the first step that did not pass: the others were not asked because of it."""
        telling = next((step for step in transaction.steps if step.status is not StepStatus.PASSED), None)
        if telling is None:
            return _NOT_SAVED if transaction.metadata is MetadataOutcome.FAILED else _PASSED
        if telling.conclusion is not None and telling.conclusion.reason == STOPPED:
            return _STOPPED
        return self._steps.of(telling.name).ending(telling)

    def _common(self, visit: Visit) -> dict[str, Any]:
        login = visit.login
        return {
            "id": login.id,
            "tenant": login.settings.name,
            "application": login.application_name,
            "csrf": self._cookies.csrf_token(login.id, visit.cookie),
            "progress": _progress(login.transaction),
            "can_stop": login.transaction.can_stop,
            "deadline": login.transaction.deadline,
        }


def _progress(transaction: Transaction) -> tuple[int, int] | None:
    """At which step of how many the person is, where there are several."""
    steps, current = transaction.steps, transaction.current_step
    if current is None or len(steps) == 1 or transaction.status is Status.OPENED:
        return None
    return steps.index(current) + 1, len(steps)


def _mark(transaction: Transaction) -> str:
    """The sign above the last page: all is well, something takes time, or something did not work."""
    statuses = {step.status for step in transaction.steps} - {StepStatus.PASSED}
    if transaction.metadata is MetadataOutcome.FAILED:
        return "bad"
    if not statuses:
        return "good"
    return "clock" if statuses == {StepStatus.PENDING} else "bad"


def _slow_in(login: Login, *, now: datetime) -> int | None:
    """Seconds until saving takes longer than `metadata.deadline`; None while nothing is being saved."""
    ends = [step.conclusion.at for step in login.transaction.steps if step.conclusion]
    if login.transaction.waiting_for is not WaitingFor.METADATA or not ends:
        return None
    left = max(ends) + login.settings.metadata.deadline - now
    return max(0, math.ceil(left.total_seconds()))


def _metadata_text(metadata: MetadataOutcome | None) -> Text | None:
    if metadata is MetadataOutcome.FAILED:
        return text("login.ready.not_saved")
    return text("login.ready.saved_later") if metadata is MetadataOutcome.CARRIED else None
