"""What a person does: once in effect, whichever tab or browser they do it in."""

import asyncio
import hashlib
import hmac
import json
from dataclasses import replace
from datetime import timedelta

import pytest

from common.messages import DocumentPolicy, UpdateMetadata, VerifyIdentity
from common.sealing import Sealer
from gateway.transaction import Status
from gateway.transaction_step import StepStatus
from tests.gateway.arrivals import redirect
from tests.gateway.browsers import Browser
from tests.gateway.rig import COOKIE_KEY, SEAL_KEY, Rig
from tests.support.zones import Zone

PASSPORT = Zone()
WRONGS = [PASSPORT.text()[:-1] + digit for digit in "0123456789" if digit != PASSPORT.text()[-1]]
WRONG = WRONGS[0]


async def status(rig: Rig, login: str) -> tuple[Status, StepStatus]:
    transaction = (await rig.login(login)).transaction
    return transaction.status, transaction.step("idproof").status


async def test_two_browsers_click_at_once(rig: Rig, anna: Browser, mallory: Browser) -> None:
    """Of two browsers that press the start page's button at once one has the login, the other gets 403."""
    arrival = redirect(rig.clock)
    login = await anna.arrive(arrival)
    await mallory.arrive(arrival)
    tokens = await asyncio.gather(anna.csrf(login), mallory.csrf(login))
    answers = await asyncio.gather(
        *(
            browser.post(f"/t/{login}/claim", {"csrf": csrf})
            for browser, csrf in zip((anna, mallory), tokens, strict=True)
        )
    )
    assert sorted(answer.status for answer in answers) == [303, 403]
    pages = await asyncio.gather(anna.look(login), mallory.look(login))
    assert [page.status for page in pages] == [200 if answer.status == 303 else 403 for answer in answers]


async def test_a_double_click(rig: Rig, anna: Browser) -> None:
    """Pressed five times at once, the start page's button does one thing, and every tab goes on."""
    login = await anna.arrive(redirect(rig.clock))
    csrf = await anna.csrf(login)
    answers = await asyncio.gather(*(anna.post(f"/t/{login}/claim", {"csrf": csrf}) for _ in range(5)))
    assert {(answer.status, answer.location) for answer in answers} == {(303, f"/t/{login}")}
    assert [line["event"] for line in rig.lines.all].count("login.claimed") == 1


async def test_what_proofing_is_asked(rig: Rig, anna: Browser) -> None:
    """Proofing gets the lines and what they are compared with sealed; in the clear who, what, until when."""
    login = await anna.begin(redirect(rig.clock))
    answer = await anna.press(login, "idproof/submit", mrz=PASSPORT.text().lower())
    assert (answer.status, answer.location) == (303, f"/t/{login}")
    (asked,) = await rig.told(VerifyIdentity)
    transaction = (await rig.login(login)).transaction
    assert replace(asked, sealed="") == VerifyIdentity(
        event_id=asked.event_id,
        tenant="acme",
        transaction_id=login,
        occurred_at=rig.clock.now(),
        traceparent=asked.traceparent,
        verification_id=transaction.step("idproof").verification_id or "",
        user_id="auth0|65f0c0ffee",
        step="idproof",
        provider="document",
        policy=DocumentPolicy(allow_document_validated=True, minimum_age=18),
        deadline=transaction.deadline,
        sealed="",
    )
    opened = Sealer((SEAL_KEY,)).open(asked.sealed, bound_to=("acme", login, asked.event_id))
    assert json.loads(opened) == {
        "mrz": list(PASSPORT.lines()),
        "profile": {
            "given_name": "Anna Maria",
            "family_name": "Eriksson",
            "birthdate": "1974-08-12",
        },
        "told": [],
    }


async def test_a_document_sent_twice(rig: Rig, anna: Browser) -> None:
    """Sent in five tabs at once, and once more later, a document is judged once."""
    login = await anna.begin(redirect(rig.clock))
    form = {"csrf": await anna.csrf(login), "mrz": PASSPORT.text()}
    answers = await asyncio.gather(*(anna.post(f"/t/{login}/idproof/submit", form) for _ in range(5)))
    answers.append(await anna.post(f"/t/{login}/idproof/submit", form))
    assert {(answer.status, answer.location) for answer in answers} == {(303, f"/t/{login}")}
    assert len(await rig.told(VerifyIdentity)) == 1
    assert [line["event"] for line in rig.lines.all].count("step.submitted") == 1


