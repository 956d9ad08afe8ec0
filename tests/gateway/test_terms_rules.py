"""Terms and consents: what is offered, what a form may say, and what comes of it."""

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.tenant_terms import TermsStep
from gateway.errors import BadRequestError
from gateway.steps.terms.receipt import receipt_of
from gateway.steps.terms.rules import (
    Offer,
    Said,
    Word,
    answer_of,
    conclusion_of,
    details_of,
    fits,
    missing,
    offers_of,
    withdrawn,
)
from gateway.transaction_step import StepStatus
from tests.common.tenants_on_disk import terms
from tests.gateway.made import NOW, login, opened

IDS = ("terms_of_use", "privacy", "news")
ALL = frozenset(IDS)
YEAR = timedelta(days=365)


def rules(**changes: Any) -> TermsStep:
    return TermsStep.model_validate(terms(**changes))


def offers(history: list[Said] | None = None, *, now: Any = NOW, **changes: Any) -> tuple[Offer, ...]:
    return offers_of(rules(**changes), history or [], language="en", now=now)


def said(identifier: str, word: Word = Word.ACCEPTED, *, version: str | None = None, at: Any = NOW) -> Said:
    (offer,) = [offer for offer in offers() if offer.document.id == identifier]
    consent = offer.word(word)
    if version is not None:
        consent = type(consent)(**{**vars(consent), "version": version})
    return Said(consent=consent, at=at, receipt="R1")


def form(*ticked: str, shown: str | None = None, **more: str) -> dict[str, str]:
    listed = ",".join(offer.listed for offer in offers())
    return {"shown": shown or listed} | {f"accept.{name}": "yes" for name in ticked} | more


def test_a_new_person() -> None:
    """Whoever has said nothing is shown no changes, nothing stands, and every word is asked."""
    assert [(offer.is_standing, offer.changes) for offer in offers()] == [(False, ())] * 3
    answer = answer_of(form("terms_of_use", "privacy"), offers(), requested=False)
    assert [(word.document, word.word) for word in answer.words] == [
        ("terms_of_use", Word.ACCEPTED),
        ("privacy", Word.ACCEPTED),
        ("news", Word.DECLINED),
    ]
    assert missing(answer, offers()) == ()
    assert dict(details_of(answer, offers())) == {
        "terms_of_use": "2026-05",
        "privacy": "7",
        "news": "declined 1",
    }


@pytest.mark.parametrize(
    ("before", "changes"),
    [
        ("2025-01", ["Bills are due after ten days."]),
        ("2026-05", []),
        ("2024-07", ["We added a chapter on fees.", "Bills are due after ten days."]),
    ],
)
def test_what_changed(before: str, changes: list[str]) -> None:
    """A person reads what came since the version that they accepted last, also where a refusal came after."""
    history = [
        said("terms_of_use", Word.DECLINED, version="2026-04"),
        said("terms_of_use", version=before),
    ]
    assert [change.text for change in offers(history)[0].changes] == changes


def test_how_long_it_stands() -> None:
    """An acceptance stands for this version, until `valid_for` is over or it is taken back."""
    accepted = [said("terms_of_use", at=NOW - 2 * YEAR + timedelta(seconds=1))]
    assert offers(accepted)[0].is_standing
    assert not offers(accepted, now=NOW + timedelta(seconds=2))[0].is_standing
    assert offers(accepted, now=NOW + 9 * YEAR, valid_for=None)[0].is_standing
    assert not offers([said("terms_of_use", Word.WITHDRAWN), *accepted])[0].is_standing
    assert not offers([said("terms_of_use", version="2026-04")])[0].is_standing


def test_mandatory_declined() -> None:
    """Without something mandatory the form is not enough, and says what is missing."""
    answer = answer_of(form("terms_of_use", "news"), offers(), requested=False)
    assert missing(answer, offers()) == ("privacy",)


def test_withdrawing_something_optional() -> None:
    """What is taken back is said, what stays is not said again, and the step stays as old as it was."""
    before = NOW - timedelta(days=30)
    history = [said(name, at=before) for name in IDS]
    answer = answer_of(form("terms_of_use", "privacy"), offers(history), requested=True)
    assert [(word.document, word.word) for word in answer.words] == [("news", Word.WITHDRAWN)]
    ended = conclusion_of(answer, offers(history), rules(), now=NOW, reference="R2", takes_back="J1")
    assert (ended.status, ended.at, ended.until) == (StepStatus.PASSED, before, before + 2 * YEAR)
    assert (ended.takes_back, ended.details["news"]) == ("J1", "declined 1")


def test_withdrawing_something_mandatory() -> None:
    """It ends the step as declined, with its own reason, and takes the earlier result back."""
    history = [said(name) for name in IDS]
    answer = answer_of(form("privacy"), offers(history), requested=True)
    assert missing(answer, offers(history)) == ("terms_of_use",)
    ended = withdrawn(answer, offers(history), now=NOW, reference="R2", takes_back="J1")
    assert (ended.status, ended.reason, ended.takes_back) == (StepStatus.DECLINED, "withdrawn", "J1")
    assert ended.details == {
        "terms_of_use": "declined 2026-05",
        "privacy": "7",
        "news": "declined 1",
    }


