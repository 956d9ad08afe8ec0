"""The profile's form over HTTP: what it asks, what it takes, and where that goes."""

from pathlib import Path
from typing import Any

import pytest

from common.messages import Kind, MetadataRejected, UpdateMetadata
from common.personal_values import open_personal
from common.sealing import Sealer
from gateway.transaction import MetadataOutcome, Status
from tests.common.tenants_on_disk import section, write_tenants
from tests.gateway.arrivals import Redirect, redirect
from tests.gateway.browsers import Answer, Browser
from tests.gateway.rig import SEAL_KEY, Rig
from tests.support.clock import FakeClock
from tests.support.naughty import naughty_strings

_SCHEMA = {
    "type": "object",
    "required": ["given_name", "family_name", "birthdate"],
    "properties": {
        "given_name": {
            "type": "string",
            "x-label": {"en": "Given name", "ar": "\u0627\u0644\u0627\u0633\u0645"},
            "x-to": "root",
            "x-autocomplete": "given-name",
        },
        "family_name": {"type": "string", "x-label": "Family name", "x-to": "root"},
        "birthdate": {
            "type": "string",
            "format": "date",
            "formatMinimum": "1900-01-01",
            "formatMaximum": "today",
            "x-label": "Date of birth",
            "x-help": "As in your passport.",
            "x-to": "user_metadata",
        },
        "phone_number": {
            "type": "string",
            "format": "phone",
            "x-region": "DE",
            "x-label": "Telephone",
            "x-to": "user_metadata",
        },
        "country": {"type": "string", "format": "country", "x-label": "Country", "x-to": "user_metadata"},
        "size": {
            "type": "string",
            "enum": ["s", "m"],
            "x-choices": {"s": "Small", "m": "Medium"},
            "x-label": "Size",
            "x-to": "user_metadata",
        },
        "children": {
            "type": "integer",
            "minimum": 0,
            "maximum": 20,
            "x-label": "Children",
            "x-to": "user_metadata",
        },
        "about": {"type": "string", "x-rows": 4, "x-label": "About you", "x-to": "user_metadata"},
        "news": {"type": "boolean", "x-label": "News by mail", "x-to": "user_metadata"},
    },
}
_GOOGLE = {"name": "google-oauth2", "strategy": "google-oauth2"}
_DATABASE = {"name": "users", "strategy": "auth0"}
_WHOLE = {"p_given_name": "Anna", "p_family_name": "Eriksson", "p_birthdate": "1974-08-12"}


@pytest.fixture
def tenants_file(tmp_path: Path) -> Path:
    steps = {"profile": {"revision": 2, "valid_for": "365d", "schema": _SCHEMA}}
    return write_tenants(tmp_path, {"acme": section(steps=steps)})


def arrival(
    clock: FakeClock, *, known: dict[str, Any], connection: dict[str, str], **claims: Any
) -> Redirect:
    profile: dict[str, Any] = {"email": "anna@acme.example", "connection": connection, "known": known}
    return redirect(clock, steps=["profile:2"], profile=profile, **claims)


def nothing(clock: FakeClock, **claims: Any) -> Redirect:
    """Of whom the tenant knows nothing."""
    return arrival(clock, known={}, connection=_DATABASE, **claims)


def typed(page: Answer) -> dict[str, str]:
    """What stands in the fields of the form as it was shown."""
    return {
        str(field["name"]): str(field.get("value", ""))
        for field in page.html.select("#profile input[type=text], #profile input[type=date]")
    }


async def outcome(rig: Rig, login: str) -> tuple[str, str | None]:
    step = (await rig.login(login)).transaction.step("profile")
    return step.status, step.conclusion.reason if step.conclusion else None


async def written(rig: Rig) -> dict[str, dict[str, Any]]:
    """What metadata-sync reads in the one update that was asked for."""
    (update,) = await rig.told(UpdateMetadata)
    assert set(update.keys) == {"waystation_profile"}
    return opened(update)


def opened(update: UpdateMetadata) -> dict[str, dict[str, Any]]:
    """What is sealed in it, by kind."""
    if update.sealed is None:
        return {}
    bound_to = (update.tenant, update.transaction_id, update.event_id)
    values = open_personal(update.sealed, sealer=Sealer((SEAL_KEY,)), bound_to=bound_to)
    return {kind: {name: one.value for name, one in named.items()} for kind, named in values.items()}


