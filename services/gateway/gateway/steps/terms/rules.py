"""Terms and consents: which documents are offered, what a form says, and what comes of it.

A document of a version is *standing* while the person's newest word on it is that they accepted this very
version, not longer ago than the step's `valid_for`.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from common.tenant_terms import DECLINED, Change, Document, DocumentText, TermsStep
from common.tenants import TenantSnapshot
from gateway.errors import BadRequestError, TransitionError
from gateway.transaction_step import Conclusion, StepStatus

NAME = "terms"
SHOWN = "shown"
_ACCEPT = "accept."
_YES = "yes"
_LISTED = re.compile(r"[a-z][a-z0-9_]{0,39}@[A-Za-z0-9._-]{1,20}@[a-z0-9-]{2,35}@[0-9a-f]{16}")
_MOST_SHOWN = 1000


class Word(StrEnum):
    """What a person said to a document."""

    ACCEPTED = "accepted"
    DECLINED = "declined"
    WITHDRAWN = "withdrawn"


@dataclass(frozen=True, kw_only=True)
class Consent:
    """A person's word on one version of a document, as it is kept."""

    document: str
    version: str
    language: str
    digest: str
    title: str
    mandatory: bool
    word: Word


@dataclass(frozen=True, kw_only=True)
class Said:
    """A consent with when it was given, and the receipt that tells of it."""

    consent: Consent
    at: datetime
    receipt: str