def test_other_texts_than_were_shown() -> None:
    """A form that showed another version, another text, another order or too little does not fit."""
    listed = [offer.listed for offer in offers()]
    assert fits(form(), rules())
    stale = [
        [listed[0].replace("2026-05", "2026-04"), *listed[1:]],
        [listed[0].replace("2026-05", "2026-06"), *listed[1:]],
        [f"{listed[0][:-1]}{'0' if listed[0][-1] != '0' else '1'}", *listed[1:]],
        [listed[0].replace("@en@", "@fr@"), *listed[1:]],
        list(reversed(listed)),
        listed[:2],
        [*listed, listed[0]],
    ]
    assert [fits(form(shown=",".join(one)), rules()) for one in stale] == [False] * 7
    assert not fits(form(**{"accept.newer_document": "yes"}), rules())


@pytest.mark.parametrize(
    "wrong",
    [
        {},
        {"shown": ""},
        {"shown": "terms_of_use"},
        {"shown": "x" * 2000},
        form(status="passed"),
        form(**{"accept.news": "no"}),
        form(**{"accept.news": ""}),
        form(Accept="yes"),
    ],
)
def test_fields_that_no_page_sends(wrong: dict[str, str]) -> None:
    """What no page of ours sends is refused as such."""
    with pytest.raises(BadRequestError):
        fits(wrong, rules())


WORDS = st.sampled_from(Word)
HISTORIES = st.lists(
    st.builds(
        said,
        st.sampled_from(IDS),
        WORDS,
        version=st.sampled_from([None, "0"]),
        at=st.integers(0, 4 * 365).map(lambda days: NOW - timedelta(days=days)),
    ),
    max_size=6,
)


@given(history=HISTORIES, ticked=st.sets(st.sampled_from(IDS)), requested=st.booleans())
def test_whatever_was_said_before(history: list[Said], ticked: set[str], *, requested: bool) -> None:
    """After any history, the answer accepts exactly what was ticked, and takes back only what stood."""
    shown = offers(history)
    answer = answer_of(form(*ticked), shown, requested=requested)
    assert answer.accepted == ticked
    by_id = {offer.document.id: offer for offer in shown}
    for word in answer.words:
        offer = by_id[word.document]
        assert (word.word is Word.ACCEPTED) == (word.document in ticked)
        assert (word.word is Word.WITHDRAWN) == (word.document not in ticked and offer.is_standing)
    if not requested:
        assert {word.document for word in answer.words} == ALL
    # What counts afterwards is what was ticked.
    newest = [Said(consent=word, at=NOW, receipt="R2") for word in answer.words]
    after = offers_of(rules(), [*newest, *history], language="en", now=NOW)
    assert {offer.document.id for offer in after if offer.is_standing} == ticked


def test_the_receipt() -> None:
    """The receipt has every field that Kantara 1.1 demands, and the record the sections of TS 27560."""
    shown = offers()
    answer = answer_of(form("terms_of_use", "privacy", "news"), shown, requested=False)
    made = receipt_of(login(opened("terms")), answer.words, rules(), identifier="R1", now=NOW)
    purposes = made.kantara["services"][0].pop("purposes")
    assert made.kantara == {
        "version": "KI-CR-v1.1.0",
        "jurisdiction": "Austria",
        "consentTimestamp": 1795348800,
        "collectionMethod": "web form during login",
        "consentReceiptID": "R1",
        "language": "en",
        "piiPrincipalId": "auth0|anna",
        "piiControllers": [
            {
                "piiController": "Acme GmbH",
                "onBehalf": False,
                "contact": "Data protection officer",
                "address": {"streetAddress": "Hauptplatz 1, 4020 Linz"},
                "email": "privacy@acme.example",
                "phone": "+43 732 100",
            }
        ],
        "policyUrl": "https://acme.example/privacy",
        "services": [{"service": "Acme Bank"}],
        "sensitive": False,
        "spiCat": [],
    }
    assert purposes[2] == {
        "purpose": "Tell you about offers by e-mail (Offers by e-mail, version 1: accepted)",
        "purposeCategory": ["Marketing"],
        "consentType": "EXPLICIT",
        "piiCategory": ["E-mail address"],
        "primaryPurpose": False,
        "termination": "when the consent is withdrawn",
        "thirdPartyDisclosure": True,
        "thirdPartyName": "Mailhouse Ltd",
    }
    assert list(made.record) == ["header", "pii_processing", "party_identification", "events"]
    assert made.record["header"]["record_id"] == "R1"
    assert [event["event_state"] for event in made.record["events"]] == ["consent given"] * 3
    assert made.record["pii_processing"][2] == {
        "id": "news",
        "language": "en",
        "privacy_notice": {
            "title": "Offers by e-mail",
            "version": "1",
            "sha256": shown[2].text.digest,
            "policy_url": "https://acme.example/privacy",
        },
        "pii_controllers": ["acme"],
        "services": ["Acme Bank"],
        "collection_method": "web form during login",
        "jurisdiction": "Austria",
        "lawful_basis": "consent",
        "purposes": [
            {
                "purpose": "Tell you about offers by e-mail",
                "purpose_type": ["Marketing"],
                "pii_information": [{"pii_type": "E-mail address"}],
                "recipient_third_parties": ["Mailhouse Ltd"],
                "withdrawal_method": "a login that shows the consents",
            }
        ],
    }
