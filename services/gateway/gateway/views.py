"""The page that fits a login as it is."""

from typing import Any

from gateway.browser import BrowserCookies
from gateway.owner import Visit
from gateway.pages import render
from gateway.steps.port import Ending, StepBook, StepPage
from gateway.transaction import STOPPED, MetadataOutcome, Status, Step, StepStatus, Transaction

_PASSED = Ending(title="That worked")
_STOPPED = Ending(title="You have stopped", texts=("What you have done so far is kept.",))


class Views:
    """Renders pages for a visit; every page of a login can be asked for again at /t/{id}."""

    def __init__(self, *, cookies: BrowserCookies, steps: StepBook) -> None:
        self._cookies = cookies
        self._steps = steps

    def current(self, visit: Visit, *, nonce: str, account: str) -> str:
        """The page of a login that is at no step: before the first, waiting, or after the last."""
        match visit.login.transaction.status:
            case Status.OPENED:
                return render("start", account=account, **self._common(visit, nonce))
            case Status.WAITING:
                return self._waiting(visit, nonce)
            case _:
                return self._ready(visit, nonce)

    def step(self, visit: Visit, page: StepPage, *, nonce: str) -> str:
        """A page of the step that the person is at."""
        return render(page.template, **self._common(visit, nonce), **page.values)

    def stop(self, visit: Visit, *, nonce: str) -> str:
        """What it means to stop."""
        return render("stop", **self._common(visit, nonce))

    def _waiting(self, visit: Visit, nonce: str) -> str:
        transaction = visit.login.transaction
        deadline = transaction.deadline.strftime("%H:%M UTC")
        return render(
            "waiting", waiting_for=transaction.waiting_for, deadline=deadline, **self._common(visit, nonce)
        )

    def _ready(self, visit: Visit, nonce: str) -> str:
        transaction = visit.login.transaction
        ending = self._ending(transaction.steps)
        texts = [*ending.texts, _metadata_text(transaction.metadata)]
        # Back and reload come here too: only the first time does the page go on by itself.
        first_time = transaction.status is Status.READY
        return render(
            "ready",
            title=ending.title,
            texts=[text for text in texts if text],
            goes_on_by_itself=first_time and ending is _PASSED,
            login_url=None if first_time else visit.login.login_url,
            **self._common(visit, nonce),
        )

    def _ending(self, steps: tuple[Step, ...]) -> Ending:
        """What is told is the first step that did not pass: the others were not asked because of it."""
        telling = next((step for step in steps if step.status is not StepStatus.PASSED), None)
        if telling is None:
            return _PASSED
        if telling.conclusion is not None and telling.conclusion.reason == STOPPED:
            return _STOPPED
        return self._steps.of(telling.name).ending(telling)

    def _common(self, visit: Visit, nonce: str) -> dict[str, Any]:
        login = visit.login
        return {
            "nonce": nonce,
            "id": login.id,
            "tenant": login.settings.name,
            "application": login.application_name,
            "csrf": self._cookies.csrf_token(login.id, visit.cookie),
            "progress": _progress(login.transaction),
            "can_stop": login.transaction.can_stop,
        }


def _progress(transaction: Transaction) -> tuple[int, int] | None:
    """At which step of how many the person is, where there are several."""
    steps, current = transaction.steps, transaction.current_step
    if current is None or len(steps) == 1 or transaction.status is Status.OPENED:
        return None
    return steps.index(current) + 1, len(steps)


def _metadata_text(metadata: MetadataOutcome | None) -> str | None:
    if metadata is MetadataOutcome.FAILED:
        return "The result could not be saved at the organisation, so that it will probably not let you in."
    if metadata is MetadataOutcome.CARRIED:
        return "The result goes back with you; it is saved at the organisation a little later."
    return None
