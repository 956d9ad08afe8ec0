"""The step `terms` over HTTP: every way to end it, what is kept, and what a person gets of it."""

import asyncio
import json
from datetime import timedelta
from typing import TYPE_CHECKING, Any, cast

import pytest

from common.messages import UpdateMetadata
from gateway.transaction import Status
from gateway.transaction_step import StepStatus
from tests.common.tenants_on_disk import section, terms, write_tenants
from tests.gateway.arrivals import redirect
from tests.gateway.browsers import Answer, Browser
from tests.gateway.rig import Rig

if TYPE_CHECKING:
    from common.db import Connection

MANDATORY = {"accept.terms_of_use": "yes", "accept.privacy": "yes"}
EVERYTHING = {**MANDATORY, "accept.news": "yes"}


@pytest.fixture(autouse=True)
def with_terms(rig: Rig) -> None:
    """Acme asks for its terms."""
    ask_for(rig)


def ask_for(rig: Rig, **changes: Any) -> None:
    write_tenants(rig.settings.tenants_file.parent, {"acme": section(steps={"terms": terms(**changes)})})
    rig.tenants.refresh()


async def begin(rig: Rig, browser: Browser, **claims: Any) -> str:
    return await browser.begin(redirect(rig.clock, **{"steps": ["terms:3"], **claims}))


async def requested(rig: Rig, browser: Browser) -> str:
    """A login in which the application asked for the consents."""
    return await begin(rig, browser, requested=["terms"])


async def say(browser: Browser, login: str, ticked: dict[str, str], *, act: str = "submit") -> Answer:
    page = await browser.look(login)
    shown = {"shown": page.value("shown")} if act == "submit" else {}
    return await browser.post(f"/t/{login}/terms/{act}", {"csrf": page.value("csrf"), **shown, **ticked})


async def written(rig: Rig) -> list[dict[str, Any]]:
    """What was to be written to app_metadata, in order."""
    return [update.keys["waystation_terms"].value or {} for update in await rig.told(UpdateMetadata)]


async def accepted(rig: Rig, browser: Browser, ticked: dict[str, str] | None = None) -> str:
    """A login in which the person has accepted, and which has gone back."""
    login = await begin(rig, browser)
    assert (await say(browser, login, EVERYTHING if ticked is None else ticked)).status == 303
    await rig.outcomes.handle(await rig.applied(login))
    assert (await browser.press(login, "continue")).status == 200
    return login


async def ended(rig: Rig, login: str) -> tuple[StepStatus, str | None]:
    step = (await rig.login(login)).transaction.step("terms")
    return step.status, step.conclusion.reason if step.conclusion else None


async def test_accepted(rig: Rig, anna: Browser) -> None:
    """Whoever accepts everything has passed: versions and receipt reach the metadata, for `valid_for`."""
    login = await accepted(rig, anna)
    transaction = (await rig.login(login)).transaction
    (value,) = await written(rig)
    (receipt,) = await rig.rows("SELECT id FROM consent_receipts")
    assert (value["status"], value["v"], value["ref"], value["jti"]) == (
        "passed",
        3,
        receipt[0],
        transaction.jti,
    )
    assert value["details"] == {"terms_of_use": "2026-05", "privacy": "7", "news": "1"}
    conclusion = transaction.step("terms").conclusion
    assert conclusion is not None
    assert conclusion.until == rig.clock.now() + timedelta(days=730)
    rows = await rig.rows("SELECT document, version, language, action FROM consents ORDER BY document")
    assert rows == [
        ("news", "1", "en", "accepted"),
        ("privacy", "7", "en", "accepted"),
        ("terms_of_use", "2026-05", "en", "accepted"),
    ]


async def test_optional_declined(rig: Rig, anna: Browser) -> None:
    """An optional consent may be left out; that is kept and told, and the step has passed."""
    await accepted(rig, anna, MANDATORY)
    (value,) = await written(rig)
    assert (value["status"], value["details"]["news"]) == ("passed", "declined 1")


async def test_something_is_missing(rig: Rig, anna: Browser) -> None:
    """Without a mandatory document the form comes back with what was ticked, and nothing is kept."""
    login = await begin(rig, anna)
    before = await rig.everything()
    answer = await say(anna, login, {"accept.news": "yes"})
    assert answer.status == 422
    assert len(answer.html.select("#problems li")) == 2
    assert [box["name"] for box in answer.html.select("input[checked]")] == ["accept.news"]
    assert await rig.everything() == before
    assert await rig.rows("SELECT 1 FROM consents") == []


