"""`waystation transactions`: which logins are found, page by page, and which of them can be ended."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from common.cli import run
from common.messages import Outcome, UpdateMetadata
from gateway.cancelling import cancel
from gateway.errors import NotFoundError, TransitionError
from gateway.intake import new_id
from gateway.shield import is_transaction_id
from gateway.transaction import Status
from tests.common.tenants_on_disk import section, write_secrets, write_tenants
from tests.gateway.arrivals import redirect
from tests.gateway.browsers import Browser
from tests.gateway.rig import Rig
from tests.support.databases import ServiceDatabase
from tests.support.zones import Zone


class Command:
    """`waystation transactions …`, in a thread of its own."""

    def __init__(self, url: str, capsys: pytest.CaptureFixture[str]) -> None:
        self.environ = {"ENVIRONMENT": "development", "DATABASE_URL": url}
        self._capsys = capsys

    async def __call__(self, *arguments: str) -> tuple[int, str, str]:
        self._capsys.readouterr()
        status = await asyncio.to_thread(run, ["transactions", *arguments], self.environ)
        said = self._capsys.readouterr()
        return status, said.out, said.err

    async def ids(self, *arguments: str) -> list[str]:
        _, output, _ = await self("list", *arguments, "--json")
        return [one["id"] for one in json.loads(output)]


@pytest.fixture
def command(database: ServiceDatabase, capsys: pytest.CaptureFixture[str]) -> Command:
    return Command(database.gateway, capsys)


async def test_filters_and_pages(rig: Rig, anna: Browser, command: Command) -> None:
    """The newest first, by state, age and tenant; --after goes on where a page has ended."""
    logins = []
    for _ in range(3):
        logins.append(await anna.begin(redirect(rig.clock)))
        await rig.advance(60)
    await anna.press(logins[0], "idproof/submit", mrz=Zone().text())
    newest = logins[::-1]
    assert await command.ids() == newest
    assert await command.ids("--state", "waiting") == logins[:1]
    assert await command.ids("--state", "waiting", "--state", "open") == newest
    assert await command.ids("--older-than", "90s") == newest[1:]
    assert await command.ids("--younger-than", "90s") == newest[:1]
    status, output, complaint = await command("list", "--limit", "2", "--json")
    assert (status, [one["id"] for one in json.loads(output)]) == (0, newest[:2])
    assert complaint == f"There are more than 2; the next page: --after {newest[1]}\n"
    assert await command.ids("--after", newest[1]) == newest[2:]
    table = (await command("list", "--state", "waiting"))[1].splitlines()
    assert table[0].split() == ["id", "tenant", "application", "state", "steps", "age"]
    assert "waiting for verification  idproof submitted" in table[1]


async def test_a_login_that_is_shown(rig: Rig, anna: Browser, command: Command) -> None:
    """State, steps and times for people and programs; nothing that says whose it is."""
    login = await anna.begin(redirect(rig.clock))
    status, text, _ = await command("show", login)
    assert (status, "state: working" in text, "idproof" in text) == (0, True, True)
    shown = json.loads((await command("show", login, "--json"))[1])
    assert (shown["claimed"], shown["steps"][0]["status"], shown["answered_until"]) == (True, "asked", None)
    subject = (await rig.login(login)).transaction.subject
    assert subject not in text + json.dumps(shown)
    assert (await command("show", "nonsense"))[0] == 1
    assert (await command("list", "--state", "expired"))[2] == "There are no such logins.\n"


async def test_questions_with_a_mistake(rig: Rig, anna: Browser, command: Command, tmp_path: Path) -> None:
    """A tenant that nobody knows and a page after no login are told; a tenant without logins is none."""
    unknown = await command("list", "--tenant", "globex", "--json")
    assert (unknown[:2], unknown[2].split(",")[0]) == ((1, ""), "No login of a tenant globex is known")
    write_secrets(tmp_path)
    command.environ["TENANTS_FILE"] = str(write_tenants(tmp_path, {"globex": section()}))
    assert await command("list", "--tenant", "globex") == (0, "", "There are no such logins.\n")
    status, _, complaint = await command("list", "--tenant", "gl\x1bobex")
    assert (status, complaint) == (
        1,
        "The tenants file does not have a tenant 'gl\\x1bobex', and no login of it is known.\n",
    )
    await anna.begin(redirect(rig.clock))
    assert (await command("list", "--tenant", "acme"))[0] == 0
    nothing = await command("list", "--after", "x" * 22)
    assert nothing == (1, "", "There is no login with the id that --after names.\n")


async def test_beginnings_of_ids(rig: Rig, anna: Browser, command: Command) -> None:
    """As many characters of an id as no other login has show it, eight of them end it."""
    login = await anna.begin(redirect(rig.clock))
    other = await anna.begin(redirect(rig.clock))
    shown = json.loads((await command("show", login[:12], "--json"))[1])
    assert shown["id"] == login
    status, _, complaint = await command("show", "")
    assert (status, complaint.startswith("Several ids begin with : ")) == (1, True)
    assert {login, other} <= set(complaint.rstrip(".\n").replace(",", "").split())
    end = ("--reason", "ticket-1", "--operator", "olga")
    assert await command("cancel", login[:7], *end) == (
        2,
        "",
        "Say more of the id: 8 characters at least.\n",
    )
    assert (await command("cancel", login[:8], *end))[1] == f"{login} is cancelled; it was working.\n"


def test_ids_are_no_options() -> None:
    """However many logins there are, an id can be typed after a command as it is."""
    ids = [new_id() for _ in range(2_000)]
    assert [one for one in ids if one.startswith("-") or not is_transaction_id(one)] == []


async def test_a_verdict_after_the_end(rig: Rig, anna: Browser) -> None:
    """What proofing says of a login that an operator has ended is kept for the person, and parks nothing."""
    login = await anna.begin(redirect(rig.clock))
    await anna.press(login, "idproof/submit", mrz=Zone().text())
    was = await cancel(rig.database, login, reason="ticket-1", operator="olga")
    assert was is Status.WAITING
    await rig.outcomes.handle(await rig.verdict(login, Outcome.APPROVED))
    assert (await rig.login(login)).transaction.status is Status.CANCELLED
    assert [update.waiting for update in await rig.told(UpdateMetadata)] == [False]
    (personal,) = await rig.rows("SELECT state, profile, changes, authorize, wake_at FROM transactions")
    assert personal == (None, None, None, None, None)
    assert (await anna.get(f"/t/{login}")).status == 410


async def test_what_cannot_be_ended(rig: Rig, anna: Browser, command: Command) -> None:
    """A login that is over stays as it is; one that is not there is not made up."""
    login = await anna.begin(redirect(rig.clock))
    await rig.advance(46 * 60)
    await rig.timekeeper.sweep()
    before = await rig.everything()
    for unknown, error in ((login, TransitionError), ("no-such-login", NotFoundError)):
        with pytest.raises(error):
            await cancel(rig.database, unknown, reason="ticket-1", operator="olga")
    assert await rig.everything() == before
    told: Any = await command("cancel", "no-such-login", "--reason", "x", "--operator", "olga")
    assert told == (1, "", "There is no such login.\n")


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["list", "--older-than", "soon"], "must be a number of s, m, h or d, such as 10m"),
        (["list", "--limit", "0"], "must be a whole number from 1"),
        (["list", "--state", "lost"], "invalid choice"),
        (["cancel", "x"], "required: --reason, --operator"),
        (["cancel", "x", "--reason", "two words", "--operator", "olga"], "must be one word"),
    ],
)
def test_mistaken_commands(arguments: list[str], complaint: str, capsys: pytest.CaptureFixture[str]) -> None:
    """The mistake is named in words, nothing is done, and the status is 2."""
    with pytest.raises(SystemExit) as caught:
        run(["transactions", *arguments], {})
    assert caught.value.code == 2
    assert complaint in capsys.readouterr().err
