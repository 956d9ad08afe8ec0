"""Identity proofing: consent before it, another attempt after a refusal, and reviews that people wait for."""

import json
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from common.messages import Outcome, UpdateMetadata, VerifyIdentity, new_event_id
from common.sealing import Sealer
from gateway.transaction import Status, Transaction
from gateway.transaction_step import StepStatus
from tests.common.tenants_on_disk import section, write_tenants
from tests.gateway.arrivals import redirect
from tests.gateway.browsers import Browser
from tests.gateway.rig import SEAL_KEY, Rig, serving
from tests.support.clock import FakeClock
from tests.support.databases import ServiceDatabase
from tests.support.zones import Zone

KEY = "waystation_idproof"
CONSENT = {"revision": 4, "policy_url": "https://acme.example/privacy", "kept_for": "90d"}
PASSPORT, OTHER = Zone(), Zone(number="L898902C4")


@pytest.fixture
def rules(request: pytest.FixtureRequest) -> dict[str, Any]:
    """What the tenant's file says about the step besides the usual."""
    chosen: dict[str, Any] = request.param
    return chosen


@pytest.fixture
async def rig(
    database: ServiceDatabase, tmp_path: Path, clock: FakeClock, rules: dict[str, Any]
) -> AsyncIterator[Rig]:
    acme = section()
    acme["steps"]["idproof"] |= rules
    async with serving(database, tenants_file=write_tenants(tmp_path, {"acme": acme}), clock=clock) as rig:
        yield rig


async def submit(anna: Browser, login: str, zone: Zone = PASSPORT) -> None:
    assert (await anna.press(login, "idproof/submit", mrz=zone.text())).status == 303


async def transaction_of(rig: Rig, login: str) -> Transaction:
    return (await rig.login(login)).transaction


async def last_value(rig: Rig) -> Any:
    return (await rig.told(UpdateMetadata))[-1].keys[KEY].value


async def in_review(rig: Rig, anna: Browser) -> tuple[str, str]:
    """A login that went on as pending, and the id of its verification."""
    login = await anna.begin(redirect(rig.clock))
    await submit(anna, login)
    verdict = await rig.verdict(login, Outcome.REVIEW, level="self_asserted", reason="review")
    await rig.outcomes.handle(verdict)
    return login, verdict.verification_id


async def decide(rig: Rig, login: str, outcome: Outcome = Outcome.APPROVED, **changes: Any) -> None:
    await rig.outcomes.handle(await rig.verdict(login, outcome, revision=2, **changes))


@pytest.mark.parametrize("rules", [{"consent": CONSENT}], indirect=True)
async def test_nothing_is_checked_without_consent(rig: Rig, anna: Browser, clock: FakeClock) -> None:
    """The person is told what is checked, by whom, and what is kept, before there is anything to type."""
    login = await anna.begin(redirect(rig.clock))
    page = await anna.look(login)
    assert page.title == "Check of your identity"
    kept_until = (clock.now() + timedelta(days=90)).strftime("%-d %B %Y")
    assert f"encrypted, until {kept_until}." in page.html.get_text(" ")
    assert 'href="https://acme.example/privacy"' in page.text
    assert "textarea" not in page.text
    early = await anna.press(login, "idproof/submit", mrz=PASSPORT.text())
    assert early.title == "Check of your identity"
    assert await rig.told(VerifyIdentity) == []
    assert await rig.rows("SELECT * FROM step_attempts") == []


@pytest.mark.parametrize("rules", [{"consent": CONSENT}], indirect=True)
async def test_consent_is_kept_once_per_login(rig: Rig, anna: Browser) -> None:
    """Agreed, the form comes; what is kept are the revisions of both texts and the time, once."""
    login = await anna.begin(redirect(rig.clock))
    for _ in range(2):
        assert (await anna.press(login, "idproof/agree")).status == 303
    assert (await anna.look(login)).title == "Your identity document"
    kept = await rig.rows("SELECT tenant, transaction_id, text_revision, revision FROM idproof_consents")
    assert kept == [("acme", login, 1, 4)]
    await submit(anna, login)
    assert len(await rig.told(VerifyIdentity)) == 1
    again = await anna.begin(redirect(rig.clock))
    assert (await anna.look(again)).title == "Check of your identity"


