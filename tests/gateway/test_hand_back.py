"""The way back: the signed answer, and the state byte for byte as it came."""

from typing import Any, Literal
from urllib.parse import parse_qs, urlsplit

import jwt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.messages import Outcome
from gateway.errors import TransitionError
from gateway.hand_back import WayBack, answer_of, way_back
from gateway.transaction import MetadataOutcome
from tests.common.tenants_on_disk import ANSWER_SECRET, section, write_tenants
from tests.gateway.arrivals import redirect
from tests.gateway.browsers import Answer, Browser
from tests.gateway.made import login as made
from tests.gateway.made import ready, settled, working
from tests.gateway.rig import Rig
from tests.support.zones import Zone

CONTINUE = "https://acme.eu.auth0.com/continue"
states = st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), min_size=1, max_size=2048)


async def finished(rig: Rig, browser: Browser, **changes: Any) -> str:
    """A login that is ready to go back."""
    login = await browser.begin(redirect(rig.clock, **changes))
    await browser.press(login, "idproof/submit", mrz=Zone().text())
    await rig.pass_identity(login)
    return login


def set_continue(rig: Rig, **rules: str) -> None:
    changes: dict[str, Any] = {"continue": rules}
    write_tenants(rig.settings.tenants_file.parent, {"acme": section(**changes)})
    rig.tenants.refresh()


def claims_of(rig: Rig, token: str) -> dict[str, Any]:
    """What the answer says, verified as the tenant would."""
    options: Any = {"verify_exp": False, "verify_iat": False, "require": ["exp", "iat"]}
    claims: dict[str, Any] = jwt.decode(
        token, ANSWER_SECRET, algorithms=["HS256"], audience="acme", issuer="waystation", options=options
    )
    now = int(rig.clock.now().timestamp())
    assert (claims.pop("iat"), claims.pop("exp")) == (now, now + 120)
    return claims


def action(page: Answer) -> str:
    form = page.html.select_one("form#hand-back")
    assert form is not None
    assert form["method"] == "post"
    return str(form["action"])


async def test_the_answer(rig: Rig, anna: Browser) -> None:
    """A page posts state and answer to the tenant's /continue; the answer says everything the Action asks."""
    arrival = redirect(rig.clock)
    login = await anna.begin(arrival)
    await anna.press(login, "idproof/submit", mrz=Zone().text())
    await rig.pass_identity(login)
    page = await anna.press(login, "continue")
    step = (await rig.login(login)).transaction.step("idproof")
    assert step.conclusion is not None
    assert page.status == 200
    assert "Location" not in page.headers
    assert page.headers["Referrer-Policy"] == "no-referrer"
    assert page.headers["Cache-Control"] == "no-store"
    assert action(page) == f"{CONTINUE}?state={arrival.state}"
    assert page.value("state") == arrival.state
    now = rig.clock.now()
    assert claims_of(rig, page.value("session_token")) == {
        "iss": "waystation",
        "sub": "auth0|65f0c0ffee",
        "aud": "acme",
        "state": arrival.state,
        "jti": arrival.jti,
        "v": 1,
        "tx": login,
        "outcome": "passed",
        "metadata": "applied",
        "steps": {
            "idproof": {
                "v": 1,
                "status": "passed",
                "level": "document_validated",
                "at": now.strftime("%Y-%m-%dT%H:%M:%SZ"),
                "until": now.replace(year=now.year + 1).strftime("%Y-%m-%dT%H:%M:%SZ"),
                "rev": 1,
                "reason": None,
                "ref": step.conclusion.reference,
            }
        },
    }


@pytest.mark.parametrize(
    ("outcome", "says"),
    [
        (Outcome.DECLINED, "failed"),
        (Outcome.REVIEW, "pending"),
        (Outcome.CANCELED, "abandoned"),
        (Outcome.ERROR, "failed"),
    ],
)
async def test_other_ends(rig: Rig, anna: Browser, outcome: Outcome, says: str) -> None:
    """Whatever became of the step, the person can go back with it."""
    login = await anna.begin(redirect(rig.clock))
    await anna.press(login, "idproof/submit", mrz=Zone().text())
    await rig.outcomes.handle(await rig.verdict(login, outcome))
    if says != "abandoned":
        await rig.outcomes.handle(await rig.applied(login))
    claims = claims_of(rig, (await anna.press(login, "continue")).value("session_token"))
    assert (claims["outcome"], claims["steps"]["idproof"]["status"]) == (says, says)


