"""A code by e-mail: who gets it, what it is good for, and all the ways in which it is not enough."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from common.messages import UpdateMetadata
from common.tenant_secrets import Reading
from common.tenants import TenantsFileError, load_tenants, read_tenants
from tests.common.tenants_on_disk import section, write_tenants
from tests.gateway.arrivals import Redirect, redirect
from tests.gateway.browsers import Browser
from tests.gateway.post_office import PostOffice
from tests.gateway.rig import Rig
from tests.support.clock import FakeClock
from tests.support.mail_server import serving_mail
from tests.support.naughty import naughty_strings

_STEPUP = {"revision": 1, "attempts": 3, "mails": 3, "retry_after": "1h"}


@pytest.fixture
def tenants_file(tmp_path: Path) -> Path:
    return write_tenants(tmp_path, {"acme": section(steps={"stepup": _STEPUP})})


@pytest.fixture
async def post(rig: Rig) -> AsyncIterator[PostOffice]:
    async with serving_mail() as mailbox:
        yield PostOffice(rig=rig, mailbox=mailbox)


_ANNA = {"email": "anna@acme.example"}


def arrival(clock: FakeClock, *, profile: dict[str, str] | None = None, **claims: Any) -> Redirect:
    return redirect(clock, steps=["stepup:1"], profile=_ANNA if profile is None else profile, **claims)


async def result(rig: Rig, login: str) -> tuple[str, str | None]:
    step = (await rig.login(login)).transaction.step("stepup")
    return step.status, step.conclusion.reason if step.conclusion else None


def other(code: str, by: int = 1) -> str:
    return f"{(int(code) + by) % 1_000_000:06}"


async def test_the_code_passes(rig: Rig, anna: Browser, post: PostOffice) -> None:
    """Who types the code that was sent to their address has passed, and the tenant learns when and how."""
    login = await anna.begin(arrival(rig.clock))
    page = await anna.look(login)
    assert (page.status, page.title) == (200, "Confirm that it is you")
    assert "a***@acme.example" in page.html.get_text()
    code = (await post.delivered()).code()
    assert (await anna.press(login, "stepup/verify", code=f" {code[:3]} {code[3:]}\n")).status == 303
    assert await result(rig, login) == ("passed", None)
    (update,) = await rig.told(UpdateMetadata)
    value = update.keys["waystation_stepup"].value
    assert value is not None
    assert (value["status"], value["details"]) == ("passed", {"method": "email"})
    assert value["until"] > value["at"]


async def test_what_the_mail_says(rig: Rig, anna: Browser, post: PostOffice) -> None:
    """The mail is for one person, in the language of their browser, and says no more than it has to."""
    login = await anna.begin(arrival(rig.clock, ui_locales=["de-AT"]))
    mailbox = await post.delivered()
    (mail,) = mailbox.mails
    assert (mail["To"], mail["From"]) == ("anna@acme.example", "Acme <no-reply@acme.example>")
    assert mail["Subject"] == "Ihr Code f\u00fcr Acme Bank"
    assert (mail["Content-Language"], mail["Auto-Submitted"]) == ("de", "auto-generated")
    (text,) = mailbox.texts()
    assert f"{rig.origin}/t/{login}" in text
    assert "10 Minuten" in text
    html = mail.get_body(("html",))
    assert html is not None
    shown = html.get_content()
    assert mailbox.code() in shown
    assert '<html lang="de" dir="ltr">' in shown
    assert not any(known in text + shown for known in ("anna", "auth0|", "Eriksson", login[:12] + "?"))


async def test_nothing_keeps_the_code(rig: Rig, anna: Browser, post: PostOffice) -> None:
    """Neither the database nor the log has the code or the address in the clear, at any time."""
    login = await anna.begin(arrival(rig.clock))
    before = str(await rig.rows("SELECT * FROM mails")) + str(await rig.rows("SELECT * FROM stepup_codes"))
    code = (await post.delivered()).code()
    assert await rig.rows("SELECT * FROM mails") == []
    kept = before + await rig.everything() + str(rig.lines.all)
    assert code not in kept.replace(login, "")
    assert "anna@acme.example" not in kept


async def test_wrong_codes_are_counted_over_all_logins(rig: Rig, anna: Browser, post: PostOffice) -> None:
    """Attempts are the person's: another login has none more, and with none left the step has failed."""
    first, second = await anna.begin(arrival(rig.clock)), await anna.begin(arrival(rig.clock))
    code = (await post.delivered()).code()
    answer = await anna.press(first, "stepup/verify", code=other(code))
    assert answer.status == 422
    assert "You have 2 attempts left." in answer.html.get_text()
    assert (await anna.press(first, "stepup/verify", code=other(code))).status == 422  # the same: a reload
    assert (await anna.press(second, "stepup/verify", code=other(code, 2))).status == 422
    assert (await anna.press(second, "stepup/verify", code=other(code, 3))).status == 303
    assert await result(rig, second) == ("failed", "too_many_attempts")
    await anna.press(first, "stepup/verify", code=code)
    assert await result(rig, first) == ("failed", "too_many_attempts")
    third = await anna.begin(arrival(rig.clock))
    assert await result(rig, third) == ("failed", "too_many_attempts")
    await rig.outcomes.handle(await rig.applied(third))
    page = (await anna.look(third)).html.get_text()
    assert "There were too many wrong codes." in page
    assert "You can try again after" in page


