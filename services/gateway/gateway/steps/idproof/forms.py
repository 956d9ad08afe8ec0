"""The pages on which somebody proves an identity, as the step decides what they say."""

from datetime import date
from http import HTTPStatus

from common.tenant_idproof import CheckConsent
from gateway.steps.idproof.texts import reason_text
from gateway.steps.port import StepPage
from gateway.texts import Text, attempts_text, text

MAX_TYPED = 400


def consent_form(consent: CheckConsent, *, today: date) -> StepPage:
    """What is checked, by whom, what is kept how long."""
    values = {"kept_until": today + consent.kept_for, "policy_url": consent.policy_url}
    return StepPage(template="idproof/consent", values=values)


def confirm_form(
    *, attempts_left: int, number: str = "", expiry: str = "", is_wrong: bool = False
) -> StepPage:
    """The shorter form of a second pass."""
    problems = (("number", text("idproof.again.problem")),) if is_wrong else ()
    return StepPage(
        template="idproof/again",
        values={
            "problems": problems,
            "number": number[:MAX_TYPED],
            "expiry": expiry[:MAX_TYPED],
            "attempts": attempts_text(attempts_left),
        },
        status=HTTPStatus.UNPROCESSABLE_ENTITY if problems else HTTPStatus.OK,
    )


def document_form(
    *, attempts_left: int, problems: tuple[Text, ...] = (), typed: str = "", refused: str | None = None
) -> StepPage:
    """The form; shown again with problems and what was typed, or with the last verdict's reason."""
    return StepPage(
        template="idproof/document",
        values={
            "problems": problems,
            "typed": typed,
            "attempts": attempts_text(attempts_left),
            "refused": reason_text(refused),
        },
        status=HTTPStatus.UNPROCESSABLE_ENTITY if problems else HTTPStatus.OK,
    )
