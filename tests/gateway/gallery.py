"""Every page of ours as a person can come to see it, without the servers behind it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from playwright.async_api import Page as Window
from playwright.async_api import Route

from common.mrz import MrzField, MrzProblem, MrzProblemCode
from common.sealing import Sealer
from common.tenant_idproof import CheckConsent
from common.tenant_pictures import Picture
from common.tenant_profile import ProfileSchema
from common.tenant_terms import TermsStep
from common.tenants import TenantSnapshot
from common.vault import Vault
from gateway import errors, pages
from gateway.attempts import Attempts
from gateway.browser import BrowserCookies
from gateway.owner import Visit
from gateway.pages import Page, render
from gateway.pages.assets import find_asset
from gateway.pages.languages import Languages, load_languages
from gateway.personal_changes import PersonalChanges
from gateway.shield import security_headers
from gateway.steps.idproof.forms import confirm_form, consent_form, document_form
from gateway.steps.idproof.step import IdproofStep
from gateway.steps.idproof.texts import problem_text
from gateway.steps.password.step import password_form, restarted_page, ticket_page
from gateway.steps.port import StepBook, StepPage
from gateway.steps.profile.asking import asked, read_answers
from gateway.steps.profile.known import Known
from gateway.steps.profile.step import _form as profile_form
from gateway.steps.terms.forms import documents_form
from gateway.steps.terms.rules import Consent, Said, Word, offers_of
from gateway.texts import Text, text
from gateway.transaction import STOPPED, MetadataOutcome, Transaction
from gateway.transaction_step import Conclusion, StepStatus
from gateway.views import Views
from tests.gateway.gallery_words import HELP, PRIVACY, PROFILE, TERMS
from tests.gateway.made import (
    NOW,
    handed_back,
    login,
    opened,
    ready,
    settings,
    settled,
    submitted,
    working,
)
from tests.support.clock import FakeClock

ORIGIN = "https://steps.example"
NONCE = "n0nce"
TEMPLATES = Path(pages.__file__).parent / "templates"
LANGUAGES: Languages = load_languages()
TENANT: TenantSnapshot = settings(
    branding={
        "name": "Acme",
        "texts": HELP,
        "links": [{"url": "https://acme.example/privacy", "labels": PRIVACY}],
    }
)
# A tenant that uses all of its look.
_LOGO = Picture.of(
    b'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 116 36"><circle cx="18" cy="18" r="15"'
    b' fill="#0b6e4f"/><path d="M10 26 18 9l8 17" fill="none" stroke="#fff" stroke-width="3"/>'
    b'<text x="42" y="26" fill="#109468" font-family="sans-serif" font-size="23">Acme</text></svg>'
)
_BRANDED = settings(
    branding={
        "name": "Acme",
        "logo": _LOGO,
        "colours": {"accent": "#0b6e4f", "background": "#e9f3ee", "background_dark": "#0d1a15"},
    }
)
_KEY = bytes(32)
_COOKIES = BrowserCookies((_KEY,))
_IDPROOF = IdproofStep(
    attempts=Attempts(cookie_key=_KEY),
    changes=PersonalChanges(vault=Vault((_KEY,)), sealer=Sealer((_KEY,))),
    vault=Vault((_KEY,)),
    sealer=Sealer((_KEY,)),
    clock=FakeClock(NOW),
)
_VIEWS = Views(cookies=_COOKIES, steps=StepBook(_IDPROOF))
_TYPED = "P<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<\nL898902C36UTO7408122F1204159ZE184226B<<<<<11"

Sample = Callable[[Page], str]


@dataclass(frozen=True, kw_only=True)
class Shown:
    """A page of the gallery for one reader."""

    name: str
    language: str = "en"

    @property
    def path(self) -> str:
        return f"/{self.name}?{self.language}"

    @property
    def html(self) -> str:
        page = Page(
            nonce=NONCE,
            now=NOW + timedelta(minutes=2),
            languages=LANGUAGES,
            chosen=self.language,
            tenant=None if self.name in _WITHOUT_TENANT else TENANT,
            address=None if self.name in _WITHOUT_TENANT else f"/t/{'T' * 22}",
        )
        return GALLERY[self.name](page)


def _visit(transaction: Transaction) -> Visit:
    ours = login(transaction)
    return Visit(login=ours, cookie=_COOKIES.issue(ours.id, issued=1), language="en")


def _ended(status: StepStatus, **changes: Any) -> Transaction:
    return _over(Conclusion(status=status, at=NOW, **changes))


def _over(conclusion: Conclusion) -> Transaction:
    over = submitted().decide("idproof", conclusion).settle(rev=1, until=NOW)
    return over if over.metadata else over.finish_metadata(MetadataOutcome.APPLIED)


def _current(transaction: Transaction) -> Sample:
    return lambda page: _VIEWS.current(_visit(transaction), page=page)


def _start(transaction: Transaction, *, is_elsewhere: bool = False) -> Sample:
    return lambda page: _VIEWS.start(
        _visit(transaction), page=page, account="a***@acme.example", is_elsewhere=is_elsewhere
    )


def _branded(sample: Sample) -> Sample:
    return lambda page: sample(replace(page, tenant=_BRANDED))


def _step(content: StepPage, *steps: str) -> Sample:
    transaction = opened(*steps).claim(b"browser") if steps else working()
    return lambda page: _VIEWS.step(_visit(transaction), content, page=page)


def _error(error: errors.PageError) -> Sample:
    return lambda page: render("error", page=page, error=error)


def _errors() -> Mapping[str, Sample]:
    again, start = "https://bank.acme.example/login", "/t/x"
    found: list[errors.PageError] = [
        errors.BadRequestError("state"),
        errors.TokenRefusedError("session_token_entry", login_url=again),
        errors.TokenRefusedError("session_token_expired", login_url=again),
        errors.ForbiddenError("foreign_origin"),
        errors.ForbiddenError("other_browser", login_url=again),
        errors.ForbiddenError("no_cookie", login_url=again),
        errors.StalePageError("csrf", again_url=start),
        errors.RestartedError("restarted", again_url=start),
        errors.NotFoundError("unknown_path"),
        errors.NotFoundError("unknown_tenant"),
        errors.MethodError("method"),
        errors.ConflictingLoginError("state_does_not_fit", login_url=again),
        errors.NotYetError("not_ready", again_url=start),
        errors.MisconfiguredError("step_not_configured", login_url=again),
        errors.GoneError("expired", login_url=again),
        errors.GoneError("displaced", login_url=again),
        errors.GoneError("cancelled", login_url=again),
        errors.TooManyError("address", seconds=7.0),
        errors.TooLargeError("form_size"),
        errors.UnsupportedFormError("form_type"),
        errors.TryAgainError("try_again", again_url=""),
        errors.UnforeseenError("unforeseen"),
    ]
    return {f"error-{error.name.replace('_', '-')}": _error(error) for error in found}


_SCHEMA = ProfileSchema.model_validate(PROFILE)
_KNOWN = Known.of(
    {"connection": {"name": "google-oauth2", "strategy": "google-oauth2"}, "known": {"given_name": "Anna"}}
)
_ASKED = asked(_SCHEMA, _KNOWN, today=NOW.date())


def _profile(*, again: bool = False) -> StepPage:
    answers = {one.name: one.prefilled for one in _ASKED} | ({"phone_number": "12"} if again else {})
    reading = read_answers(_ASKED, answers, today=NOW.date()) if again else None
    return profile_form(_ASKED, _KNOWN, answers=answers, reading=reading)


_TERMS = TermsStep.model_validate(TERMS)
_CONTENTS = {
    one.digest: one.text or "" for document in _TERMS.documents for one in document.languages.values()
}


def _said(word: Word, document: str, *, version: str, days_ago: int) -> Said:
    """What the person said once, in English."""
    title = _TERMS.documents[document == "mails"].languages["en"].title
    consent = Consent(
        document=document,
        version=version,
        language="en",
        digest="0" * 64,
        title=title,
        mandatory=document == "terms",
        word=word,
    )
    return Said(consent=consent, at=NOW - timedelta(days=days_ago), receipt=f"r{days_ago}")


_FIRST = (_said(Word.ACCEPTED, "terms", version="2", days_ago=400),)
_SINCE = (
    _said(Word.WITHDRAWN, "mails", version="1", days_ago=3),
    _said(Word.ACCEPTED, "terms", version="3", days_ago=90),
    _said(Word.ACCEPTED, "mails", version="1", days_ago=90),
    *_FIRST,
)


def _terms(*steps: str, history: tuple[Said, ...] = _FIRST, again: bool = False) -> Sample:
    """The documents; with `again` the mandatory one was not ticked."""
    transaction = opened("terms", *steps).claim(b"browser")
    if history is _SINCE:
        asked_for = replace(transaction.step("terms"), requested=True)
        transaction = replace(transaction, steps=(asked_for,))

    def sample(page: Page) -> str:
        offers = offers_of(_TERMS, history, language=page.language.tag, now=NOW)
        missing = text("terms.missing", title=offers[0].text.title)
        content = documents_form(
            login(transaction),
            offers=offers,
            contents=_CONTENTS,
            history=history,
            form={} if again else None,
            problems=(("accept-terms", missing),) if again else (),
        )
        return _VIEWS.step(_visit(transaction), content, page=page)

    return sample


def _restarted(status: StepStatus, again: str | None) -> Sample:
    ended = Conclusion(status=status, at=NOW)
    over = opened("password").claim(b"browser").restart("password", ended, rev=1)
    content = restarted_page(again, is_sure=over.is_passed)
    return lambda page: _VIEWS.step(_visit(over), content, page=page)


def _code(problem: Text | None = None) -> StepPage:
    values = {
        "address": "a***@acme.example",
        "digits": 6,
        "attempts": text("page.attempts", count=4),
        "expires_at": NOW + timedelta(minutes=10),
        "next_at": NOW + timedelta(minutes=3),
        "problem": problem,
    }
    return StepPage(template="stepup/code", values=values)


_CONSENT = CheckConsent(revision=1, policy_url="https://acme.example/privacy", kept_for=timedelta(days=90))
_IN_REVIEW = Conclusion(
    status=StepStatus.PENDING,
    at=NOW,
    reason="review",
    details={"decision_by": (NOW + timedelta(days=2)).strftime("%Y-%m-%dT%H:%M:%SZ")},
)
_SLIP = MrzProblem(code=MrzProblemCode.CHECK_DIGIT, line=2, field=MrzField.DOCUMENT_NUMBER)
_WITHOUT_TENANT = frozenset(
    f"error-{name}" for name in ("unknown-tenant", "not-found", "bad-request", "method", "unsupported-form")
)

GALLERY: Mapping[str, Sample] = {
    "start": _start(opened("terms", "profile", "idproof")),
    "start-branded": _branded(_start(opened("profile", "idproof"))),
    "start-elsewhere": _start(opened("idproof"), is_elsewhere=True),
    "profile-branded": _branded(_step(_profile(), "profile", "idproof")),
    "terms": _terms("profile", "idproof"),
    "terms-unticked": _terms(again=True),
    "terms-later": _terms(history=_SINCE),
    "profile": _step(_profile(), "profile", "idproof"),
    "profile-mistyped": _step(_profile(again=True)),
    "stepup-code": _step(_code()),
    "stepup-wrong": _step(_code(text("stepup.problem.wrong"))),
    "password-change": _step(password_form(), "password"),
    "password-refused": _step(
        password_form(
            "new_password", text("password.problem.password_strength"), left=text("page.attempts", count=4)
        ),
        "password",
    ),
    "password-ticket": _step(ticket_page(), "password"),
    "password-ticket-ready": _step(
        ticket_page(url="https://acme.eu.auth0.com/u/reset-verify?ticket=t"), "password"
    ),
    "password-unknown": _step(password_form(notice="unknown"), "password"),
    "password-restarted": _restarted(StepStatus.PASSED, "https://acme.eu.auth0.com/authorize?client_id=app1"),
    "password-restarted-unsure": _restarted(StepStatus.PENDING, None),
    "idproof-document": _step(document_form(attempts_left=5), "idproof", "terms"),
    "idproof-mistyped": _step(document_form(attempts_left=4, problems=(problem_text(_SLIP),), typed=_TYPED)),
    "idproof-consent": _step(consent_form(_CONSENT, today=NOW.date())),
    "idproof-again": _step(confirm_form(attempts_left=5)),
    "idproof-again-mistyped": _step(confirm_form(attempts_left=5, number="?", is_wrong=True)),
    "idproof-refused": _step(document_form(attempts_left=2, refused="name_mismatch")),
    "stop": lambda page: _VIEWS.stop(_visit(working()), page=page),
    "waiting": _current(submitted()),
    "waiting-slow": _current(settled()),
    "waiting-for-a-review": _current(
        submitted().hold("idproof", _IN_REVIEW, until=NOW + timedelta(minutes=10))
    ),
    "passed": _current(ready()),
    "handed-back": _current(handed_back()),
    "failed": _current(
        _ended(StepStatus.FAILED, reason="too_many_attempts", until=NOW + timedelta(hours=13))
    ),
    "pending": _current(_ended(StepStatus.PENDING, reason="review")),
    "in-review": _current(_over(_IN_REVIEW)),
    "declined": _current(_ended(StepStatus.DECLINED, reason="declined_by_person")),
    "stopped": _current(_ended(StepStatus.ABANDONED, reason=STOPPED)),
    "not-saved": _current(settled().finish_metadata(MetadataOutcome.FAILED)),
    "saved-later": _current(settled().finish_metadata(MetadataOutcome.CARRIED)),
    "hand-back": lambda page: render(
        "hand_back", page=page, application="Acme Bank", action=f"{ORIGIN}/continue", fields={"state": "s"}
    ),
    **_errors(),
}


async def hang(window: Window) -> None:
    """Let the window find every page of the gallery below `ORIGIN`, under the policy that ours have."""

    async def serve(route: Route) -> None:
        url = urlsplit(route.request.url)
        name = url.path.removeprefix("/")
        asset = find_asset(name.removeprefix("assets/"))
        if name.startswith("brand/"):
            await route.fulfill(body=_LOGO.content or b"", content_type=_LOGO.content_type)
        elif asset is not None:
            await route.fulfill(body=asset.content, content_type=asset.content_type)
        elif name in GALLERY:
            headers = {**security_headers(NONCE), "Content-Type": "text/html; charset=utf-8"}
            await route.fulfill(body=Shown(name=name, language=url.query or "en").html, headers=headers)
        else:
            await route.fulfill(status=404, body="")

    await window.route("**/*", serve)
