"""What a person sees in each state of a login, and that nothing of it is markup of somebody else's."""

import re
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from bs4 import BeautifulSoup

from common.mrz import MrzField, MrzProblem, MrzProblemCode
from common.sealing import Sealer
from common.vault import Vault
from gateway.attempts import Attempts
from gateway.browser import BrowserCookies
from gateway.owner import Visit
from gateway.pages import Page
from gateway.pages.languages import load_languages
from gateway.personal_changes import PersonalChanges
from gateway.steps.idproof.forms import document_form
from gateway.steps.idproof.step import IdproofStep
from gateway.steps.idproof.texts import problem_text, reason_text
from gateway.steps.port import StepBook
from gateway.texts import text
from gateway.transaction import MetadataOutcome, Status, Transaction
from gateway.transaction_step import Conclusion, StepStatus
from gateway.views import Views
from tests.gateway.made import (
    NOW,
    handed_back,
    login,
    opened,
    ready,
    settled,
    submitted,
    working,
)
from tests.support.clock import FakeClock

COOKIES = BrowserCookies((bytes(32),))
KEYS = (bytes(32),)
STEPS = StepBook(
    IdproofStep(
        attempts=Attempts(cookie_key=KEYS[0]),
        changes=PersonalChanges(vault=Vault(KEYS), sealer=Sealer(KEYS)),
        vault=Vault(KEYS),
        sealer=Sealer(KEYS),
        clock=FakeClock(NOW),
    )
)
VIEWS = Views(cookies=COOKIES, steps=STEPS)
PAGE = Page(nonce="n0nce", now=NOW, languages=load_languages())
ENGLISH = PAGE.language
XSS = "\"'><img src=x onerror=alert(1)><script>alert(1)</script>{{7*7}}"


def shown(
    transaction: Transaction, *, account: str = "a***@acme.example", attempts_left: int = 5, **changes: Any
) -> BeautifulSoup:
    visit = visited(transaction, **changes)
    if transaction.status is Status.WORKING:
        return form(visit, attempts_left=attempts_left)
    if transaction.status is Status.OPENED:
        return BeautifulSoup(VIEWS.start(visit, page=PAGE, account=account), "html.parser")
    return BeautifulSoup(VIEWS.current(visit, page=PAGE), "html.parser")


def visited(transaction: Transaction, **changes: Any) -> Visit:
    ours = login(transaction, **changes)
    return Visit(login=ours, cookie=COOKIES.issue(ours.id, issued=1))


def form(visit: Visit, **values: Any) -> BeautifulSoup:
    """The form of idproof."""
    return BeautifulSoup(VIEWS.step(visit, document_form(**values), page=PAGE), "html.parser")


def title(page: BeautifulSoup) -> str:
    heading = page.find("h1")
    return heading.get_text(" ", strip=True) if heading else ""


def ended(status: StepStatus, **changes: Any) -> Transaction:
    """A login that is ready after its step has ended so."""
    conclusion = Conclusion(status=status, at=NOW, **changes)
    over = submitted().decide("idproof", conclusion).settle(rev=1, until=NOW)
    return over if over.metadata else over.finish_metadata(MetadataOutcome.APPLIED)


def goes_on_by_itself(page: BeautifulSoup) -> bool:
    return any(".submit()" in script.get_text() for script in page.select("script"))


def test_the_start_page() -> None:
    """It names the organisation, the application and the masked account, warns, and has one button."""
    page = shown(opened())
    assert [cell.get_text() for cell in page.select("dd")] == ["Acme", "Acme Bank", "a***@acme.example"]
    (warning,) = page.select("p:has(+ form#claim)")
    assert " ".join(warning.get_text().split()) == (
        "If somebody sent you this link, close this page. Otherwise they could get in with your identity."
    )
    assert [form["action"] for form in page.select("main form")] == [f"/t/{'T' * 22}/claim"]


def test_the_identity_page() -> None:
    """It says what to type and what that proves, and lets the person say no."""
    page = shown(working())
    assert [form["action"] for form in page.select("main form")] == [
        f"/t/{'T' * 22}/idproof/submit",
        f"/t/{'T' * 22}/idproof/decline",
    ]
    assert "does not show that the document is real" in page.get_text()
    assert page.select_one("label[for=mrz]") is not None
    assert not goes_on_by_itself(page)


