"""What of a login may be seen by nobody whom it does not concern, and where it is looked for."""

from collections.abc import Iterable
from urllib.parse import parse_qsl

from yarl import URL

from tests.journeys.browser import Browser
from tests.journeys.canaries import seen
from tests.journeys.people import Answers
from tests.journeys.world import World
from tests.support.demo_tenant import Person
from tests.support.stack import SERVICES


def personal(answers: Answers) -> dict[str, str]:
    """What is known of the person, and what their document says."""
    person = answers.person
    upper, lower = answers.lines.splitlines()
    return {
        "e-mail": person.email,
        "password": person.password,
        "given name": person.given_name.split()[0],
        "second given name": person.given_name.split()[1],
        "family name": person.family_name,
        "birth date": person.birth_date.isoformat(),
        "birth date in the zone": person.birth_date.strftime("%y%m%d"),
        "document number": lower[:9],
        "upper line": upper,
        "lower line": lower,
    }


def secrets_of(world: World) -> dict[str, str]:
    """Every generated secret of the stack, and the passwords in its addresses."""
    files = [path for path in world.stack.secrets.path.iterdir() if path.stat().st_size]
    stack = world.stack
    addresses = {
        f"{service} {kind}": URL(of(service)).password or ""
        for service in SERVICES
        for kind, of in (("database", stack.database.of), ("broker", stack.amqp.of))
    }
    return {path.name: path.read_text() for path in files} | addresses


def brought(browser: Browser) -> dict[str, str]:
    """What the tenant gave this browser on its way to us, and what we gave it."""
    cookies = {
        f"{part} of {cookie.key}": text
        for cookie in browser.session.cookie_jar
        if cookie.key.startswith("__Host-ws-")
        for part, text in zip(("secret", "mac"), cookie.value.split(".")[-2:], strict=True)
    }
    assert cookies
    query = browser.link.query
    return {"state": query["state"], "session token": query["session_token"], **cookies}


async def taken_back(world: World, person: Person) -> dict[str, str]:
    """What the browser brought to the tenant at the end."""
    (resumed,) = await world.tenant.continues(person)
    return {"answer token": dict(parse_qsl(resumed.body))["session_token"]}


async def slips(world: World, canaries: dict[str, str], *, messages: Iterable[str]) -> dict[str, list[str]]:
    """By place the names of those canaries that stand there."""
    everywhere = {**await world.traces(), "messages": list(messages)}
    found = {place: seen(canaries, texts) for place, texts in everywhere.items()}
    return {place: names for place, names in found.items() if names}