async def test_declined(rig: Rig, anna: Browser) -> None:
    """A person may say no: nothing is written, and the way back is open at once."""
    login = await anna.begin(redirect(rig.clock))
    assert (await anna.press(login, "idproof/decline")).status == 303
    assert await status(rig, login) == (Status.READY, StepStatus.DECLINED)
    assert await rig.told(UpdateMetadata) == []
    step = (await rig.login(login)).transaction.step("idproof")
    assert (step.rev, step.conclusion and step.conclusion.reason) == (1, "declined_by_person")


async def test_declined_in_the_other_tab(rig: Rig, anna: Browser) -> None:
    """While a document is judged, an old page's «no» changes nothing; nor does a document after a «no»."""
    judged, declined = [await anna.begin(redirect(rig.clock)) for _ in range(2)]
    csrf = await anna.csrf(judged)
    await anna.press(judged, "idproof/submit", mrz=PASSPORT.text())
    assert (await anna.post(f"/t/{judged}/idproof/decline", {"csrf": csrf})).status == 303
    assert await status(rig, judged) == (Status.WAITING, StepStatus.SUBMITTED)

    csrf = await anna.csrf(declined)
    await anna.press(declined, "idproof/decline")
    late = await anna.post(f"/t/{declined}/idproof/submit", {"csrf": csrf, "mrz": PASSPORT.text()})
    assert (late.status, late.location) == (303, f"/t/{declined}")
    assert await status(rig, declined) == (Status.READY, StepStatus.DECLINED)
    assert len(await rig.told(VerifyIdentity)) == 1


@pytest.mark.parametrize("act", ["idproof/submit", "idproof/decline", "continue"])
@pytest.mark.parametrize("typed", [{}, {"mrz": PASSPORT.text()}, {"mrz": "x"}])
async def test_steps_that_are_skipped(rig: Rig, anna: Browser, act: str, typed: dict[str, str]) -> None:
    """Nobody does a step before the start page's click, nor goes back before the last step."""
    login = await anna.arrive(redirect(rig.clock))
    before = await rig.everything()
    answer = await anna.press(login, act, **typed)
    assert (answer.status, answer.title) == (409, "Not yet")
    assert await rig.everything() == before


@pytest.mark.parametrize("add", [{"status": "passed"}, {"tenant": "globex"}, {"step": "done", "rev": "9"}])
async def test_fields_that_nobody_asked_for(rig: Rig, anna: Browser, add: dict[str, str]) -> None:
    """What somebody adds to a form sets nothing."""
    login = await anna.begin(redirect(rig.clock))
    await anna.press(login, "idproof/submit", mrz=PASSPORT.text(), **add)
    assert await status(rig, login) == (Status.WAITING, StepStatus.SUBMITTED)


async def test_a_slip(rig: Rig, anna: Browser) -> None:
    """A mistyped digit is a form error that names the place, repeats what was typed, and costs an attempt."""
    login = await anna.begin(redirect(rig.clock))
    answer = await anna.press(login, "idproof/submit", mrz=WRONG)
    assert answer.status == 422
    page = answer.html
    assert [item.text for item in page.select("#problems li")] == [
        "Line 2: the check digit of the whole line does not fit: one of its characters is wrong."
    ]
    assert [field.get_text() for field in page.select("textarea#mrz")] == [WRONG]
    assert "You have 4 attempts left." in answer.text
    assert await status(rig, login) == (Status.WORKING, StepStatus.ASKED)
    (line,) = [line for line in rig.lines.all if line["event"] == "step.mistyped"]
    assert (line["attempts_left"], line["problems"]) == (4, ["check_digit"])