async def test_mandatory_declined(rig: Rig, anna: Browser) -> None:
    """A person may refuse: the login goes back at once, with its own reason, and nothing is written."""
    login = await begin(rig, anna)
    assert (await say(anna, login, {}, act="decline")).status == 303
    assert await ended(rig, login) == (StepStatus.DECLINED, "declined_by_person")
    assert (await rig.login(login)).transaction.status is Status.READY
    assert await written(rig) == []


async def test_withdrawn(rig: Rig, anna: Browser) -> None:
    """What is withdrawn later is written at once over the answer that gave it, by a higher rev."""
    first = (await rig.login(await accepted(rig, anna))).transaction
    login = await requested(rig, anna)
    page = await anna.look(login)
    assert len(page.html.select("input[checked]")) == 3
    assert (await say(anna, login, {"accept.privacy": "yes", "accept.news": "yes"})).status == 303
    assert await ended(rig, login) == (StepStatus.DECLINED, "withdrawn")
    value = (await written(rig))[-1]
    assert (value["status"], value["reason"], value["jti"]) == ("declined", "withdrawn", first.jti)
    assert value["rev"] > (first.step("terms").rev or 0)
    await rig.outcomes.handle(await rig.applied(login))
    handed = await anna.press(login, "continue")
    assert handed.value("session_token")
    # In no browser of this person does the earlier result count any more.
    again = await begin(rig, anna)
    assert (await rig.login(again)).transaction.step("terms").status is StepStatus.ASKED


async def test_optional_withdrawn(rig: Rig, anna: Browser) -> None:
    """Taking back something optional leaves the step passed, and as old as it was."""
    first = (await rig.login(await accepted(rig, anna))).transaction.step("terms").conclusion
    await rig.advance(60)
    login = await requested(rig, anna)
    await say(anna, login, MANDATORY)
    conclusion = (await rig.login(login)).transaction.step("terms").conclusion
    assert first is not None
    assert conclusion is not None
    assert (conclusion.status, conclusion.at) == (StepStatus.PASSED, first.at)
    assert (await written(rig))[-1]["details"]["news"] == "declined 1"
    assert await rig.rows("SELECT document, action FROM consents WHERE action = 'withdrawn'") == [
        ("news", "withdrawn")
    ]
    # Taken over in the same browser, the result is that login's own: it takes nothing back once more.
    again = (await rig.login(await begin(rig, anna))).transaction
    taken_over = again.step("terms").conclusion
    assert taken_over is not None
    assert (taken_over.status, taken_over.takes_back) == (StepStatus.PASSED, None)
    assert (await written(rig))[-1]["jti"] == again.jti


async def test_receipts(rig: Rig, anna: Browser, mallory: Browser) -> None:
    """A person gets each receipt as a file, in both forms; nobody else's, and no other id's."""
    await accepted(rig, anna)
    login = await requested(rig, anna)
    page = await anna.look(login)
    identifier = str(page.html.select('input[name="id"]')[0]["value"])
    fields = {"csrf": page.value("csrf"), "id": identifier}
    receipt = await anna.post(f"/t/{login}/terms/receipt", fields)
    disposition = f'attachment; filename="consent-receipt-{identifier}.json"'
    assert (receipt.status, receipt.headers["Content-Disposition"]) == (200, disposition)
    assert json.loads(receipt.text)["consentReceiptID"] == identifier
    record = await anna.post(f"/t/{login}/terms/record", fields)
    assert json.loads(record.text)["header"]["record_id"] == identifier
    assert (await anna.post(f"/t/{login}/terms/receipt", {**fields, "id": "0" * 32})).status == 404
    other = await begin(rig, mallory, requested=["terms"], sub="auth0|mallory")
    stolen = {"csrf": await mallory.csrf(other), "id": identifier}
    assert (await mallory.post(f"/t/{other}/terms/receipt", stolen)).status == 404
    assert (await rig.login(login)).transaction.status is Status.WORKING


async def test_a_new_version(rig: Rig, anna: Browser) -> None:
    """Asked again for a new version, the person reads what changed since the one that they accepted."""
    await accepted(rig, anna)
    documents = terms()["documents"]
    documents[0]["version"] = "2026-11"
    documents[0]["languages"]["en"]["changes"].append({"version": "2026-11", "text": "Fees are lower."})
    ask_for(rig, revision=4, documents=documents)
    login = await begin(rig, anna, steps=["terms:4"])
    page = await anna.look(login)
    assert [item.get_text() for item in page.html.select(".notice li")] == ["Fees are lower."]
    # What is optional and stands stays ticked; nothing mandatory is.
    assert [box["name"] for box in page.html.select("input[checked]")] == ["accept.news"]