@pytest.mark.parametrize("rules", [{"consent": CONSENT}], indirect=True)
async def test_who_does_not_agree_has_a_reason_of_their_own(rig: Rig, anna: Browser) -> None:
    """Declining the consent ends the step as declined, with another reason than declining the document."""
    login = await anna.begin(redirect(rig.clock))
    await anna.press(login, "idproof/disagree")
    ended = (await transaction_of(rig, login)).step("idproof").conclusion
    assert ended is not None
    assert (ended.status, ended.reason) == (StepStatus.DECLINED, "consent_declined")
    assert "You did not agree to the check." in (await anna.look(login)).text
    assert await rig.rows("SELECT * FROM idproof_consents") == []


@pytest.mark.parametrize("rules", [{"retry_declined": True, "attempts": 3}], indirect=True)
async def test_another_attempt_after_a_refusal(rig: Rig, anna: Browser) -> None:
    """A refusal that may be a slip says why and how many attempts are left; each is its own verification."""
    login = await anna.begin(redirect(rig.clock))
    await submit(anna, login, OTHER)
    refused = await rig.verdict(login, Outcome.DECLINED, reason="name_mismatch", level="none")
    await rig.outcomes.handle(refused)
    page = await anna.look(login)
    assert page.title == "Please check what you typed"
    assert "The name is not the one that the organisation has." in page.text
    assert "You have 2 attempts left." in page.text
    await submit(anna, login)
    asked = await rig.told(VerifyIdentity)
    assert len({one.verification_id for one in asked}) == 2
    await rig.outcomes.handle(await rig.verdict(login))
    step = (await transaction_of(rig, login)).step("idproof")
    assert step.status is StepStatus.PASSED
    assert step.conclusion is not None
    assert step.conclusion.reason is None
    assert [line["event"] for line in rig.lines.all].count("step.concluded") == 1


@pytest.mark.parametrize("rules", [{"retry_declined": True, "attempts": 2}], indirect=True)
async def test_the_last_refusal_is_the_verdict(rig: Rig, anna: Browser) -> None:
    """With no attempt left, the step fails with the reason of the last refusal."""
    login = await anna.begin(redirect(rig.clock))
    for reason in ("name_mismatch", "birth_date_mismatch"):
        await submit(anna, login)
        await rig.outcomes.handle(await rig.verdict(login, Outcome.DECLINED, reason=reason))
    step = (await transaction_of(rig, login)).step("idproof")
    assert step.conclusion is not None
    assert (step.status, step.conclusion.reason) == (StepStatus.FAILED, "birth_date_mismatch")
    assert (await last_value(rig))["reason"] == "birth_date_mismatch"


@pytest.mark.parametrize(
    ("rules", "reason"),
    [({"retry_declined": True}, "under_age"), ({}, "name_mismatch")],
    indirect=["rules"],
)
async def test_what_typing_cannot_change_is_a_verdict(rig: Rig, anna: Browser, reason: str) -> None:
    """An age is no slip; and without the tenant's setting no refusal is."""
    login = await anna.begin(redirect(rig.clock))
    await submit(anna, login)
    await rig.outcomes.handle(await rig.verdict(login, Outcome.DECLINED, reason=reason))
    assert (await transaction_of(rig, login)).step("idproof").status is StepStatus.FAILED


@pytest.mark.parametrize("rules", [{"review_within": "2d"}], indirect=True)
async def test_a_review_has_a_promise(rig: Rig, anna: Browser, clock: FakeClock) -> None:
    """The page and the result say until when somebody will have decided."""
    login, _ = await in_review(rig, anna)
    value = await last_value(rig)
    promised = (clock.now() + timedelta(days=2)).strftime("%Y-%m-%dT%H:%M:%SZ")
    assert (value["status"], value["reason"], value["details"]) == (
        "pending",
        "review",
        {"decision_by": promised},
    )
    await rig.outcomes.handle(await rig.applied(login))
    page = await anna.look(login)
    assert page.title == "Your identity is not confirmed yet"
    assert "You will have a decision by" in page.text


