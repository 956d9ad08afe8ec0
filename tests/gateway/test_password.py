"""A new password: what is asked, what is told about it, and the login that begins anew afterwards."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest

from common.messages import UpdateMetadata
from common.tenant_secrets import Reading
from common.tenants import TenantsFileError, load_tenants, read_tenants
from gateway.steps.password.again import authorize_again
from gateway.steps.password.rules import MOST_CHARACTERS, account_of
from tests.common.tenants_on_disk import section, write_tenants
from tests.gateway.arrivals import Redirect, redirect
from tests.gateway.browsers import Answer, Browser
from tests.gateway.made import login as made_login
from tests.gateway.made import opened
from tests.gateway.password_service import PasswordService, refused, serving_passwords
from tests.gateway.post_office import PostOffice
from tests.gateway.rig import Rig, serving
from tests.journeys.canaries import seen
from tests.support.clock import FakeClock
from tests.support.databases import ServiceDatabase
from tests.support.mail_server import serving_mail
from tests.support.naughty import naughty_strings
from tests.support.waiting import wait_until

CANARY = "Quetzal-7-Canary!"
SUBJECT = "auth0|65f0c0ffee"
_ANNA: dict[str, Any] = {
    "email": "anna@acme.example",
    "connection": {"name": "Username-Password-Authentication", "strategy": "auth0"},
}
_REQUEST = {
    "response_type": "code",
    "redirect_uri": "https://bank.acme.example/callback",
    "scope": "openid profile",
    "state": "s-1",
    "nonce": "n-1",
    "code_challenge": "c" * 43,
    "code_challenge_method": "S256",
    "audience": "https://api.acme.example/?a=1&b=2",
}


@pytest.fixture
def tenants_file(tmp_path: Path) -> Path:
    steps = {"password": {"revision": 2, "attempts": 3}}
    return write_tenants(tmp_path, {"acme": section(steps=steps)})


@pytest.fixture
async def passwords() -> AsyncIterator[PasswordService]:
    async with serving_passwords() as service:
        yield service


@pytest.fixture
async def rig(
    database: ServiceDatabase, tenants_file: Path, clock: FakeClock, passwords: PasswordService
) -> AsyncIterator[Rig]:
    calls = passwords.calls
    async with serving(database, tenants_file=tenants_file, clock=clock, calls=calls) as rig:
        yield rig


def arrival(clock: FakeClock, *, profile: dict[str, Any] | None = None, **claims: Any) -> Redirect:
    claims = {"steps": ["password:2"], "authorize": _REQUEST} | claims
    return redirect(clock, profile=_ANNA if profile is None else profile, **claims)


async def type_new(browser: Browser, login: str, password: str = CANARY, again: str | None = None) -> Answer:
    typed = {"new_password": password, "new_password_again": password if again is None else again}
    return await browser.press(login, "password/change", **typed)


async def result(rig: Rig, login: str) -> tuple[str, str, str | None]:
    transaction = (await rig.login(login)).transaction
    step = transaction.step("password")
    return transaction.status, step.status, step.conclusion.reason if step.conclusion else None


def way_on(page: Answer) -> str:
    link = page.html.select_one("main a.button")
    assert link is not None
    return str(link["href"])


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
        assert dict(parse_qsl(address.query)) == {"client_id": "app1", **_REQUEST, "prompt": "login"}


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
    profile = _ANNA | {"connection": {"name": "acme-ad", "strategy": "ad"}}
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


async def test_pressed_twice(rig: Rig, anna: Browser, passwords: PasswordService) -> None:
    """A double click is one call: the second one waits, and shows what came of the first."""
    login = await anna.begin(arrival(rig.clock))
    passwords.may_answer.clear()
    first = asyncio.create_task(type_new(anna, login))
    await _until(lambda: len(passwords.asked) == 1)
    second = asyncio.create_task(type_new(anna, login))
    await _until(lambda: rig.clock.sleeping == 1)
    passwords.may_answer.set()
    assert (await first).status == 303
    rig.clock.advance(0.25)
    assert (await second).status == 303
    assert len(passwords.asked) == 1
    assert len(await rig.told(UpdateMetadata)) == 1


async def _until(is_so: Any) -> None:
    async def look() -> bool | None:
        return is_so() or None

    await wait_until(look, 10.0, what="the moment that the test needs", every=0.01)


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


AGAIN: list[tuple[dict[str, str] | None, dict[str, str] | None]] = [
    (None, None),
    ({}, None),
    ({"response_type": "code"}, None),
    ({"redirect_uri": "https://bank.acme.example/callback"}, None),
    (_REQUEST | {"prompt": "none"}, _REQUEST | {"prompt": "login"}),
    (_REQUEST | {"prompt": "consent none login"}, _REQUEST | {"prompt": "login consent"}),
    (
        _REQUEST
        | {
            "client_id": "evil",
            "login_hint": "anna@acme.example",
            "id_token_hint": "x",
            "request": "x",
            "request_uri": "urn:x",
            "returnTo": "https://evil.example",
            "waystation_step": "password",
        },
        _REQUEST | {"prompt": "login"},
    ),
    (_REQUEST | {"state": "a&b=c#d\r\n%0a"}, _REQUEST | {"state": "a&b=c#d\r\n%0a", "prompt": "login"}),
]


@pytest.mark.parametrize(("request_", "expected"), AGAIN)
def test_authorize_again(request_: dict[str, str] | None, expected: dict[str, str] | None) -> None:
    """Only known parameters, the token's own client and a visible login, at the tenant's host; or nothing."""
    url = authorize_again(made_login(opened("password")), request_)
    if expected is None:
        assert url is None
        return
    assert url is not None
    address = urlsplit(url)
    assert f"{address.scheme}://{address.netloc}{address.path}" == "https://acme.eu.auth0.com/authorize"
    assert dict(parse_qsl(address.query)) == {"client_id": "app1", **expected}


async def test_without_a_request_to_repeat(rig: Rig, anna: Browser) -> None:
    """Where the token has none, the person begins at the application's login route."""
    claims: dict[str, Any] = {"authorize": {"response_type": "code"}}
    login = await anna.begin(arrival(rig.clock, **claims))
    await type_new(anna, login)
    assert way_on(await anna.look(login)) == "https://bank.acme.example/login"