async def test_what_is_missing_is_asked_and_kept(rig: Rig, anna: Browser) -> None:
    """Every kind of field is taken, and each value goes where its field says."""
    login = await anna.begin(nothing(rig.clock))
    page = await anna.look(login)
    assert (page.status, page.title) == (200, "Your details")
    assert "Acme needs these details from you." in page.html.get_text()
    answers = _WHOLE | {
        "p_phone_number": "030 123456",
        "p_country": "DE",
        "p_size": "m",
        "p_children": "2",
        "p_about": "one\r\ntwo",
        "p_news": "yes",
    }
    assert (await anna.press(login, "profile/submit", **answers)).status == 303
    assert await outcome(rig, login) == ("passed", None)
    assert await written(rig) == {
        "root": {"given_name": "Anna", "family_name": "Eriksson"},
        "user_metadata": {
            "birthdate": "1974-08-12",
            "phone_number": "+4930123456",
            "country": "DE",
            "size": "m",
            "children": 2,
            "about": "one\ntwo",
            "news": True,
        },
    }


async def test_what_another_provider_says_is_confirmed_or_corrected(rig: Rig, anna: Browser) -> None:
    """Values from Google are shown as Google's, and only what the person corrects is written."""
    known = {"given_name": "Ana", "family_name": "Eriksson", "user_metadata.birthdate": "1974-08-12"}
    login = await anna.begin(arrival(rig.clock, known=known, connection=_GOOGLE))
    page = await anna.look(login)
    assert "Google has told Acme this about you." in page.html.get_text()
    assert page.html.select_one("#p_birthdate") is None
    answers = typed(page)
    assert answers["p_given_name"] == "Ana"
    assert (await anna.press(login, "profile/submit", **answers | {"p_given_name": "Anna"})).status == 303
    assert await written(rig) == {"root": {"given_name": "Anna"}, "user_metadata": {"news": False}}


async def test_where_the_action_writes_results(rig: Rig, anna: Browser) -> None:
    """Under policy `action` we write what the person changed, without the result, and nobody waits."""
    rules = {**section()["metadata"], "policy": "action"}
    steps = {"profile": {"revision": 2, "valid_for": "365d", "schema": _SCHEMA}}
    write_tenants(rig.settings.tenants_file.parent, {"acme": section(steps=steps, metadata=rules)})
    rig.tenants.refresh()
    login = await anna.begin(nothing(rig.clock))
    assert (await anna.press(login, "profile/submit", **_WHOLE)).status == 303
    transaction = (await rig.login(login)).transaction
    assert (transaction.status, transaction.metadata) == (Status.READY, MetadataOutcome.CARRIED)
    (update,) = await rig.told(UpdateMetadata)
    assert (update.keys, update.waiting) == ({}, False)
    assert opened(update)["root"] == {"given_name": "Anna", "family_name": "Eriksson"}


async def test_confirming_writes_nothing_personal(rig: Rig, anna: Browser) -> None:
    """Who finds everything right changes nothing but the step's result."""
    known: dict[str, Any] = {"given_name": "Anna", "family_name": "Eriksson"}
    known |= {"user_metadata.birthdate": "1974-08-12", "user_metadata.phone_number": "+4930123456"}
    known |= {"user_metadata.about": "x"}
    known |= {"user_metadata.country": "SE", "user_metadata.size": "s", "user_metadata.children": 0}
    known |= {"user_metadata.news": False}
    login = await anna.begin(arrival(rig.clock, known=known, connection=_GOOGLE))
    page = await anna.look(login)
    assert (await anna.press(login, "profile/submit", **typed(page))).status == 303
    assert await written(rig) == {}


async def test_a_whole_profile_asks_nothing(rig: Rig, anna: Browser) -> None:
    """Where the tenant's own user store has everything, the step has passed before anybody sees it."""
    told = {"birthdate": "1974-08-12", "phone_number": "+4930123456", "country": "SE", "size": "s"}
    known: dict[str, Any] = {"given_name": "Anna", "family_name": "Eriksson"}
    known |= {f"user_metadata.{name}": value for name, value in told.items()}
    known |= {"user_metadata.children": 0, "user_metadata.about": "x", "user_metadata.news": False}
    login = await anna.begin(arrival(rig.clock, known=known, connection=_DATABASE))
    assert await outcome(rig, login) == ("passed", None)


async def test_problems_stand_beside_their_fields(rig: Rig, anna: Browser) -> None:
    """What is wrong is told at the field and above the form, and what was typed is still there."""
    login = await anna.begin(nothing(rig.clock))
    answers = {"p_given_name": "Anna", "p_birthdate": "2999-01-01", "p_children": "three"}
    answer = await anna.press(login, "profile/submit", **answers)
    assert (answer.status, answer.title) == (422, "Please check your details")
    listed = {str(link["href"]) for link in answer.html.select("#problems a")}
    assert listed == {"#p_family_name", "#p_birthdate", "#p_children"}
    field = answer.html.select_one("#p_children")
    assert field is not None
    assert (field["value"], field["aria-invalid"]) == ("three", "true")
    assert "p_children-error" in str(field["aria-describedby"])
    assert await outcome(rig, login) == ("asked", None)


