"""A new password: what is asked, and what is told about it."""

from dataclasses import replace
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest

from common.messages import UpdateMetadata
from gateway.steps.password.rules import account_of
from tests.gateway.browsers import Browser
from tests.gateway.made import login as made_login
from tests.gateway.made import opened
from tests.gateway.password.form import ANNA, CANARY, REQUEST, SUBJECT, arrival, result, type_new, way_on
from tests.gateway.password_service import PasswordService, refused
from tests.gateway.post_office import PostOffice
from tests.gateway.rig import Rig
from tests.support.mail_server import serving_mail


async def test_changed_and_begun_anew(rig: Rig, anna: Browser, passwords: PasswordService) -> None:
    """The tenant gets the password once, its record the time; the browser the request that it came from."""
    login = await anna.begin(arrival(rig.clock))
    page = await anna.look(login)
    assert (page.status, page.title) == (200, "Choose a new password")
    assert [field["autocomplete"] for field in page.html.select("input[type=password]")] == [
        "new-password",
        "new-password",
    ]
    assert (await type_new(anna, login)).status == 303
    assert passwords.asked == [
        {
            "tenant": "acme",
            "transaction_id": login,
            "user_id": SUBJECT,
            "connection": "Username-Password-Authentication",
            "password": CANARY,
        }
    ]
    assert await result(rig, login) == ("restarted", "passed", None)
    (update,) = await rig.told(UpdateMetadata)
    value = update.keys["waystation_password"].value
    assert value is not None
    assert (update.waiting, value["status"], value["rev"], value["until"]) == (False, "passed", 1, None)
    assert value["at"] == rig.clock.now().strftime("%Y-%m-%dT%H:%M:%SZ")
    for _ in range(2):  # a reload is the same page
        page = await anna.look(login)
        assert page.title == "Your password is changed"
        address = urlsplit(way_on(page))
        assert address.scheme + "://" + address.netloc + address.path == "https://acme.eu.auth0.com/authorize"
        assert dict(parse_qsl(address.query)) == {"client_id": "app1", **REQUEST, "prompt": "login"}


async def test_the_notice(rig: Rig, anna: Browser) -> None:
    """A mail in the person's language says that the password was changed, and what to do if not by them."""
    async with serving_mail() as mailbox:
        login = await anna.begin(arrival(rig.clock, ui_locales=["de"]))
        await type_new(anna, login)
        office = PostOffice(rig=rig, mailbox=mailbox)
        (mail,) = (await office.delivered()).mails
        (words,) = mailbox.texts()
    assert (mail["To"], mail["Subject"]) == ("anna@acme.example", "Ihr Passwort bei Acme wurde geändert")
    assert "wenden Sie sich sofort an Acme".lower() in words.lower()
    assert CANARY not in words


async def test_a_directorys_change_is_told_at_once(rig: Rig, anna: Browser) -> None:
    """Where the tenant keeps no record of its own, the new login needs ours: it is written at once."""
    profile = ANNA | {"connection": {"name": "acme-ad", "strategy": "ad"}}
    login = await anna.begin(arrival(rig.clock, profile=profile))
    await type_new(anna, login)
    (update,) = await rig.told(UpdateMetadata)
    assert update.waiting is True


_NOT_THE_SAME = "The two are not the same. Please type both again."
SLIPS = [
    ("", "", "new_password", "Please type a new password."),
    ("a" * 12, "a" * 11, "new_password_again", _NOT_THE_SAME),
    ("a" * 12, "", "new_password_again", _NOT_THE_SAME),
    ("ä" * 513, "ä" * 513, "new_password", "A password can have 512 characters at most."),
]


async def test_slips(rig: Rig, anna: Browser, passwords: PasswordService) -> None:
    """What is wrong before anybody is asked stands beside its field, costs nothing, and repeats nothing."""
    login = await anna.begin(arrival(rig.clock))
    for typed, again, field, said in SLIPS:
        answer = await type_new(anna, login, typed, again)
        wrong = answer.html.select_one(f"#{field}-error")
        assert answer.status == 422
        assert wrong is not None
        assert wrong.get_text() == said
        assert all(not box["value"] for box in answer.html.select("input[type=password]"))
    assert passwords.asked == []
    assert await rig.rows("SELECT * FROM step_attempts") == []


REFUSALS = [
    ("password_strength", "This password is too easy to guess."),
    ("password_no_user_info", "This password contains your name"),
    ("password_history", "You have used this password before."),
    ("password_common", "This password is on lists of common passwords."),
    ("password_refused", "This password cannot be used."),
    ("payload_refused", "This password cannot be used."),
    ("user_not_found", "Your account does not exist any more."),
    ("conflict", "Your account was changed at the same time."),
    ("a_code_of_a_newer_release", "This password cannot be used."),
]


@pytest.mark.parametrize(("code", "said"), REFUSALS)
async def test_refusals(rig: Rig, anna: Browser, passwords: PasswordService, code: str, said: str) -> None:
    """Each policy of the tenant has its sentence beside the field, with the attempts that are left."""
    passwords.answers = [(200, refused(code))]
    login = await anna.begin(arrival(rig.clock))
    answer = await type_new(anna, login)
    wrong = answer.html.select_one("#new_password-error")
    assert answer.status == 422
    assert wrong is not None
    assert said in wrong.get_text()
    assert "You have 2 attempts left." in answer.html.get_text()
    assert CANARY not in answer.text