async def test_parallel_guesses_are_taken_one_by_one(rig: Rig, anna: Browser, post: PostOffice) -> None:
    """Thirty guesses at once are three guesses."""
    login = await anna.begin(arrival(rig.clock))
    csrf = await anna.csrf(login)
    code = (await post.delivered()).code()
    guesses = [other(code, by) for by in range(1, 30)] + [code]
    await asyncio.gather(
        *(anna.post(f"/t/{login}/stepup/verify", {"csrf": csrf, "code": guess}) for guess in guesses)
    )
    ((attempts,),) = await rig.rows("SELECT attempts FROM step_attempts WHERE step = 'stepup'")
    assert attempts <= 3


async def test_a_new_code_replaces_the_old_one(rig: Rig, anna: Browser, post: PostOffice) -> None:
    """There is another code after a minute, and then only that one counts."""
    login = await anna.begin(arrival(rig.clock))
    old = (await post.delivered()).code()
    assert (await anna.press(login, "stepup/resend")).status == 422
    await rig.advance(61)
    assert (await anna.press(login, "stepup/resend")).status == 303
    new = (await post.delivered()).code()
    assert len(post.mailbox.mails) == 2
    if new != old:
        assert (await anna.press(login, "stepup/verify", code=old)).status == 422
    assert (await anna.press(login, "stepup/verify", code=new)).status == 303
    assert await result(rig, login) == ("passed", None)


async def test_there_are_not_endless_mails(rig: Rig, anna: Browser, post: PostOffice) -> None:
    """Nobody's mailbox is filled by somebody else's logins: mails are the person's, too."""
    for _ in range(3):
        await anna.begin(arrival(rig.clock))
    fourth = await anna.begin(arrival(rig.clock))
    assert await result(rig, fourth) == ("failed", "too_many_mails")
    assert len((await post.delivered()).mails) == 3


async def test_a_code_expires(rig: Rig, anna: Browser, post: PostOffice) -> None:
    """After ten minutes the right code is nothing any more, and costs no attempt."""
    login = await anna.begin(arrival(rig.clock))
    code = (await post.delivered()).code()
    await rig.advance(601)
    answer = await anna.press(login, "stepup/verify", code=code)
    assert answer.status == 422
    assert "This code has expired." in answer.html.get_text()
    assert "You have 3 attempts left." in answer.html.get_text()