@dataclass(frozen=True, kw_only=True)
class Offer:
    """A document as one person is shown it; `last` is their newest word on any version of it."""

    document: Document
    language: str
    text: DocumentText
    last: Said | None
    accepted_before: str | None
    is_standing: bool

    @property
    def listed(self) -> str:
        """What the form carries, so that nobody accepts another text than the one they saw."""
        return f"{self.document.id}@{self.document.version}@{self.language}@{self.text.digest[:16]}"

    @property
    def changes(self) -> tuple[Change, ...]:
        """What came since the version that the person accepted last; nothing where they never did."""
        versions = [change.version for change in self.text.changes]
        if self.accepted_before is None or self.accepted_before == self.document.version:
            return ()
        since = versions.index(self.accepted_before) + 1 if self.accepted_before in versions else 0
        return self.text.changes[since:]

    def word(self, word: Word) -> Consent:
        return Consent(
            document=self.document.id,
            version=self.document.version,
            language=self.language,
            digest=self.text.digest,
            title=self.text.title,
            mandatory=self.document.mandatory,
            word=word,
        )


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What a form says: new words to be kept, and which documents are accepted after it."""

    words: tuple[Consent, ...]
    accepted: frozenset[str]


def rules_of(settings: TenantSnapshot) -> TermsStep:
    rules = settings.steps.terms
    if rules is None:
        raise TransitionError("the tenant has no such step")
    return rules


def offers_of(
    rules: TermsStep, history: Sequence[Said], *, language: str, now: datetime
) -> tuple[Offer, ...]:
    """Every document of the step; `history` begins with the newest."""
    return tuple(_offer(document, history, rules, language, now) for document in rules.documents)


def _offer(
    document: Document, history: Sequence[Said], rules: TermsStep, language: str, now: datetime
) -> Offer:
    tag, text = document.text_for(language)
    about = [said for said in history if said.consent.document == document.id]
    last = about[0] if about else None
    accepted = next((said for said in about if said.consent.word is Word.ACCEPTED), None)
    return Offer(
        document=document,
        language=tag,
        text=text,
        last=last,
        accepted_before=accepted.consent.version if accepted else None,
        is_standing=last is not None and _stands(last, document, rules, now),
    )


def _stands(last: Said, document: Document, rules: TermsStep, now: datetime) -> bool:
    accepted = last.consent.word is Word.ACCEPTED and last.consent.version == document.version
    return accepted and (rules.valid_for is None or last.at + rules.valid_for > now)


def fits(form: Mapping[str, str], rules: TermsStep) -> bool:
    """Whether the form showed exactly these documents, in versions and texts that are offered now.

    Raises:
        BadRequestError: the form is not one that a page of ours sends.
    """
    shown = form.get(SHOWN, "")
    listed = shown.split(",")
    if len(shown) > _MOST_SHOWN or not all(_LISTED.fullmatch(one) for one in listed):
        raise BadRequestError("terms_shown")
    ticked = form.keys() - {SHOWN}
    if any(form[name] != _YES for name in ticked) or not all(name.startswith(_ACCEPT) for name in ticked):
        raise BadRequestError("terms_field")
    if len(listed) != len(rules.documents) or not ticked <= {_ACCEPT + each.id for each in rules.documents}:
        return False
    pairs = zip(rules.documents, listed, strict=True)
    return all(_listed_as(document, one.split("@")[2]) == one for document, one in pairs)


def _listed_as(document: Document, language: str) -> str:
    text = document.languages.get(language)
    return f"{document.id}@{document.version}@{language}@{text.digest[:16]}" if text else ""


def with_languages(offers: tuple[Offer, ...], form: Mapping[str, str]) -> tuple[Offer, ...]:
    """The offers in the languages in which the form showed them."""
    tags = [one.split("@")[2] for one in form[SHOWN].split(",")]
    return tuple(
        replace(offer, language=tag, text=offer.document.languages[tag])
        for offer, tag in zip(offers, tags, strict=True)
    )


def answer_of(form: Mapping[str, str], offers: Sequence[Offer], *, requested: bool) -> Answer:
    """What the person said; in a `requested` login only what is new counts as said."""
    ticked = {name.removeprefix(_ACCEPT) for name in form if name.startswith(_ACCEPT)}
    words = [offer.word(word) for offer in offers if (word := _word(offer, ticked, requested=requested))]
    return Answer(words=tuple(words), accepted=frozenset(ticked))


def _word(offer: Offer, ticked: set[str], *, requested: bool) -> Word | None:
    if offer.document.id in ticked:
        return None if requested and offer.is_standing else Word.ACCEPTED
    if offer.is_standing:
        return Word.WITHDRAWN
    said = offer.last is not None and offer.last.consent.version == offer.document.version
    return None if requested and (said or offer.document.mandatory) else Word.DECLINED


def is_ticked(offer: Offer, form: Mapping[str, str]) -> bool:
    return _ACCEPT + offer.document.id in form


def missing(answer: Answer, offers: Sequence[Offer]) -> tuple[str, ...]:
    """The mandatory documents that were not accepted."""
    return tuple(
        offer.document.id
        for offer in offers
        if offer.document.mandatory and offer.document.id not in answer.accepted
    )


def conclusion_of(
    answer: Answer,
    offers: Sequence[Offer],
    rules: TermsStep,
    *,
    now: datetime,
    reference: str | None,
    takes_back: str | None,
) -> Conclusion:
    """A login in which everything mandatory is accepted, by this form or by what stands."""
    kept = {consent.document for consent in answer.words}
    standing = [offer.last.at for offer in offers if offer.last and _counts(offer, answer, kept)]
    at = min([*standing, now])
    return Conclusion(
        status=StepStatus.PASSED,
        at=at,
        until=at + rules.valid_for if rules.valid_for else None,
        reference=reference,
        details=details_of(answer, offers),
        takes_back=takes_back,
    )


def _counts(offer: Offer, answer: Answer, kept: set[str]) -> bool:
    mandatory = offer.document.mandatory and offer.document.id in answer.accepted
    return mandatory and offer.document.id not in kept


def withdrawn(
    answer: Answer, offers: Sequence[Offer], *, now: datetime, reference: str | None, takes_back: str | None
) -> Conclusion:
    """Something mandatory is not accepted any more."""
    return Conclusion(
        status=StepStatus.DECLINED,
        at=now,
        reason="withdrawn" if takes_back else "declined_by_person",
        reference=reference,
        details=details_of(answer, offers),
        takes_back=takes_back,
    )


def details_of(answer: Answer, offers: Sequence[Offer]) -> Mapping[str, str]:
    """Which version of each document is accepted, or not."""
    return {
        offer.document.id: offer.document.version
        if offer.document.id in answer.accepted
        else DECLINED + offer.document.version
        for offer in offers
    }
