"""What stays of it when an operator sends letters again or gives them up: log lines, and the audit trail.

A line has the ids of up to twenty letters with the same reason. The trail has an entry a letter, made before
the letter is touched: whoever is killed in between leaves an entry too many, never a deed without one. It is
that of the service whose queue it is, and is reached where the environment has this service's DATABASE_URL,
as it does wherever the service runs. Bodies are in neither.
"""

import re
import sys
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field

import structlog

from common import audit
from common.audit import Audited, Entry
from common.cli import complain
from common.cli_database import open_for_command
from common.db import Database
from common.dead_letters import DeadLetter
from common.log import configure_logging
from common.log_events import COMMON_EVENTS
from common.log_fields import MAX_ITEMS
from common.schema import queue_of, schema_of

_CODE = re.compile(r"[a-z][a-z0-9_]{0,79}")
_WORD = re.compile(r"[A-Za-z0-9_.:-]{1,80}")

log = structlog.stdlib.get_logger()


@dataclass(frozen=True, kw_only=True)
class Deed:
    """What an operator does; `command` is what they typed, without ids."""

    event: Audited
    command: str
    operator: str | None
    production: bool
    database_url: str = field(repr=False)


@dataclass
class Trail:
    """Of one queue; `database` is None where the audit trail is out of reach."""

    deed: Deed
    queue: str
    database: Database | None
    count: int = 0
    _done: defaultdict[str, list[str]] = field(default_factory=lambda: defaultdict(list))

    async def announce(self, letter: DeadLetter) -> None:
        """Before it is touched."""
        if self.database is not None:
            async with self.database.connection() as connection:
                await audit.append(connection, self._entry(letter))

    def done(self, letter: DeadLetter) -> None:
        self.count += 1
        reason = _code(letter.reason)
        self._done[reason].append(letter.id)
        if len(self._done[reason]) == MAX_ITEMS:
            self._tell(reason, self._done.pop(reason))

    def close(self) -> None:
        """Also after a part, when the broker went away or somebody pressed Ctrl-C."""
        for reason, ids in self._done.items():
            self._tell(reason, ids)
        if self.count and self.database is None:
            complain(f"Not in the audit trail: there is no DATABASE_URL of {self.queue} here.")

    def _tell(self, reason: str, ids: list[str]) -> None:
        fields = {"queue": self.queue, "reason": reason, "letters": len(ids), "event_ids": ids}
        if self.deed.event is Audited.LETTER_REDRIVEN:
            log.info("letters.redriven", **fields, command=self.deed.command)
        else:
            log.info("letters.dropped", **fields, command=self.deed.command)

    def _entry(self, letter: DeadLetter) -> Entry:
        operator = (f"by:{self.deed.operator}",) if self.deed.operator else ()
        return Entry(
            event=self.deed.event,
            tenant=_word(letter.tenant),
            transaction_id=_word(letter.transaction_id),
            about=letter.id,
            outcome=_word(letter.type),
            reasons=(_code(letter.reason), *operator),
        )


def _code(reason: str) -> str:
    return reason if _CODE.fullmatch(reason) else "unknown"


def _word(text: str | None) -> str | None:
    """A letter may hold anything; the trail takes what looks like ids and names of ours, and no address."""
    return text if text and _WORD.fullmatch(text) else None


@asynccontextmanager
async def keep_trail(deed: Deed, dead_queue: str) -> AsyncIterator[Trail]:
    """For what is done to letters of this queue within the block; its log goes to stderr.

    Raises:
        DatabaseUnavailableError: there is a trail to write to, and its database does not answer.
    """
    queue, schema = dead_queue.removesuffix(".dead"), schema_of(deed.database_url)
    configure_logging(service=queue, events=COMMON_EVENTS, production=deed.production, stream=sys.stderr)
    async with AsyncExitStack() as stack:
        database = None
        if schema and queue_of(schema) == queue:
            opening = open_for_command(deed.database_url, schema=schema, production=deed.production)
            database = await stack.enter_async_context(opening)
        trail = Trail(deed=deed, queue=queue, database=database)
        stack.callback(trail.close)
        yield trail
