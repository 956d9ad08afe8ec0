"""What a person gets of their consent: a Kantara Consent Receipt 1.1, and an ISO/IEC TS 27560 record."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from common.tenant_terms import Controller, Purpose, TermsStep
from gateway.login import Login
from gateway.results import iso
from gateway.steps.terms.rules import Consent, Word

_COLLECTED = "web form during login"
_STATES = {Word.ACCEPTED: "given", Word.DECLINED: "refused", Word.WITHDRAWN: "withdrawn"}


@dataclass(frozen=True, kw_only=True)
class Receipt:
    """Both forms of one receipt; `id` is the one that both name."""

    id: str
    kantara: dict[str, Any]
    record: dict[str, Any]


def receipt_of(
    login: Login, words: Sequence[Consent], rules: TermsStep, *, identifier: str, now: datetime
) -> Receipt:
    """The receipt of these words."""
    return Receipt(
        id=identifier,
        kantara=_kantara(login, words, rules, identifier=identifier, now=now),
        record=_record(login, words, rules, identifier=identifier, now=now),
    )


def _kantara(
    login: Login, words: Sequence[Consent], rules: TermsStep, *, identifier: str, now: datetime
) -> dict[str, Any]:
    """Kantara Consent Receipt Specification 1.1.0: `consentTimestamp` is in seconds since 1970."""
    return {
        "version": "KI-CR-v1.1.0",
        "jurisdiction": rules.jurisdiction,
        "consentTimestamp": int(now.timestamp()),
        "collectionMethod": _COLLECTED,
        "consentReceiptID": identifier,
        "language": words[0].language,
        "piiPrincipalId": login.transaction.subject,
        "piiControllers": [_kantara_controller(rules.controller)],
        "policyUrl": rules.policy_url,
        "services": [
            {"service": login.application_name, "purposes": [_kantara_purpose(word, rules) for word in words]}
        ],
        "sensitive": False,
        "spiCat": [],
    }


def _kantara_controller(controller: Controller) -> dict[str, Any]:
    known = {
        "piiController": controller.name,
        "onBehalf": False,
        "contact": controller.contact,
        "address": {"streetAddress": controller.address},
        "email": controller.email,
        "phone": controller.phone,
    }
    return known | ({"piiControllerUrl": controller.url} if controller.url else {})


def _kantara_purpose(word: Consent, rules: TermsStep) -> dict[str, Any]:
    purposes = _purposes(word, rules)
    third_parties = [purpose.third_party for purpose in purposes if purpose.third_party]
    what_for = "; ".join(purpose.said(word.language) for purpose in purposes)
    said = f"{word.title}, version {word.version}: {word.word}"
    return {
        "purpose": f"{what_for} ({said})" if what_for else said,
        "purposeCategory": sorted({category for purpose in purposes for category in purpose.categories}),
        "consentType": "EXPLICIT",
        "piiCategory": sorted({kind for purpose in purposes for kind in purpose.data}),
        "primaryPurpose": any(purpose.primary for purpose in purposes) if purposes else word.mandatory,
        "termination": "; ".join(purpose.ends for purpose in purposes) or "when the consent is withdrawn",
        "thirdPartyDisclosure": bool(third_parties),
    } | ({"thirdPartyName": ", ".join(third_parties)} if third_parties else {})


def _record(
    login: Login, words: Sequence[Consent], rules: TermsStep, *, identifier: str, now: datetime
) -> dict[str, Any]:
    """ISO/IEC TS 27560:2023, 6.3: header, processing, parties and events.

    The names are those of the W3C community group's guide to it (`dpv/guides/consent-27560`).
    """
    return {
        "header": {
            "schema_version": "ISO/IEC TS 27560:2023",
            "record_id": identifier,
            "pii_principal_id": login.transaction.subject,
        },
        "pii_processing": [_processing(login, word, rules) for word in words],
        "party_identification": [
            {
                "party_id": login.transaction.tenant,
                "party_role": "PII controller",
                "party_name": rules.controller.name,
                "party_address": rules.controller.address,
                "party_email": rules.controller.email,
                "party_phone": rules.controller.phone,
                "party_contact": rules.controller.contact,
            }
        ],
        "events": [
            {
                "event_time": iso(now),
                "event_type": "explicit",
                "event_state": f"consent {_STATES[word.word]}",
                "entity_id": login.transaction.subject,
                "pii_processing": word.document,
                **({"validity_duration": f"P{rules.valid_for.days}D"} if rules.valid_for else {}),
            }
            for word in words
        ],
    }


def _processing(login: Login, word: Consent, rules: TermsStep) -> dict[str, Any]:
    return {
        "id": word.document,
        "language": word.language,
        "privacy_notice": {
            "title": word.title,
            "version": word.version,
            "sha256": word.digest,
            "policy_url": rules.policy_url,
        },
        "pii_controllers": [login.transaction.tenant],
        "services": [login.application_name],
        "collection_method": _COLLECTED,
        "jurisdiction": rules.jurisdiction,
        "lawful_basis": "contract" if word.mandatory else "consent",
        "purposes": [
            {
                "purpose": purpose.said(word.language),
                "purpose_type": list(purpose.categories),
                "pii_information": [{"pii_type": kind} for kind in purpose.data],
                "recipient_third_parties": [purpose.third_party] if purpose.third_party else [],
                "withdrawal_method": "a login that shows the consents",
            }
            for purpose in _purposes(word, rules)
        ],
    }


def _purposes(word: Consent, rules: TermsStep) -> Sequence[Purpose]:
    document = rules.document(word.document)
    return document.purposes if document else ()