async def test_a_slip_sent_again(rig: Rig, anna: Browser, mallory: Browser) -> None:
    """The same slip again, reloaded, in five tabs at once or in another login, is the same attempt."""
    login = await anna.begin(redirect(rig.clock))
    form = {"csrf": await anna.csrf(login), "mrz": WRONG}
    answers = [await anna.post(f"/t/{login}/idproof/submit", form) for _ in range(6)]
    answers += await asyncio.gather(*(anna.post(f"/t/{login}/idproof/submit", form) for _ in range(5)))
    answers.append(await mallory.press(await mallory.begin(redirect(rig.clock)), "idproof/submit", mrz=WRONG))
    assert {answer.status for answer in answers} == {422}
    assert all("You have 4 attempts left." in answer.text for answer in answers)
    assert await rig.rows("SELECT attempts FROM step_attempts") == [(1,)]


async def test_slips_in_turn(rig: Rig, anna: Browser) -> None:
    """Another slip is another attempt, and so is an earlier one after it; another person's are not."""
    login = await anna.begin(redirect(rig.clock))
    for left, typed in ((4, WRONGS[0]), (3, WRONGS[1]), (2, WRONGS[0])):
        assert f"{left} attempts left" in (await anna.press(login, "idproof/submit", mrz=typed)).text
    other = await anna.begin(redirect(rig.clock, sub="auth0|somebody"))
    assert "4 attempts left" in (await anna.press(other, "idproof/submit", mrz=WRONGS[0])).text
    assert "2 attempts left" in (await anna.look(login)).text


async def test_what_is_kept_of_a_slip(rig: Rig, anna: Browser) -> None:
    """To know a slip again, 32 bytes are kept that no hash of the text gives, nor another person's slip."""
    subjects = ("auth0|one", "auth0|two")
    for subject in subjects:
        login = await anna.begin(redirect(rig.clock, sub=subject))
        await anna.press(login, "idproof/submit", mrz=WRONG)
    (one,), (two,) = await rig.rows("SELECT last_slip FROM step_attempts")
    assert len(one) == len(two) == 32
    assert one != two
    texts = [WRONG.encode(), *(f"acme\0{subject}\0idproof\0{WRONG}".encode() for subject in subjects)]
    assert {hashlib.sha256(text).digest() for text in texts}.isdisjoint({one, two})
    keyed = {hmac.digest(COOKIE_KEY, text, "sha256") for text in texts}
    assert keyed.isdisjoint({one, two})


async def test_a_document_forgets_the_slip(rig: Rig, anna: Browser) -> None:
    """Once a whole document was sent, nothing of the last slip is kept."""
    login = await anna.begin(redirect(rig.clock))
    await anna.press(login, "idproof/submit", mrz=WRONG)
    await anna.press(login, "idproof/submit", mrz=PASSPORT.text())
    assert await rig.rows("SELECT attempts, last_slip FROM step_attempts") == [(2, None)]


async def test_the_form_tells_how_often(rig: Rig, anna: Browser) -> None:
    """Before the first slip the person reads how many attempts there are, in every login of theirs."""
    first, second = [await anna.begin(redirect(rig.clock)) for _ in range(2)]
    assert "You have 5 attempts left." in (await anna.look(first)).text
    for typed in WRONGS[:4]:
        await anna.press(first, "idproof/submit", mrz=typed)
    assert "You have one attempt left." in (await anna.look(second)).text
    await anna.press(first, "idproof/submit", mrz=WRONGS[4])
    assert "You have no attempts left for now." in (await anna.look(second)).text


async def test_no_attempts_left(rig: Rig, anna: Browser) -> None:
    """Who has used up all attempts is not asked for a document: the step has failed with the claim."""
    for login in [await anna.begin(redirect(rig.clock)) for _ in range(5)]:
        await anna.press(login, "idproof/submit", mrz=PASSPORT.text())
    late = await anna.begin(redirect(rig.clock))
    assert await status(rig, late) == (Status.WAITING, StepStatus.FAILED)
    conclusion = (await rig.login(late)).transaction.step("idproof").conclusion
    assert conclusion is not None
    assert (conclusion.reason, conclusion.until) == (
        "too_many_attempts",
        rig.clock.now() + timedelta(hours=1),
    )
    lines = [line for line in rig.lines.all if line.get("transaction_id") == late]
    assert [line["event"] for line in lines if line["event"].startswith(("login.", "step."))] == [
        "login.opened",
        "step.concluded",
        "login.claimed",
    ]
    await rig.outcomes.handle(await rig.applied(late))
    page = await anna.look(late)
    assert page.title == "Your identity could not be confirmed"
    until = (rig.clock.now() + timedelta(hours=1)).strftime("%H:%M")
    assert f"You can try again after {until} UTC" in page.html.get_text()
    assert page.html.select_one("textarea") is None