async def test_attempts_are_the_persons(rig: Rig, anna: Browser, passwords: PasswordService) -> None:
    """Refused passwords count over all logins; with none left the step fails, and each new login says so."""
    passwords.answers = [(200, refused("password_strength"))]
    first, second = await anna.begin(arrival(rig.clock)), await anna.begin(arrival(rig.clock))
    await type_new(anna, first)
    await type_new(anna, second)
    assert (await type_new(anna, first)).status == 303
    assert await result(rig, first) == ("waiting", "failed", "too_many_attempts")
    third = await anna.begin(arrival(rig.clock))
    assert await result(rig, third) == ("waiting", "failed", "too_many_attempts")
    await rig.outcomes.handle(await rig.applied(third))
    words = (await anna.look(third)).html.get_text()
    assert "Too many passwords were refused." in words
    assert "You can try again after" in words


async def test_not_now(rig: Rig, anna: Browser, passwords: PasswordService) -> None:
    """While the tenant is away the page says that nothing was changed, and the same page tries again."""
    passwords.answers = [
        (503, {"code": "unreachable", "retry_after": 7}),
        (404, {"error": "tenant_unknown"}),
        (200, {"outcome": "changed", "code": "changed", "message": "Password changed."}),
    ]
    login = await anna.begin(arrival(rig.clock))
    for _ in range(2):
        answer = await type_new(anna, login)
        assert answer.status == 503
        assert "is what it was. Try again in a moment." in answer.html.get_text()
    assert (await type_new(anna, login)).status == 303
    assert await result(rig, login) == ("restarted", "passed", None)
    events = [line["event"] for line in rig.lines.all if line["event"].startswith("password.")]
    assert events == ["password.not_now", "password.call_refused"]


LOST: list[tuple[int, Any]] = [
    (503, {"code": "no_answer", "retry_after": 1}),
    (200, None),
    (502, {}),
    (200, {"outcome": "perhaps"}),
]


@pytest.mark.parametrize("lost", LOST)
async def test_a_lost_answer(
    rig: Rig, anna: Browser, passwords: PasswordService, lost: tuple[int, Any]
) -> None:
    """Where nobody knows, the page says to try the new password; a new login follows, nothing is recorded."""
    passwords.answers = [lost]
    login = await anna.begin(arrival(rig.clock))
    answer = await type_new(anna, login)
    assert answer.status == 503
    assert "Try to log in with the new one first." in answer.html.get_text()
    assert (await anna.press(login, "password/done")).status == 303
    assert await result(rig, login) == ("restarted", "pending", "seen_at_the_next_login")
    page = await anna.look(login)
    assert page.title == "Now log in again"
    assert way_on(page).startswith("https://acme.eu.auth0.com/authorize?client_id=app1&")
    assert await rig.told(UpdateMetadata) == []


async def test_declined(rig: Rig, anna: Browser, passwords: PasswordService) -> None:
    """Who does not want to goes back to the tenant, which is told so; the password stays."""
    login = await anna.begin(arrival(rig.clock))
    assert (await anna.press(login, "password/decline")).status == 303
    assert await result(rig, login) == ("ready", "declined", "declined_by_person")
    assert "You chose not to change it." in (await anna.look(login)).html.get_text()
    assert passwords.asked == []


async def test_no_ticket_where_the_password_is_typed_here(
    rig: Rig, anna: Browser, passwords: PasswordService
) -> None:
    """A form that somebody else made for the other mode asks the tenant for nothing and is no attempt."""
    login = await anna.begin(arrival(rig.clock))
    assert (await anna.press(login, "password/ticket")).status == 303
    assert passwords.asked == []
    assert await rig.rows("SELECT * FROM step_attempts") == []
    assert await result(rig, login) == ("working", "asked", None)


async def test_no_password_to_change(rig: Rig, anna: Browser) -> None:
    """Nobody is asked whose connection the Action could not name."""
    login = await anna.begin(arrival(rig.clock, profile={"email": "anna@acme.example"}))
    assert await result(rig, login) == ("ready", "abandoned", "no_password")


CONNECTIONS: list[tuple[str, dict[str, str] | None, str | None, str | None]] = [
    ("auth0|1", {"name": "db", "strategy": "auth0"}, None, "db"),
    ("auth0|1", {"name": "db", "strategy": "auth0"}, "other", "db"),
    ("auth0|1", None, "other", "other"),
    ("auth0|1", None, None, None),
    ("google-oauth2|1", None, "other", None),
]


@pytest.mark.parametrize(("subject", "told", "configured", "name"), CONNECTIONS)
def test_whose_database(
    subject: str, told: dict[str, str] | None, configured: str | None, name: str | None
) -> None:
    """The token's connection counts; where it names none, the tenant's one database, for its own people."""
    rules = {"revision": 1, "connection": configured} if configured else {"revision": 1}
    login = made_login(replace(opened("password"), subject=subject), steps={"password": rules})
    found = account_of(login, told)
    assert (found.name if found else None) == name
