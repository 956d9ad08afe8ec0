"""The attacked stack: its logins, strangers, and what can be seen of a request afterwards."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.attacks.links import Link, Mint
from tests.attacks.wire import Answer, Client, Request, form
from tests.journeys.world import World
from tests.support.stack import Stack

_SHORTEST_MARK = 16
_SCHEMAS = ("gateway", "proofing", "metadata_sync")


@dataclass(frozen=True, kw_only=True)
class Victim:
    """A login of somebody, and the browser that it is open in."""

    link: Link
    client: Client
    id: str
    csrf: str

    @property
    def address(self) -> str:
        return f"/t/{self.id}"

    @property
    def marks(self) -> tuple[str, ...]:
        return (*self.link.marks, self.id)

    @property
    def secrets(self) -> dict[str, str]:
        """What may be seen nowhere."""
        return {**self.link.secrets, "csrf": self.csrf, **self.client.cookies}

    async def page(self) -> Answer:
        return await self.client.get(self.address)

    async def press(self, act: str, **fields: str) -> Answer:
        """Press a button of the page that is open, with what its form has hidden."""
        return await self.client.post(f"{self.address}/{act}", {**await self.hidden(act), **fields})

    async def hidden(self, act: str) -> dict[str, str]:
        """The hidden fields of the form of that button."""
        page = await self.page()
        found = page.html.select(f'form[action="{self.address}/{act}"] input[type=hidden]')
        assert found, f"“{page.title}” has no button {act}"
        return {str(one["name"]): str(one["value"]) for one in found}

    def form(self, act: str, fields: Mapping[str, str] | bytes, **headers: str) -> Request:
        """A form as this browser would send it, apart from its fields."""
        return form(f"{self.address}/{act}", fields, **({"Origin": self.client.origin} | headers))


@dataclass(frozen=True, kw_only=True)
class Scene:
    """What a test attacks, and looks at afterwards; `pages` keeps each kind of error page once."""

    world: World
    stack: Stack
    mint: Mint
    pages: dict[tuple[object, ...], str] = field(default_factory=dict)
    tables: list[str] = field(default_factory=list)

    def client(self, *, address: str | None = None) -> Client:
        """Somebody whom the gateway has never seen."""
        return Client(self.stack.origins.gateway, address=address)

    async def arrived(
        self, link: Link | None = None, *, client: Client | None = None, **claims: Any
    ) -> Victim:
        """Somebody before the start page of a new login."""
        link, client = link or self.mint.link(**claims), client or self.client()
        answer = await client.get(link.target())
        assert answer.status == 303, answer.title
        page = await client.get(answer.location)
        return Victim(
            link=link, client=client, id=answer.location.removeprefix("/t/"), csrf=page.value("csrf")
        )

    async def begun(self, **claims: Any) -> Victim:
        """Somebody at the first step of a login that they have claimed."""
        victim = await self.arrived(**claims)
        assert (await victim.press("claim")).status == 303
        return victim

    async def ready(self, **claims: Any) -> Victim:
        """Somebody whose login may go back to the tenant; they declined, which waits for nothing."""
        victim = await self.begun(**claims)
        assert (await victim.press("idproof/decline")).status == 303
        return victim

    async def rows(self, marks: Iterable[str]) -> dict[str, list[str]]:
        """Every row of any service that has one of the marks, as PostgreSQL writes it.

        Entries of the audit trail are sealed at a time of their own, and that somebody was refused is one.
        """
        kept = [mark for mark in marks if len(mark) >= _SHORTEST_MARK and mark.isprintable()]
        looks = [
            f"SELECT '{table}' AS place, {_text_of(table)} AS text FROM {table} AS row"  # noqa: S608 - a table of ours
            " WHERE EXISTS (SELECT FROM unnest($1::text[]) AS mark WHERE strpos(row::text, mark) > 0)"
            for table in await self._tables()
        ]
        found: dict[str, list[str]] = {}
        for row in await self.world.rows.all(" UNION ALL ".join(looks) + " ORDER BY 1, 2", kept):
            if row["text"]:
                found.setdefault(row["place"], []).append(row["text"])
        return found

    async def logins(self) -> set[str]:
        """The ids of all logins that the gateway knows."""
        found = await self.world.rows.all("SELECT id FROM gateway.transactions")
        return {row["id"] for row in found}

    async def status(self, victim: Victim) -> str:
        (row,) = await self.world.rows.all("SELECT status FROM gateway.transactions WHERE id = $1", victim.id)
        return str(row["status"])

    async def audited(self, victim: Victim, event: str) -> list[tuple[str | None, list[str]]]:
        """What the gateway's audit trail says about this login by such entries: about what, and why."""
        found = await self.world.rows.all(
            "SELECT about, reasons FROM gateway.audit_events WHERE transaction_id = $1 AND event = $2",
            victim.id,
            event,
        )
        return [(row["about"], row["reasons"]) for row in found]

    async def let_time_pass(self, victim: Victim) -> None:
        """The deadline of this login is over."""
        await self.world.rows.all(
            "UPDATE gateway.transactions SET deadline = deadline - interval '1 day' WHERE id = $1", victim.id
        )

    async def _tables(self) -> list[str]:
        if not self.tables:
            self.tables.extend(await self._find_tables())
        return self.tables

    async def _find_tables(self) -> list[str]:
        tables = await self.world.rows.all(
            "SELECT schemaname, tablename FROM pg_tables WHERE schemaname = ANY($1)"
            " AND tablename <> 'schema_migrations' ORDER BY 1, 2",
            list(_SCHEMAS),
        )
        return [f'{table["schemaname"]}."{table["tablename"]}"' for table in tables]

    def log(self) -> "Log":
        """What the gateway writes from now on."""
        return Log(self.stack.processes["gateway"].output)


class Log:
    """What a service has written since this was made."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._began = file.stat().st_size

    @property
    def text(self) -> str:
        with self._file.open("rb") as output:
            output.seek(self._began)
            return output.read().decode()

    @property
    def lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.text.splitlines()]

    def refusals(self) -> list[tuple[int, str]]:
        """Status and code of every request that was refused."""
        refused = [line for line in self.lines if line["event"] in ("request.refused", "request.unreadable")]
        return [(line["http_response_status_code"], line.get("code", "")) for line in refused]

    def unexpected(self) -> list[str]:
        """Errors that no request may cause; what becomes of messages is no answer to one."""
        errors = [line["event"] for line in self.lines if line["severity"] in ("ERROR", "CRITICAL")]
        return [event for event in errors if not event.startswith(("message.", "broker."))]


def _text_of(table: str) -> str:
    if not table.endswith('."audit_events"'):
        return "row::text"
    return "CASE row.event WHEN 'login.refused' THEN '' ELSE (to_jsonb(row) - 'number' - 'digest')::text END"


def all_secrets(victims: Iterable[Victim]) -> Mapping[str, str]:
    return {f"{name} of {victim.id}": value for victim in victims for name, value in victim.secrets.items()}