@pytest.mark.parametrize("rules", [{"review_within": "2d"}], indirect=True)
async def test_the_next_login_waits_for_the_same_review(rig: Rig, anna: Browser, mallory: Browser) -> None:
    """Who waits is not asked again in the same browser; another has shown nothing and is asked."""
    _, verification = await in_review(rig, anna)
    arrival = redirect(rig.clock)
    second = await anna.begin(arrival)
    step = (await transaction_of(rig, second)).step("idproof")
    assert step.conclusion is not None
    assert (step.status, step.conclusion.reference) == (StepStatus.PENDING, verification)
    other = await mallory.begin(redirect(rig.clock))
    assert (await transaction_of(rig, other)).status is Status.WORKING
    assert len(await rig.told(VerifyIdentity)) == 1


@pytest.mark.parametrize("rules", [{"review_within": "2d"}], indirect=True)
@pytest.mark.parametrize(("outcome", "status"), [(Outcome.APPROVED, "passed"), (Outcome.DECLINED, "failed")])
async def test_a_decision_counts_for_the_login_that_answered_last(
    rig: Rig, anna: Browser, outcome: Outcome, status: str
) -> None:
    """Decided between two logins or after several, it has the jti that the tenant knows, and a higher rev."""
    first, _ = await in_review(rig, anna)
    arrival = redirect(rig.clock)
    await anna.begin(arrival)
    before = (await last_value(rig))["rev"]
    await decide(rig, first, outcome, reason="name_mismatch" if status == "failed" else None)
    update = (await rig.told(UpdateMetadata))[-1]
    value = update.keys[KEY].value
    assert value is not None
    assert (value["status"], value["jti"], update.waiting) == (status, arrival.jti, False)
    assert value["rev"] > before
    assert await rig.rows("SELECT * FROM idproof_reviews") == []


@pytest.mark.parametrize("rules", [{"review_within": "2d"}], indirect=True)
async def test_an_approval_is_taken_over_by_the_next_login(rig: Rig, anna: Browser) -> None:
    """Approved before the next login, the step has passed there without a question, in this browser."""
    first, _ = await in_review(rig, anna)
    await decide(rig, first)
    second = await anna.begin(redirect(rig.clock))
    assert (await transaction_of(rig, second)).step("idproof").status is StepStatus.PASSED


@pytest.mark.parametrize("rules", [{"review_within": "2d"}], indirect=True)
async def test_a_broken_promise_holds_nobody(rig: Rig, anna: Browser) -> None:
    """After the promised time the person is asked again, and a decision still finds its way."""
    first, _ = await in_review(rig, anna)
    await rig.advance(2 * 86_400 + 1)
    second = await anna.begin(redirect(rig.clock))
    assert (await anna.look(second)).title == "Your identity document"
    await decide(rig, first)
    assert (await last_value(rig))["status"] == "passed"


@pytest.mark.parametrize("rules", [{"review_within": "2d", "review_wait": "10m"}], indirect=True)
async def test_a_waiting_login_has_the_decision_at_once(rig: Rig, anna: Browser) -> None:
    """A login that waits for the reviewer goes on with what they decide, in the same answer."""
    login, verification = await in_review(rig, anna)
    assert (await transaction_of(rig, login)).status is Status.WAITING
    page = await anna.look(login)
    assert page.title == "Somebody is looking at it"
    said = page.html.select_one("main [role=status]")
    assert said is not None
    told = " ".join(said.get_text(" ").split())
    assert told.startswith(
        "Somebody has to look at the document before it counts. You will have a decision by "
    )
    assert "This login waits for the decision until" in told
    assert await rig.told(UpdateMetadata) == []
    await decide(rig, login)
    step = (await transaction_of(rig, login)).step("idproof")
    assert step.conclusion is not None
    assert (step.status, step.conclusion.reference) == (StepStatus.PASSED, verification)
    (update,) = await rig.told(UpdateMetadata)
    assert update.waiting


@pytest.mark.parametrize("rules", [{"review_within": "2d", "review_wait": "10m"}], indirect=True)
async def test_a_login_waits_no_longer_than_that(rig: Rig, anna: Browser) -> None:
    """Nobody decides: the login goes on as pending, for the reason that it is in review."""
    await in_review(rig, anna)
    await rig.advance(601)
    await rig.timekeeper.sweep()
    value = await last_value(rig)
    assert (value["status"], value["reason"]) == ("pending", "review")
    assert list(value["details"]) == ["decision_by"]