@pytest.mark.parametrize("typed", ["", "   \r\n ", "x" * 401])
async def test_nothing_typed(rig: Rig, anna: Browser, typed: str) -> None:
    """An empty or much too long field is asked for again, and is no attempt."""
    login = await anna.begin(redirect(rig.clock))
    answer = await anna.press(login, "idproof/submit", mrz=typed)
    assert answer.status == 422
    assert "You have 5 attempts left." in answer.text
    assert await rig.rows("SELECT * FROM step_attempts") == []


async def test_slips_over_several_logins(rig: Rig, anna: Browser, mallory: Browser) -> None:
    """Attempts are the person's: five slips in five logins and two browsers end the step in the fifth."""
    logins = [(browser, await browser.begin(redirect(rig.clock))) for browser in (anna, mallory) * 2]
    lefts = ("4 attempts left", "3 attempts left", "2 attempts left", "one attempt left")
    for typed, left, (browser, login) in zip(WRONGS, lefts, logins, strict=False):
        answer = await browser.press(login, "idproof/submit", mrz=typed)
        assert answer.status == 422
        assert left in answer.text
    login = await anna.begin(redirect(rig.clock))
    answer = await anna.press(login, "idproof/submit", mrz=WRONGS[4])
    assert (answer.status, answer.location) == (303, f"/t/{login}")
    assert await status(rig, login) == (Status.WAITING, StepStatus.FAILED)
    conclusion = (await rig.login(login)).transaction.step("idproof").conclusion
    assert conclusion is not None
    assert conclusion.reason == "too_many_attempts"
    assert conclusion.until == rig.clock.now() + timedelta(hours=1)


async def test_guesses_over_parallel_logins(rig: Rig, anna: Browser) -> None:
    """Whole documents are attempts too: of eight that one person sends in eight logins five are judged."""
    logins = [await anna.begin(redirect(rig.clock)) for _ in range(8)]
    answers = await asyncio.gather(
        *(anna.press(login, "idproof/submit", mrz=PASSPORT.text()) for login in logins)
    )
    assert {answer.status for answer in answers} == {303}
    assert len(await rig.told(VerifyIdentity)) == 5
    found = [(await status(rig, login))[1] for login in logins]
    assert (found.count(StepStatus.SUBMITTED), found.count(StepStatus.FAILED)) == (5, 3)


async def test_the_next_window(rig: Rig, anna: Browser) -> None:
    """After the tenant's `retry_after` the person has all attempts again."""
    first = await anna.begin(redirect(rig.clock))
    for typed in WRONGS[:5]:
        await anna.press(first, "idproof/submit", mrz=typed)
    await rig.advance(3601)
    login = await anna.begin(redirect(rig.clock))
    assert "You have 4 attempts left." in (await anna.press(login, "idproof/submit", mrz=WRONG)).text


ODD_TEXTS = [
    "<script>alert(1)</script>",
    "\u202eEVIL" * 20,
    "e" + "\u0301" * 399,
    "👩‍👩‍👧‍👦" * 30,
    "%s%n{{7*7}}${jndi:ldap://x}",
    "'; DROP TABLE transactions; --",
    "<" * 88,
    "\r\n" * 100 + "P",
    "\u0661" * 44 + "\n" + "\u0662" * 44,
    "ẞ" * 88,
    "﷽" * 88,
    "P<SWE\u0130" + "<" * 38 + "\n" + "0" * 44,
]


async def test_odd_things_typed(rig: Rig, anna: Browser) -> None:
    """Whatever is typed is a form error that shows it escaped, never an error of ours."""
    for typed in ODD_TEXTS:
        login = await anna.begin(redirect(rig.clock, sub=f"auth0|{len(typed)}"))
        answer = await anna.press(login, "idproof/submit", mrz=typed)
        assert (typed, answer.status) == (typed, 422)
        assert "<script>alert" not in answer.text
        assert answer.html.select_one("#problems li") is not None