async def test_without_any_way(rig: Rig, anna: Browser) -> None:
    """Where nobody knows that either, the page says where to go."""
    login = await anna.begin(arrival(rig.clock, client_id="unknown", authorize={"response_type": "code"}))
    await type_new(anna, login)
    page = await anna.look(login)
    assert "Go back to Acme and log in there with your new password." in page.html.get_text()
    assert page.html.select_one("main a.button") is None


_TICKET = "https://acme.eu.auth0.com/u/reset-verify?ticket=abc#"


@pytest.fixture
def by_ticket(tmp_path: Path, tenants_file: Path) -> Path:
    """The same tenant, where people set their password on the tenant's own page."""
    steps = {"password": {"revision": 2, "attempts": 2, "mode": "ticket", "notice": False}}
    assert write_tenants(tmp_path, {"acme": section(steps=steps)}) == tenants_file
    return tenants_file


@pytest.mark.usefixtures("by_ticket")
class TestTicket:
    """The tenant's own page for a new password."""

    async def test_there_and_back(self, rig: Rig, anna: Browser, passwords: PasswordService) -> None:
        """The tenant's own page comes back here; a new login follows, and nothing is recorded."""
        rig.tenants.refresh()
        passwords.answers = [(200, {"ticket": _TICKET})]
        login = await anna.begin(arrival(rig.clock))
        assert (await anna.look(login)).html.select("input[type=password]") == []
        assert way_on(await anna.press(login, "password/ticket")) == _TICKET
        assert passwords.asked == [
            {
                "tenant": "acme",
                "transaction_id": login,
                "user_id": SUBJECT,
                "result_url": f"{rig.origin}/t/{login}",
            }
        ]
        back = await anna.get(f"/t/{login}?success=true&code=success&message=You+can+now+login")
        assert back.status == 200
        assert (await anna.press(login, "password/done")).status == 303
        assert await result(rig, login) == ("restarted", "pending", "seen_at_the_next_login")
        assert await rig.told(UpdateMetadata) == []
        assert _TICKET not in await rig.everything() + str(rig.lines.all)

    async def test_no_password_is_taken_here(
        self, rig: Rig, anna: Browser, passwords: PasswordService
    ) -> None:
        """A form that somebody else made for the other mode changes nothing."""
        rig.tenants.refresh()
        login = await anna.begin(arrival(rig.clock))
        assert (await type_new(anna, login)).status == 303
        assert passwords.asked == []
        assert (await result(rig, login))[0] == "working"

    async def test_a_directorys_password_is_typed_here(self, rig: Rig, anna: Browser) -> None:
        """The tenant has no page for it."""
        rig.tenants.refresh()
        profile = _ANNA | {"connection": {"name": "acme-ad", "strategy": "ad"}}
        login = await anna.begin(arrival(rig.clock, profile=profile))
        assert len((await anna.look(login)).html.select("input[type=password]")) == 2

    async def test_none_now_and_not_too_many(
        self, rig: Rig, anna: Browser, passwords: PasswordService
    ) -> None:
        """While there is none the page says so; all are counted, since they take from the tenant's limit."""
        rig.tenants.refresh()
        passwords.answers = [
            (503, {"code": "ticket_forbidden", "retry_after": 30}),
            (200, {"ticket": "javascript:alert(1)"}),
        ]
        login = await anna.begin(arrival(rig.clock))
        for _ in range(2):
            answer = await anna.press(login, "password/ticket")
            assert answer.status == 503
            assert "The page cannot be opened right now" in answer.html.get_text()
        assert (await anna.press(login, "password/ticket")).status == 303
        assert (await result(rig, login))[1:] == ("failed", "too_many_attempts")