@pytest.mark.parametrize(
    ("left", "told"),
    [
        (5, "You have 5 attempts left."),
        (1, "You have one attempt left."),
        (0, "You have no attempts left for now."),
    ],
)
def test_attempts(left: int, told: str) -> None:
    """The form says how many attempts there are, once: at its lines, or beside what was wrong with them."""
    assert told in shown(working(), attempts_left=left).select("#mrz-help")[0].get_text()
    page = form(visited(working()), attempts_left=left, problems=(text("page.missing"),))
    assert told in page.select("#problems")[0].get_text()
    assert page.get_text().count(told) == 1


@pytest.mark.parametrize(
    ("transaction", "told"),
    [(submitted(), "Your document is being checked."), (settled(), "The result is being saved at Acme.")],
)
def test_the_waiting_page(transaction: Transaction, told: str) -> None:
    """It says what is waited for and until when; without JavaScript it reloads itself and has a link."""
    page = shown(transaction)
    assert told in page.get_text()
    assert "until 12:45 UTC" in page.get_text()
    assert page.select_one('head noscript meta[http-equiv="refresh"][content="2"]') is not None
    assert page.select_one(f'noscript a[href="/t/{"T" * 22}"]') is not None


@pytest.mark.parametrize(
    ("after", "is_slow", "look_again_in"), [(0, False, 10), (9.5, False, 1), (10, True, 60), (600, True, 60)]
)
def test_the_waiting_page_says_when_saving_is_slow(
    after: float, *, is_slow: bool, look_again_in: int
) -> None:
    """After `metadata.deadline` the page says that it takes longer, and reloads itself to say so."""
    later = replace(PAGE, now=NOW + timedelta(seconds=after))
    html = VIEWS.current(visited(settled()), page=later)
    told = BeautifulSoup(html, "html.parser").get_text()
    assert ("Acme takes longer than usual to save it. You need not do anything." in told) is is_slow
    assert f"setTimeout(look, {look_again_in} * 1000)" in html


def test_the_way_to_stop() -> None:
    """The step's page leads to the one that asks whether to stop, which has no link to itself."""
    asking = BeautifulSoup(VIEWS.stop(visited(working()), page=PAGE), "html.parser")
    link = f'a[href="/t/{"T" * 22}/stop"]'
    assert [len(page.select(link)) for page in (shown(working()), asking)] == [1, 0]


def test_a_passed_login_goes_on_by_itself() -> None:
    """After a passed check the page posts itself, once; without JavaScript it has a button."""
    page = shown(ready())
    assert title(page) == "That worked"
    assert goes_on_by_itself(page)
    assert page.select_one("form#continue button") is not None


def test_back_and_reload_after_the_hand_back() -> None:
    """A login that was handed back does not post itself again; it offers the way, and a new login."""
    page = shown(handed_back())
    assert not goes_on_by_itself(page)
    assert page.select_one("form#continue button") is not None
    assert page.select_one('a[href="https://bank.acme.example/login"]') is not None


@pytest.mark.parametrize(
    ("transaction", "heading", "told"),
    [
        (
            ended(StepStatus.FAILED, reason="name_mismatch"),
            "Your identity could not be confirmed",
            "The name is not",
        ),
        (
            ended(StepStatus.FAILED, reason="too_many_attempts"),
            "Your identity could not be confirmed",
            "too many",
        ),
        (
            ended(StepStatus.PENDING, reason="no_verdict_yet"),
            "Your identity is not confirmed yet",
            "longer than",
        ),
        (ended(StepStatus.ABANDONED), "Your identity was not confirmed", ""),
        (
            ended(StepStatus.DECLINED, reason="declined_by_person"),
            "Your identity was not checked",
            "You chose not",
        ),
    ],
)
def test_other_ends(transaction: Transaction, heading: str, told: str) -> None:
    """Whatever did not pass is said with its reason, and the person goes on by their own click."""
    page = shown(transaction)
    assert title(page) == heading
    assert told in page.get_text()
    assert not goes_on_by_itself(page)


