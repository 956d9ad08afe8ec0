"""The page of every document: as the person is offered it, and what they have said to it before."""

from collections.abc import Mapping, Sequence
from typing import Any

from gateway.errors import MisconfiguredError
from gateway.login import Login
from gateway.steps.port import StepPage
from gateway.steps.terms import rules
from gateway.steps.terms.rules import Offer, Said, Word
from gateway.texts import Text, text


def documents_form(
    login: Login,
    *,
    offers: Sequence[Offer],
    contents: Mapping[str, str],
    history: Sequence[Said],
    form: Mapping[str, str] | None = None,
    problems: tuple[Text | tuple[str, Text], ...] = (),
) -> StepPage:
    """The form; `form` is what was sent if it is shown again, `contents` are texts by digest.

    Raises:
        MisconfiguredError: the text of a document is kept nowhere.
    """
    requested = login.transaction.step(rules.NAME).requested
    documents = [
        _shown(offer, contents, login, ticked=_ticked(offer, form, requested=requested)) for offer in offers
    ]
    return StepPage(
        template="terms/documents",
        values={
            "documents": documents,
            "shown": ",".join(offer.listed for offer in offers),
            "problems": problems,
            "requested": requested,
            "receipts": _receipts(history) if requested else [],
        },
    )


def _ticked(offer: Offer, form: Mapping[str, str] | None, *, requested: bool) -> bool:
    """As the form had it; else what stands, but nobody accepts something mandatory anew without a tick."""
    if form is not None:
        return rules.is_ticked(offer, form)
    return offer.is_standing and (requested or not offer.document.mandatory)


def _shown(offer: Offer, contents: Mapping[str, str], login: Login, *, ticked: bool) -> dict[str, Any]:
    content = contents.get(offer.text.digest)
    if content is None and offer.text.link is None:
        raise MisconfiguredError("document_text", login_url=login.login_url)
    return {
        "id": offer.document.id,
        "version": offer.document.version,
        "mandatory": offer.document.mandatory,
        "language": offer.language,
        "title": offer.text.title,
        "link": offer.text.link,
        "paragraphs": [part for part in (content or "").split("\n\n") if part.strip()],
        "changes": [change.text for change in offer.changes],
        "purposes": [purpose.said(offer.language) for purpose in offer.document.purposes],
        "accepted_at": offer.last.at if offer.last and offer.is_standing else None,
        "withdrawn_at": offer.last.at if offer.last and _is_withdrawn(offer.last) else None,
        "ticked": ticked,
    }


def _is_withdrawn(said: Said) -> bool:
    return said.consent.word is Word.WITHDRAWN


def _receipts(history: Sequence[Said]) -> list[dict[str, Any]]:
    """What the person has said, by receipt, the newest first."""
    receipts: dict[str, dict[str, Any]] = {}
    for said in history:
        of_receipt = receipts.setdefault(said.receipt, {"id": said.receipt, "at": said.at, "words": []})
        consent = said.consent
        of_receipt["words"].append(
            text(f"terms.history.{consent.word}", title=consent.title, version=consent.version)
        )
    return list(receipts.values())