@pytest.mark.parametrize("rules", [{"review_within": "2d"}], indirect=True)
async def test_a_decision_told_twice_is_one(rig: Rig, anna: Browser) -> None:
    """However often it is delivered, a decision is one write."""
    login, _ = await in_review(rig, anna)
    event = await rig.verdict(login, revision=2)
    await rig.outcomes.handle(event)
    before = await rig.everything()
    await rig.outcomes.handle(event)
    assert await rig.everything() == before
    again = await rig.verdict(login, revision=2, event_id=new_event_id())
    await rig.outcomes.handle(again)
    assert (await last_value(rig))["rev"] == 2


AGAIN = {"valid_for": "60d", "reverify_within": "30d"}


async def passed(rig: Rig, anna: Browser, **changes: Any) -> str:
    """A first pass of this browser; returns the id of its verification."""
    login = await anna.begin(redirect(rig.clock))
    await submit(anna, login)
    verdict = await rig.verdict(login, **changes)
    await rig.outcomes.handle(verdict)
    return verdict.verification_id


@pytest.mark.parametrize("rules", [AGAIN], indirect=True)
async def test_a_second_pass_asks_for_less(rig: Rig, anna: Browser, mallory: Browser) -> None:
    """Near the end of a result its browser confirms the document; another browser types all of it."""
    first = await passed(rig, anna)
    await rig.advance(61 * 86_400)
    login = await anna.begin(redirect(rig.clock))
    assert (await anna.look(login)).title == "Confirm your identity document"
    wrong = await anna.press(login, "idproof/confirm", number="L8989 02C3", expiry="tomorrow")
    assert (wrong.status, wrong.title) == (422, "Confirm your identity document")
    done = await anna.press(login, "idproof/confirm", number="l8989 02c3", expiry="2030-01-31")
    assert done.status == 303
    asked = (await rig.told(VerifyIdentity))[-1]
    assert asked.previous == first
    opened = Sealer((SEAL_KEY,)).open(asked.sealed, bound_to=("acme", login, asked.event_id))
    assert json.loads(opened)["confirmed"] == {"number": "L898902C3", "expiry": "2030-01-31"}
    assert "mrz" not in json.loads(opened)
    other = await mallory.begin(redirect(rig.clock))
    assert (await mallory.look(other)).title == "Your identity document"


@pytest.mark.parametrize("rules", [AGAIN], indirect=True)
async def test_every_second_pass_is_a_whole_one(rig: Rig, anna: Browser) -> None:
    """What was only confirmed, or has ended long ago, is not confirmed again: the whole document is typed."""
    await passed(rig, anna, level="document_reconfirmed")
    await rig.advance(61 * 86_400)
    login = await anna.begin(redirect(rig.clock))
    assert (await anna.look(login)).title == "Your identity document"
    await submit(anna, login)
    await rig.outcomes.handle(await rig.verdict(login))
    await rig.advance(91 * 86_400)
    late = await anna.begin(redirect(rig.clock))
    assert (await anna.look(late)).title == "Your identity document"
    refused = await anna.press(late, "idproof/confirm", number="L898902C3", expiry="2030-01-31")
    assert refused.title == "Your identity document"
    assert {one.previous for one in await rig.told(VerifyIdentity)} == {None}


@pytest.mark.parametrize("rules", [AGAIN], indirect=True)
@pytest.mark.parametrize("reason", ["document_differs", "previous_unknown"])
async def test_a_second_pass_that_fails_leads_to_the_whole_form(rig: Rig, anna: Browser, reason: str) -> None:
    """Another document, or nothing kept: the person types all of it, whatever the tenant says of refusals."""
    await passed(rig, anna)
    await rig.advance(61 * 86_400)
    login = await anna.begin(redirect(rig.clock))
    shown = await anna.press(login, "idproof/other")
    assert (shown.status, shown.title) == (200, "Your identity document")
    await anna.press(login, "idproof/confirm", number="X1", expiry="2030-01-31")
    await rig.outcomes.handle(await rig.verdict(login, Outcome.DECLINED, reason=reason))
    page = await anna.look(login)
    assert page.title == "Please check what you typed"
    assert "document that you showed before" in page.text
    await submit(anna, login)
    assert (await rig.told(VerifyIdentity))[-1].previous is None