@pytest.mark.parametrize(
    ("later", "told"),
    [
        (timedelta(hours=1), "You can try again after 13:00 UTC."),
        (timedelta(hours=1, microseconds=1), "You can try again after 13:01 UTC."),
        (timedelta(hours=12), "You can try again after 23 November 2026, 00:00 UTC."),
        (timedelta(days=30, minutes=5), "You can try again after 22 December 2026, 12:05 UTC."),
    ],
)
def test_when_to_try_again(later: timedelta, told: str) -> None:
    """After a failure the person reads from when on they may try again, never too early."""
    failed = ended(StepStatus.FAILED, reason="too_many_attempts", until=NOW + later)
    assert told in shown(failed).get_text()


def test_no_time_to_try_again() -> None:
    """What did not fail has no time to wait for, even where its result ends some day."""
    for status in (StepStatus.PASSED, StepStatus.PENDING, StepStatus.DECLINED, StepStatus.ABANDONED):
        assert "try again" not in shown(ended(status, until=NOW + timedelta(hours=1))).get_text()


@pytest.mark.parametrize(
    ("outcome", "told"),
    [(MetadataOutcome.CARRIED, "goes back with you"), (MetadataOutcome.FAILED, "could not be saved")],
)
def test_metadata_that_is_missing(outcome: MetadataOutcome, told: str) -> None:
    """A result that is not at the tenant yet, or never will be, is said."""
    page = shown(settled().finish_metadata(outcome))
    assert told in page.get_text()
    is_lost = outcome is MetadataOutcome.FAILED
    assert title(page) == ("It could not be saved" if is_lost else "That worked")
    assert goes_on_by_itself(page) is not is_lost
    assert page.select_one(".mark.bad" if is_lost else ".mark.good") is not None


PAGES = [opened(), working(), submitted(), settled(), ready(), handed_back(), ended(StepStatus.FAILED)]


@pytest.mark.parametrize("transaction", PAGES, ids=lambda transaction: str(transaction.status))
def test_foreign_texts_are_text(transaction: Transaction) -> None:
    """Names of tenants and applications and the account are shown as they are and never run."""
    application = {"name": XSS[:80], "login_url": "https://bank.acme.example/login"}
    page = shown(transaction, account=XSS, applications={"app1": application}, branding={"name": XSS[:80]})
    assert page.select("img") == []
    assert all(
        script.get("nonce") == "n0nce" and "alert" not in script.get_text()
        for script in page.select("script")
    )
    assert XSS[:80] in page.get_text()


def test_typed_text_is_text() -> None:
    """What was typed comes back into its field, and nothing of it is markup."""
    typed = "</textarea>" + XSS
    page = form(
        visited(working()), problems=(text("page.for", application=XSS),), typed=typed, attempts_left=1
    )
    assert [field.get_text() for field in page.select("textarea")] == [typed]
    assert [item.get_text() for item in page.select("#problems li")] == [f"for {XSS}"]
    assert page.select("img") == []
    assert title(page) == page.select("title")[0].get_text() == "Please check what you typed"


@pytest.mark.parametrize("transaction", PAGES, ids=lambda transaction: str(transaction.status))
def test_the_form_of_every_page(transaction: Transaction) -> None:
    """Every page has a language, a viewport and one heading, its title, and nothing that is blocked."""
    page = shown(transaction)
    html = str(page)
    assert page.select_one('html[lang="en"]') is not None
    assert page.select_one('meta[name="viewport"]') is not None
    assert len(page.select("h1")) == len(page.select("title")) == 1
    assert title(page) == page.select("title")[0].get_text()
    assert re.findall(r' on[a-z]+="| style="|src="|@import', html) == []
    assert all(tag.get("nonce") == "n0nce" for tag in page.select("script, style"))
    for form in page.select("form"):
        assert form["method"] == "post"
        assert form.select_one("input[name=csrf]") is not None


def test_every_problem_has_a_sentence() -> None:
    """Each kind of slip, in each field, is a whole sentence that names its line."""
    for code in MrzProblemCode:
        for field in (None, *MrzField):
            problem = MrzProblem(code=code, line=2, field=field, expected=44, found=43)
            sentence = PAGE.say(problem_text(problem))
            assert sentence.startswith("Line 2: ")
            assert sentence.endswith(".")
            assert "{" not in sentence


def test_reasons() -> None:
    """A reason that the person can do something with is told, an unknown one is not."""
    assert reason_text("document_expired") == text("idproof.reason.document_expired")
    assert reason_text("something_new") is None
    assert reason_text(None) is None