WRONG = [
    ({"mode": "page"}, "steps.password.mode"),
    ({"attempts": 0}, "steps.password.attempts"),
    ({"retry_after": "9m"}, "steps.password.retry_after: must be from 10m"),
    ({"revision": 0}, "steps.password.revision"),
    ({"notice": "no"}, "steps.password.notice"),
    ({"valid_for": "1d"}, "steps.password.valid_for"),
]


@pytest.mark.parametrize(("changes", "mistake"), WRONG)
def test_mistakes_in_the_tenants_file(tmp_path: Path, changes: dict[str, Any], mistake: str) -> None:
    """A tenants file that makes no sense is refused, with the place."""
    steps = {"password": {"revision": 1} | changes}
    with pytest.raises(TenantsFileError) as wrong:
        load_tenants(write_tenants(tmp_path, {"acme": section(steps=steps)}), production=True)
    assert mistake in "\n".join(wrong.value.mistakes)


@pytest.mark.parametrize(
    ("changes", "can", "mistake"),
    [
        ({}, {"can_call": False}, "the gateway has no PASSWORD_CALL_URL"),
        ({}, {"can_mail": False}, "the gateway has no SMTP_URL"),
        ({"notice": False}, {"can_mail": False}, None),
    ],
)
def test_what_the_gateway_needs_for_it(
    tmp_path: Path, changes: dict[str, Any], can: dict[str, Any], mistake: str | None
) -> None:
    """A step that the gateway could not do is refused at load; without a notice it sends no mail."""
    steps = {"password": {"revision": 1} | changes}
    path = write_tenants(tmp_path, {"acme": section(steps=steps)})
    reading = Reading(production=True, **can)
    if mistake is None:
        assert len(read_tenants(path, reading)) == 1
        return
    with pytest.raises(TenantsFileError) as wrong:
        read_tenants(path, reading)
    assert mistake in "\n".join(wrong.value.mistakes)