async def test_whoever_opens_links_cannot_use_or_spend_the_code(
    rig: Rig, anna: Browser, mallory: Browser, post: PostOffice
) -> None:
    """A mail scanner that opens, and even posts to, every link leaves the code as it was."""
    login = await anna.begin(arrival(rig.clock))
    code = (await post.delivered()).code()
    before = await rig.everything()
    assert (await mallory.get(f"/t/{login}")).status == 403
    assert (await mallory.request("HEAD", f"/t/{login}")).status in (403, 405)
    for act in ("verify", "resend", "decline"):
        assert (await mallory.get(f"/t/{login}/stepup/{act}")).status == 303
        answer = await mallory.post(f"/t/{login}/stepup/{act}", {"code": code})
        assert answer.status == 403
    assert await rig.everything() == before
    assert (await anna.press(login, "stepup/verify", code=code)).status == 303
    assert await result(rig, login) == ("passed", None)


async def test_a_code_is_good_for_its_own_login_only(rig: Rig, anna: Browser, post: PostOffice) -> None:
    """A code does nothing in another login, and a login that passed spares the next one nothing."""
    first, second = await anna.begin(arrival(rig.clock)), await anna.begin(arrival(rig.clock))
    await post.delivered()
    codes = {
        mail["Message-ID"]: text for mail, text in zip(post.mailbox.mails, post.mailbox.texts(), strict=True)
    }
    of_first = next(text for text in codes.values() if first in text)
    code = next(line.strip() for line in of_first.splitlines() if line.startswith("    "))
    assert (await anna.press(second, "stepup/verify", code=code)).status == 422
    assert (await anna.press(first, "stepup/verify", code=code)).status == 303
    third = await anna.begin(arrival(rig.clock))
    assert await result(rig, third) == ("asked", None)


@pytest.mark.parametrize("profile", [{}, {"email": "not an address"}, {"email": '"a b"@acme.example'}])
async def test_without_an_address_nobody_is_asked(rig: Rig, anna: Browser, profile: dict[str, str]) -> None:
    """Where no code can be sent nothing was learned: the step is abandoned, and the page says why."""
    login = await anna.begin(arrival(rig.clock, profile=profile))
    assert await result(rig, login) == ("abandoned", "no_email_address")
    assert "no e-mail address" in (await anna.look(login)).html.get_text()


async def test_who_does_not_want_to_declines(rig: Rig, anna: Browser) -> None:
    """Nobody has to type a code."""
    login = await anna.begin(arrival(rig.clock))
    assert (await anna.press(login, "stepup/decline")).status == 303
    assert await result(rig, login) == ("declined", "declined_by_person")


async def test_no_string_breaks_the_code_field(rig: Rig, anna: Browser) -> None:
    """Whatever is typed as a code is no code, and costs no attempt unless it has its form."""
    login = await anna.begin(arrival(rig.clock))
    csrf = await anna.csrf(login)
    for typed in naughty_strings()[::25]:
        answer = await anna.post(f"/t/{login}/stepup/verify", {"csrf": csrf, "code": typed[:500]})
        assert answer.status == 422
    assert await rig.rows("SELECT * FROM step_attempts WHERE step = 'stepup'") == []


def test_without_a_server_for_mail_the_file_is_refused(tmp_path: Path) -> None:
    """A step that could never send a code is a mistake of the file, told with its line."""
    path = write_tenants(tmp_path, {"acme": section(steps={"stepup": _STEPUP})})
    assert len(load_tenants(path, production=True)) == 1
    (line,) = [number for number, text in enumerate(path.read_text().splitlines(), 1) if "stepup:" in text]
    with pytest.raises(TenantsFileError) as wrong:
        read_tenants(path, Reading(production=True, can_mail=False))
    assert wrong.value.mistakes == (
        f"{path}:{line}: tenants.acme.steps.stepup: sends mail, and the gateway has no SMTP_URL",
    )