async def test_declined(rig: Rig, anna: Browser) -> None:
    """A «no» goes back as declined, with a rev, and nothing to wait for."""
    login = await anna.begin(redirect(rig.clock))
    await anna.press(login, "idproof/decline")
    claims = claims_of(rig, (await anna.press(login, "continue")).value("session_token"))
    assert (claims["outcome"], claims["metadata"]) == ("declined", "applied")
    assert claims["steps"]["idproof"]["rev"] == 1


async def test_the_same_answer_again(rig: Rig, anna: Browser) -> None:
    """Until the deadline the same browser gets the same answer again, freshly signed; afterwards 410."""
    login = await finished(rig, anna)
    first = claims_of(rig, (await anna.press(login, "continue")).value("session_token"))
    version = await rig.rows("SELECT version FROM transactions")
    await rig.advance(600)
    page = await anna.look(login)
    assert ".submit()" not in page.text  # no second automatic post
    again = claims_of(rig, (await anna.press(login, "continue")).value("session_token"))
    assert again == first
    assert await rig.rows("SELECT version FROM transactions") == version
    csrf = await anna.csrf(login)
    await rig.advance(35 * 60)
    late = await anna.post(f"/t/{login}/continue", {"csrf": csrf})
    assert late.status == 410
    assert "session_token" not in late.text


async def test_a_late_verdict_does_not_change_the_answer(rig: Rig, anna: Browser) -> None:
    """What was answered once is answered again, also when proofing has changed its mind."""
    login = await anna.begin(redirect(rig.clock))
    await anna.press(login, "idproof/submit", mrz=Zone().text())
    await rig.outcomes.handle(await rig.verdict(login, Outcome.REVIEW))
    await rig.outcomes.handle(await rig.applied(login))
    first = claims_of(rig, (await anna.press(login, "continue")).value("session_token"))
    await rig.outcomes.handle(await rig.verdict(login, Outcome.APPROVED, revision=2))
    assert claims_of(rig, (await anna.press(login, "continue")).value("session_token")) == first


async def test_not_before_it_is_ready(rig: Rig, anna: Browser) -> None:
    """While the metadata is not applied there is no answer to have."""
    login = await anna.begin(redirect(rig.clock))
    csrf = await anna.csrf(login)
    await anna.press(login, "idproof/submit", mrz=Zone().text())
    await rig.outcomes.handle(await rig.verdict(login))
    answer = await anna.post(f"/t/{login}/continue", {"csrf": csrf})
    assert (answer.status, answer.title) == (409, "Not yet")
    assert "session_token" not in answer.text


async def test_by_get(rig: Rig, anna: Browser) -> None:
    """Where the tenant wants GET, the answer is a 303 with state and token in the query."""
    set_continue(rig, method="get")
    arrival = redirect(rig.clock, state="a+b/c=d&e%f~g")
    login = await anna.begin(arrival)
    await anna.press(login, "idproof/submit", mrz=Zone().text())
    await rig.pass_identity(login)
    answer = await anna.press(login, "continue")
    assert (answer.status, answer.text) == (303, "")
    assert answer.headers["Referrer-Policy"] == "no-referrer"
    assert answer.location.startswith(f"{CONTINUE}?")
    query = parse_qs(urlsplit(answer.location).query, strict_parsing=True)
    assert query["state"] == [arrival.state]
    assert claims_of(rig, query["session_token"][0])["state"] == arrival.state