async def test_words_come_in_the_readers_language(rig: Rig, anna: Browser) -> None:
    """Labels are the tenant's in that language, countries are named in it, and the page runs its way."""
    login = await anna.begin(nothing(rig.clock, ui_locales=["ar"]))
    page = await anna.look(login)
    assert page.html.html is not None
    assert page.html.html["dir"] == "rtl"
    text = page.html.get_text()
    assert "\u0627\u0644\u0627\u0633\u0645" in text
    assert "Family name" in text
    assert "\u0645\u0635\u0631" in text


@pytest.mark.parametrize("field", ["p_given_name", "p_about", "p_birthdate", "p_country", "p_children"])
async def test_naughty_strings_are_shown_escaped_or_refused(rig: Rig, anna: Browser, field: str) -> None:
    """No string breaks a page: what cannot be taken is a 422 that shows it, and runs none of it."""
    login = await anna.begin(nothing(rig.clock))
    page = await anna.look(login)
    csrf, scripts = page.value("csrf"), len(page.html.select("script"))
    for string in naughty_strings()[::25]:
        form = {"csrf": csrf, "p_family_name": "", field: string[:400]}
        answer = await anna.post(f"/t/{login}/profile/submit", form)
        assert answer.status == 422
        assert len(answer.html.select("script")) == scripts
        shown = answer.html.select_one(f"#{field}")
        if shown is not None and shown.name == "input":
            assert str(shown["value"]).split() == string[:400].split()


async def test_only_fields_of_the_form_are_read(rig: Rig, anna: Browser) -> None:
    """A form that says more than it was asked changes nothing more."""
    login = await anna.begin(nothing(rig.clock))
    more = {"p_email": "m@evil.example", "email_verified": "true", "p_app_metadata": "{}", "status": "passed"}
    assert (await anna.press(login, "profile/submit", **_WHOLE | more)).status == 303
    assert await written(rig) == {
        "root": {"given_name": "Anna", "family_name": "Eriksson"},
        "user_metadata": {"birthdate": "1974-08-12", "news": False},
    }


async def test_answers_are_nowhere_in_the_clear(rig: Rig, anna: Browser) -> None:
    """What a person types stands in no table and no line of the log, before the end and after it."""
    login = await anna.begin(nothing(rig.clock))
    await anna.press(login, "profile/submit", **_WHOLE | {"p_about": "canary-of-the-profile"})
    for text in (
        await rig.everything(),
        str(rig.lines.all),
        str(await rig.rows("SELECT changes FROM transactions")),
    ):
        assert "canary" not in text
        assert "Eriksson" not in text
    assert await rig.rows("SELECT id FROM transactions WHERE changes IS NOT NULL") == []


async def test_a_tenant_that_refuses_a_value_refuses_the_login(rig: Rig, anna: Browser) -> None:
    """A login whose profile the tenant will never take is told so, and not left waiting."""
    login = await anna.begin(nothing(rig.clock))
    await anna.press(login, "profile/submit", **_WHOLE)
    (update,) = await rig.told(UpdateMetadata)
    rev = update.keys["waystation_profile"].rev
    rejected: MetadataRejected = await rig.rejected(login, keys={}, personal={Kind.ROOT: {"given_name": rev}})
    await rig.outcomes.handle(rejected)
    assert (await rig.login(login)).transaction.metadata == "failed"


async def test_confirmed_in_every_kind(rig: Rig, anna: Browser) -> None:
    """The login goes on when its result and all that the person changed are at its rev or later."""
    login = await anna.begin(nothing(rig.clock))
    await anna.press(login, "profile/submit", **_WHOLE)
    (update,) = await rig.told(UpdateMetadata)
    rev = update.keys["waystation_profile"].rev
    older, ours = ({Kind.ROOT: {"given_name": one}} for one in (rev - 1, rev))
    for missing in ({"keys": {}, "personal": ours}, {"personal": older}):
        await rig.outcomes.handle(await rig.applied(login, **missing))
        assert (await rig.login(login)).transaction.status == "waiting"
    await rig.outcomes.handle(await rig.applied(login, personal=ours))
    assert (await rig.login(login)).transaction.metadata == "applied"


async def test_who_does_not_want_to_declines(rig: Rig, anna: Browser) -> None:
    """Nobody has to answer, and then nothing is written."""
    login = await anna.begin(nothing(rig.clock))
    assert (await anna.press(login, "profile/decline")).status == 303
    assert await outcome(rig, login) == ("declined", "declined_by_person")
    assert await rig.told(UpdateMetadata) == []


async def test_who_stops_has_abandoned_it(rig: Rig, anna: Browser) -> None:
    """Who stops leaves the profile as it was."""
    login = await anna.begin(nothing(rig.clock))
    assert (await anna.press(login, "stop")).status == 303
    assert (await outcome(rig, login))[0] == "abandoned"
    assert await rig.told(UpdateMetadata) == []
