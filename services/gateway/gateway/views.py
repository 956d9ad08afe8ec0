"""The page that fits a login as it is."""

from typing import Any

from gateway.browser import BrowserCookies
from gateway.owner import Visit
from gateway.pages import render
from gateway.steps.idproof_texts import attempts_text, reason_text, until_text
from gateway.transaction import MetadataOutcome, Status, Step, StepStatus

_TITLES = {
    StepStatus.PASSED: "That worked",
    StepStatus.PENDING: "Your identity is not confirmed yet",
    StepStatus.ABANDONED: "Your identity was not confirmed",
    StepStatus.DECLINED: "Your identity was not checked",
    StepStatus.FAILED: "Your identity could not be confirmed",
}


class Views:
    """Renders pages for a visit; every page of a login can be asked for again at /t/{id}."""

    def __init__(self, *, cookies: BrowserCookies) -> None:
        self._cookies = cookies

    def current(self, visit: Visit, *, nonce: str, account: str, attempts_left: int) -> str:
        """The page of the state that the login is in; the account is on the first, attempts on the second."""
        match visit.login.transaction.status:
            case Status.OPENED:
                return render("start", account=account, **self._common(visit, nonce))
            case Status.WORKING:
                return self.identity(visit, nonce=nonce, attempts_left=attempts_left)
            case Status.WAITING:
                return self._waiting(visit, nonce)
            case _:
                return self._ready(visit, nonce)

    def identity(
        self,
        visit: Visit,
        *,
        nonce: str,
        attempts_left: int,
        problems: tuple[str, ...] = (),
        typed: str = "",
    ) -> str:
        """The identity form, again with what was typed where something is wrong with it."""
        return render(
            "identity",
            problems=problems,
            typed=typed,
            attempts=attempts_text(attempts_left),
            **self._common(visit, nonce),
        )

    def _waiting(self, visit: Visit, nonce: str) -> str:
        transaction = visit.login.transaction
        deadline = transaction.deadline.strftime("%H:%M UTC")
        return render(
            "waiting", waiting_for=transaction.waiting_for, deadline=deadline, **self._common(visit, nonce)
        )

    def _ready(self, visit: Visit, nonce: str) -> str:
        transaction = visit.login.transaction
        worst = next((step for step in transaction.steps if step.status is not StepStatus.PASSED), None)
        texts = [*_ending_texts(worst), _metadata_text(transaction.metadata)]
        # Back and reload come here too: only the first time does the page go on by itself.
        first_time = transaction.status is Status.READY
        return render(
            "ready",
            title=_TITLES[worst.status if worst else StepStatus.PASSED],
            texts=[text for text in texts if text],
            goes_on_by_itself=first_time and worst is None,
            login_url=None if first_time else visit.login.login_url,
            **self._common(visit, nonce),
        )

    def _common(self, visit: Visit, nonce: str) -> dict[str, Any]:
        login = visit.login
        return {
            "nonce": nonce,
            "id": login.id,
            "tenant": login.settings.name,
            "application": login.application_name,
            "csrf": self._cookies.csrf_token(login.id, visit.cookie),
        }


def _ending_texts(step: Step | None) -> list[str | None]:
    ended = step.conclusion if step else None
    if ended is None:
        return []
    failed_until = ended.until if ended.status is StepStatus.FAILED else None
    return [reason_text(ended.reason), until_text(failed_until, at=ended.at) if failed_until else None]


def _metadata_text(metadata: MetadataOutcome | None) -> str | None:
    if metadata is MetadataOutcome.FAILED:
        return "The result could not be saved at the organisation, so that it will probably not let you in."
    if metadata is MetadataOutcome.CARRIED:
        return "The result goes back with you; it is saved at the organisation a little later."
    return None