@pytest.mark.parametrize(
    ("state_in", "in_query", "in_body"), [("both", True, True), ("query", True, False), ("body", False, True)]
)
async def test_where_the_state_stands(
    rig: Rig,
    anna: Browser,
    state_in: str,
    in_query: bool,  # noqa: FBT001 - a table
    in_body: bool,  # noqa: FBT001 - a table
) -> None:
    """The tenant chooses whether the state is in the query, in the body or in both."""
    set_continue(rig, state_in=state_in)
    page = await anna.press(await finished(rig, anna, state="the-state"), "continue")
    assert action(page) == (f"{CONTINUE}?state=the-state" if in_query else CONTINUE)
    assert (page.html.select_one("input[name=state]") is not None) is in_body


async def test_a_rotated_secret(rig: Rig, anna: Browser) -> None:
    """A login that began before a rotation is answered with the newest secret."""
    login = await finished(rig, anna)
    newer = "answer-secret-of-acme-after-the-rotation"
    (rig.settings.tenants_file.parent / "secrets" / "answer").write_text(newer)
    rig.tenants.refresh()
    token = (await anna.press(login, "continue")).value("session_token")
    options: Any = {"verify_exp": False, "verify_iat": False}
    assert jwt.decode(token, newer, algorithms=["HS256"], audience="acme", options=options)["tx"] == login


async def test_a_tenant_that_is_gone(rig: Rig, anna: Browser) -> None:
    """Without the tenant's secrets there is no answer, but a page."""
    login = await finished(rig, anna)
    write_tenants(rig.settings.tenants_file.parent, {"other": section()})
    rig.tenants.refresh()
    assert (await anna.press(login, "continue")).status == 404


async def test_a_state_full_of_markup(rig: Rig, anna: Browser) -> None:
    """A state is opaque: whatever printable characters it has, the tenant gets them back."""
    state = "\"'><script>alert(1)</script>&amp;%3C+/?#[]@!$();:,{}|^`~\\"
    page = await anna.press(await finished(rig, anna, state=state), "continue")
    assert page.value("state") == state
    assert parse_qs(urlsplit(action(page)).query)["state"] == [state]
    assert "<script>alert" not in page.text


@given(
    state=states, state_in=st.sampled_from(["both", "query", "body"]), method=st.sampled_from(["post", "get"])
)
def test_every_state_comes_back(state: str, state_in: str, method: Literal["post", "get"]) -> None:
    """Read as the tenant reads it, the state is byte for byte what came, wherever it stands."""
    ours = made(ready(), **{"continue": {"method": method, "state_in": state_in}})
    way = way_back(ours, state=state, token="a.b.c")
    query = (
        parse_qs(urlsplit(way.url).query, strict_parsing=True, keep_blank_values=True)
        if "?" in way.url
        else {}
    )
    found = query.get("state", []) + [value for name, value in way.fields.items() if name == "state"]
    assert found == [state] * (2 if method == "post" and state_in == "both" else 1)
    assert way.url.partition("?")[0] == CONTINUE
    assert ("a.b.c" in way.url) is (method == "get")


def test_the_answers_name() -> None:
    """The tenant says under which name its Action looks for the answer, in a form as in a query."""
    for method, expected in (("post", ({"token": "a.b.c"}, "s")), ("get", ({}, "s&token=a.b.c"))):
        rules = {"method": method, "state_in": "query", "parameter": "token"}
        way = way_back(made(ready(), **{"continue": rules}), state="s", token="a.b.c")
        assert (dict(way.fields), way.url.partition("?state=")[2]) == expected


def test_an_answer_needs_conclusions() -> None:
    """A login whose step has not ended has no answer."""
    with pytest.raises(TransitionError):
        answer_of(made(working()), state="s")


def test_what_the_metadata_claim_says() -> None:
    """Applied and failed are told as they are; a login that went on without is carried."""
    for outcome in MetadataOutcome:
        answer = answer_of(made(settled().finish_metadata(outcome)), state="s")
        assert answer.metadata == outcome.value


def test_the_way_back_is_not_shown() -> None:
    """Its text form, which may end in a log, holds neither state nor token."""
    way = WayBack(method="post", url="https://x/continue?state=s3cret", fields={"session_token": "s3cret"})
    assert "s3cret" not in repr(way)