@pytest.mark.parametrize("version", ["2026-04", "2026-06"])
async def test_another_version_than_was_shown(rig: Rig, anna: Browser, version: str) -> None:
    """A form that showed an older or newer version gets the documents again, and changes nothing."""
    login = await begin(rig, anna)
    page = await anna.look(login)
    before = await rig.everything()
    shown = page.value("shown").replace("2026-05", version)
    fields = {"csrf": page.value("csrf"), "shown": shown, **EVERYTHING}
    answer = await anna.post(f"/t/{login}/terms/submit", fields)
    assert (answer.status, answer.value("shown")) == (409, page.value("shown"))
    assert await rig.everything() == before


async def test_a_file_that_changed_meanwhile(rig: Rig, anna: Browser) -> None:
    """A login shows and keeps the documents that it began with, whatever the tenants file says by then."""
    login = await begin(rig, anna)
    documents = terms()["documents"]
    documents[0]["version"] = "2027-01"
    documents[0]["languages"]["en"]["text"] = "Be rude."
    ask_for(rig, revision=4, documents=documents)
    page = await anna.look(login)
    assert "Be kind." in page.text
    assert "Be rude." not in page.text
    assert (await say(anna, login, EVERYTHING)).status == 303
    (text,) = await rig.rows(
        "SELECT content FROM document_texts JOIN consents USING (tenant, digest)"
        " WHERE document = 'terms_of_use'"
    )
    assert text == ("Be kind.\nPay your bills.",)


class _Noting:
    """A connection that notes what is sent over it."""

    def __init__(self, connection: "Connection") -> None:
        self._connection = connection
        self.sent: list[Any] = []

    async def fetch(self, query: str, *arguments: Any) -> Any:
        self.sent += arguments
        return await self._connection.fetch(query, *arguments)

    async def execute(self, query: str, *arguments: Any) -> Any:
        self.sent += arguments
        return await self._connection.execute(query, *arguments)


async def test_texts_that_are_kept_are_not_sent_again(rig: Rig, anna: Browser) -> None:
    """A login sends the database only such texts of documents as it has not got."""
    login = await rig.login(await begin(rig, anna))
    ((before,),) = await rig.rows("SELECT count(*) FROM document_texts")
    sent: list[str] = []
    for words in ("Be kind.\nPay your bills.", "Be rude."):
        documents = terms()["documents"]
        documents[0]["languages"]["en"]["text"] = words
        ask_for(rig, documents=documents)
        async with rig.database.transaction(tenant="acme") as connection:
            noting = _Noting(connection)
            await rig.steps.of("terms").enter(cast("Connection", noting), login)
        sent.append(str(noting.sent))
    assert ["Sei nett." in one for one in sent] == [False, False]
    assert ["Be rude." in one for one in sent] == [False, True]
    assert await rig.rows("SELECT count(*) FROM document_texts") == [(before + 1,)]


async def test_fields_that_no_page_sends(rig: Rig, anna: Browser) -> None:
    """Doubled, unknown and odd fields are a clear 400, and nothing changes."""
    login = await begin(rig, anna)
    page = await anna.look(login)
    before = await rig.everything()
    good = {"csrf": page.value("csrf"), "shown": page.value("shown"), **EVERYTHING}
    odd: list[dict[str, str]] = [
        {**good, "status": "passed"},
        {**good, "accept.news": "on"},
        {**good, "shown": "<script>alert(1)</script>"},
        {key: value for key, value in good.items() if key != "shown"},
    ]
    answers = [await anna.post(f"/t/{login}/terms/submit", fields) for fields in odd]
    doubled = "&".join(f"{key}={value}" for key, value in [*good.items(), ("accept.news", "yes")])
    answers.append(
        await anna.request(
            "POST",
            f"/t/{login}/terms/submit",
            data=doubled.replace("@", "%40").replace(",", "%2C"),
            headers={"Origin": rig.origin, "Content-Type": "application/x-www-form-urlencoded"},
        )
    )
    assert [answer.status for answer in answers] == [400] * 5
    assert all("alert(1)" not in answer.text for answer in answers)
    assert await rig.everything() == before


async def test_sent_five_times(rig: Rig, anna: Browser) -> None:
    """Sent in five tabs at once, an answer is kept once."""
    login = await begin(rig, anna)
    page = await anna.look(login)
    fields = {"csrf": page.value("csrf"), "shown": page.value("shown"), **EVERYTHING}
    answers = await asyncio.gather(*(anna.post(f"/t/{login}/terms/submit", fields) for _ in range(5)))
    assert {answer.status for answer in answers} == {303}
    assert await rig.rows("SELECT count(*) FROM consent_receipts") == [(1,)]
    assert len(await written(rig)) == 1
