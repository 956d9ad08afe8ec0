"""A new password is set once, by the person whose it is, and nothing keeps it."""

import asyncio

from common.messages import UpdateMetadata
from gateway.steps.password.rules import MOST_CHARACTERS
from tests.gateway.browsers import Browser
from tests.gateway.password.form import CANARY, SUBJECT, arrival, type_new, way_on
from tests.gateway.password_service import PasswordService, refused
from tests.gateway.rig import Rig
from tests.journeys.canaries import seen
from tests.support.naughty import naughty_strings
from tests.support.waiting import wait_until


async def test_pressed_twice(rig: Rig, anna: Browser, passwords: PasswordService) -> None:
    """A double click is one call: the second one waits, and shows what came of the first."""
    login = await anna.begin(arrival(rig.clock))
    passwords.may_answer.clear()
    first = asyncio.create_task(type_new(anna, login))
    await wait_until(lambda: len(passwords.asked) == 1, what="the first call", every=0.01)
    second = asyncio.create_task(type_new(anna, login))
    await wait_until(lambda: rig.clock.sleeping == 1, what="the second press to wait", every=0.01)
    passwords.may_answer.set()
    assert (await first).status == 303
    rig.clock.advance(0.25)
    assert (await second).status == 303
    assert len(passwords.asked) == 1
    assert len(await rig.told(UpdateMetadata)) == 1


async def test_a_call_whose_process_died_blocks_nobody_for_long(
    rig: Rig, anna: Browser, passwords: PasswordService
) -> None:
    """What a dead process has left behind is over after fifteen seconds."""
    login = await anna.begin(arrival(rig.clock))
    await rig.execute("UPDATE transactions SET password_call_until = ws_now() + interval '15 seconds'")
    await rig.advance(16)
    assert (await type_new(anna, login)).status == 303
    assert len(passwords.asked) == 1


async def test_used_up(rig: Rig, anna: Browser, mallory: Browser, passwords: PasswordService) -> None:
    """After the change every button of the old page is 409, in another browser 403, and changes nothing."""
    login = await anna.begin(arrival(rig.clock))
    csrf = await anna.csrf(login)
    await type_new(anna, login)
    before, asked = await rig.everything(), len(passwords.asked)
    fields = {"csrf": csrf, "new_password": "Other-7-word!", "new_password_again": "Other-7-word!"}
    for act in ("password/change", "password/done", "password/decline", "claim", "stop", "continue"):
        answer = await anna.post(f"/t/{login}/{act}", fields)
        assert answer.status == 409, act
        assert way_on(answer) == f"/t/{login}"
    for act in ("password/change", "password/done", "continue"):
        assert (await mallory.post(f"/t/{login}/{act}", fields)).status == 403
    assert await rig.everything() == before
    assert len(passwords.asked) == asked


async def test_another_subject_cannot_be_named(
    rig: Rig, anna: Browser, mallory: Browser, passwords: PasswordService
) -> None:
    """Whose password it is, the session token alone says; another browser's login is closed to everybody."""
    login = await anna.begin(arrival(rig.clock))
    more = {"user_id": "auth0|bob", "sub": "auth0|bob", "tenant": "globex", "connection": "other"}
    await anna.press(login, "password/change", new_password=CANARY, new_password_again=CANARY, **more)
    assert [(call["user_id"], call["tenant"]) for call in passwords.asked] == [(SUBJECT, "acme")]
    theirs = await mallory.begin(arrival(rig.clock, sub="auth0|mallory"))
    other = await anna.begin(arrival(rig.clock))
    fields = {"csrf": await mallory.csrf(theirs), "new_password": CANARY, "new_password_again": CANARY}
    assert (await mallory.post(f"/t/{other}/password/change", fields)).status == 403
    assert len(passwords.asked) == 1


async def test_nothing_keeps_it(rig: Rig, anna: Browser, passwords: PasswordService) -> None:
    """Refused, lost or changed: no row, no message and no log line has the password in any form."""
    passwords.answers = [
        (200, refused("password_common")),
        (503, {"code": "no_answer", "retry_after": 1}),
        (200, {"outcome": "changed", "code": "changed", "message": "Password changed."}),
    ]
    login = await anna.begin(arrival(rig.clock))
    for _ in range(3):
        await type_new(anna, login)
        mails = str(await rig.rows("SELECT * FROM mails"))
        told = str(await rig.told(UpdateMetadata))
        kept = [await rig.everything(), mails, told, str(rig.lines.all)]
        assert seen({"password": CANARY}, kept) == []
    assert len(passwords.asked) == 3


async def test_any_text_is_a_password(rig: Rig, anna: Browser, passwords: PasswordService) -> None:
    """What somebody types reaches the tenant letter by letter: any script, blanks, markup, 512 characters."""
    texts = [text for text in naughty_strings() if text and "\0" not in text and len(text) <= MOST_CHARACTERS]
    login = await anna.begin(arrival(rig.clock))
    passwords.answers = [(503, {"code": "unreachable", "retry_after": 1})]
    csrf = await anna.csrf(login)
    chosen = [*texts[::7], " blanks around ", "ß🎉" * 256]
    for text in chosen:
        fields = {"csrf": csrf, "new_password": text, "new_password_again": text}
        answer = await anna.post(f"/t/{login}/password/change", fields)
        assert answer.status == 503, text
    assert [call["password"] for call in passwords.asked] == chosen


async def test_forgotten_with_the_login(rig: Rig, anna: Browser) -> None:
    """The authorization request is encrypted while the login is open, and gone with its deadline."""
    login = await anna.begin(arrival(rig.clock))
    await type_new(anna, login)
    assert "n-1" not in await rig.everything()
    await rig.advance(46 * 60)
    await rig.timekeeper.sweep()
    assert await rig.rows("SELECT status, authorize FROM transactions") == [("expired", None)]
    assert (await anna.look(login)).status == 410
