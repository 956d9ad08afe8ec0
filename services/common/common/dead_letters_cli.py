"""`waystation dead-letters list|show|redrive|drop`: messages that a service gave up, in `<service>.dead`."""

import argparse
import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, TypeAlias
from urllib.parse import unquote, urlsplit

from common import dead_letters
from common.audit import Audited
from common.cli import (
    FAILED,
    Subjects,
    add_command,
    add_limit,
    add_subject,
    complain,
    one_word,
    print_table,
    printable,
    say,
    say_json,
)
from common.cli_guide import Guide
from common.dead_letters import DeadLetter, Held, Sought
from common.dead_letters_shown import COLUMNS, as_json, row, unreadable
from common.dead_letters_trail import Deed, keep_trail
from common.schema import queue_of, schemas
from common.settings import SettingsReader

LIST_AT_MOST = 100
_READS = ("ENVIRONMENT", "AMQP_URL")
_FILTERS = ("reason", "type", "tenant", "transaction")
_KEPT = (
    "Log (stderr) and audit trail keep which they were; the trail where there is this service's DATABASE_URL."
)
_SHAPE = (
    '{"queue", "id", "reason", "type", "version", "tenant", "transaction_id", "occurred_at", "parked_at", '
    '"age": SECONDS, "bytes"}'
)
_ID = "the id is the message's event id, as `message.parked` logs it, or `body-…` where it has none"

_Command: TypeAlias = Callable[[str, argparse.Namespace], Awaitable[int]]


@dataclass(frozen=True, kw_only=True)
class Chosen:
    """Which letters: all that match what is given."""

    ids: frozenset[str]
    reason: str | None
    type: str | None
    tenant: str | None
    transaction: str | None

    @classmethod
    def of(cls, options: argparse.Namespace) -> "Chosen":
        return cls(
            ids=frozenset(getattr(options, "ids", ())),
            reason=options.reason,
            type=options.type,
            tenant=options.tenant,
            transaction=options.transaction,
        )

    @property
    def is_all(self) -> bool:
        return self == Chosen(ids=frozenset(), reason=None, type=None, tenant=None, transaction=None)

    def has(self, letter: DeadLetter) -> bool:
        return (
            (not self.ids or letter.id in self.ids)
            and self.reason in {None, letter.reason}
            and self.type in {None, letter.type}
            and self.tenant in {None, letter.tenant}
            and self.transaction in {None, letter.transaction_id}
        )


def add_commands(subjects: Subjects) -> None:
    """What is there whichever service is."""
    letters = add_subject(subjects, "dead-letters", "messages that a service gave up")
    listing = _command(
        letters,
        "list",
        _list,
        Guide(
            text="list what is in the dead-letter queues, the oldest first",
            more="Nothing is taken: each letter stays where it is, in its order. Without --queue that of the "
            "service whose AMQP_URL it is.",
            reads=_READS,
            examples=("waystation dead-letters list", "waystation dead-letters list --reason unknown_tenant"),
            shape=f"[{_SHAPE}, …]",
            fails="a queue is not there, may not be read, or somebody else looks at it",
        ),
    )
    add_limit(listing, default=LIST_AT_MOST)
    showing = _command(
        letters,
        "show",
        _show,
        Guide(
            text="show one letter whole; what is sealed in it stays sealed",
            more=f"{_ID[:1].upper()}{_ID[1:]}.",
            reads=_READS,
            examples=("waystation dead-letters show ID",),
            shape=f'{_SHAPE[:-1]}, "content": MESSAGE or null, "text": of an unreadable body}}',
            fails="there is no such letter",
        ),
    )
    showing.add_argument("ids", metavar="ID", nargs=1)
    _add_change(
        letters,
        "redrive",
        _redrive,
        Guide(
            text="send letters to their own queue again",
            more="When the cause is gone. What a message did before it does not do twice. Each is sent, "
            "confirmed by the broker, and only then taken from here: killed in between, it is in both. "
            f"{_KEPT}",
            reads=(*_READS, "DATABASE_URL"),
            examples=(
                "waystation dead-letters redrive ID ID",
                "waystation dead-letters redrive --all --reason unknown_tenant",
            ),
            shape='{"redriven": NUMBER}',
            fails="no letter fits",
        ),
    )
    _add_change(
        letters,
        "drop",
        _drop,
        Guide(
            text="give letters up, for good",
            more=f"Nothing brings them back: --all wants another option that says which. {_KEPT}",
            reads=(*_READS, "DATABASE_URL"),
            examples=(
                "waystation dead-letters drop ID",
                "waystation dead-letters drop --all --transaction TRANSACTION",
            ),
            shape='{"dropped": NUMBER}',
            fails="no letter fits",
        ),
    )


def _command(commands: Subjects, name: str, command: _Command, guide: Guide) -> argparse.ArgumentParser:
    parser = add_command(commands, name, guide, run=_run)
    queues = [dead_queue_of(schema) for schema in schemas()]
    parser.add_argument("--queue", choices=queues, help="this queue alone")
    parser.add_argument("--reason", help="given up for this reason alone")
    parser.add_argument("--type", help="messages of this type alone, such as VerifyIdentity")
    parser.add_argument("--tenant", help="of this tenant alone")
    parser.add_argument("--transaction", metavar="ID", help="of this login alone")
    parser.set_defaults(command=command, parser=parser)
    return parser


def _add_change(commands: Subjects, name: str, command: _Command, guide: Guide) -> None:
    parser = _command(commands, name, command, guide)
    parser.add_argument("ids", metavar="ID", nargs="*", help=_ID)
    parser.add_argument("--all", action="store_true", help="every letter that fits the other options")
    parser.add_argument(
        "--operator", type=one_word, help="who you are, as your organisation knows you; for the audit trail"
    )


def dead_queue_of(schema: str) -> str:
    return f"{queue_of(schema)}.dead"


def _run(options: argparse.Namespace, environ: Mapping[str, str]) -> int:
    if "all" in options and options.all == bool(options.ids):
        options.parser.error("say which: some ID, or --all")
    if options.command is _drop and not options.queue and not options.ids and Chosen.of(options).is_all:
        options.parser.error("say what is to go: --queue, --reason, --type, --tenant or --transaction")
    reader = SettingsReader(environ)
    reader.environment()
    url = reader.secret_url("AMQP_URL", schemes=("amqp", "amqps"))
    if "all" in options:
        options.deed = _deed(options, reader)
    reader.finish()
    status: int = asyncio.run(options.command(url, options))
    return status


def _deed(options: argparse.Namespace, reader: SettingsReader) -> Deed:
    is_drop = options.command is _drop
    return Deed(
        event=Audited.LETTER_DROPPED if is_drop else Audited.LETTER_REDRIVEN,
        command=_typed(options, "drop" if is_drop else "redrive"),
        operator=options.operator,
        production=reader.production,
        database_url=reader.optional_secret_url("DATABASE_URL", schemes=("postgresql", "postgres")),
    )


def _queues(url: str, options: argparse.Namespace) -> Sequence[str]:
    """The one that was asked for, that of the service whose user it is, else all."""
    if options.queue:
        return (options.queue,)
    queues = [dead_queue_of(schema) for schema in schemas()]
    own = f"{unquote(urlsplit(url).username or '')}.dead"
    return (own,) if own in queues else queues


async def _list(url: str, options: argparse.Namespace) -> int:
    chosen = Chosen.of(options)
    found: list[DeadLetter] = []
    more = 0
    for queue in _queues(url, options):
        sought = Sought(fits=chosen.has, at_most=options.limit)
        async with dead_letters.hold(url, queue, sought) as held:
            found += [letter for letter, _ in held.letters]
            more += held.more
    if more or len(found) > options.limit:
        complain(f"There are more than {options.limit}; see --limit.")
    now = datetime.now(UTC)
    listed = [as_json(letter, now) for letter in found[: options.limit]]
    if options.json:
        say_json(listed)
    elif listed:
        print_table(COLUMNS, [row(one) for one in listed])
    else:
        complain("There are no dead letters." if chosen.is_all else "There are no such dead letters.")
    return 0


async def _show(url: str, options: argparse.Namespace) -> int:
    chosen, now = Chosen.of(options), datetime.now(UTC)
    for queue in _queues(url, options):
        sought = Sought(fits=chosen.has, at_most=1, with_bodies=True)
        async with dead_letters.hold(url, queue, sought) as held:
            found = next((letter for letter, _ in held.letters), None)
        if found:
            shown = as_json(found, now) | {"content": found.content, "text": unreadable(found)}
            _tell(shown, options)
            return 0
    complain("There is no such dead letter.")
    return FAILED


def _tell(shown: Mapping[str, Any], options: argparse.Namespace) -> None:
    if options.json:
        say_json(shown)
        return
    for name, value in shown.items():
        if name == "content" and value:
            for key, inner in value.items():
                say(f"  {printable(key)}: {printable(str(inner))}")
        elif value is not None:
            say(f"{name}: {printable(str(value))}")


async def _redrive(url: str, options: argparse.Namespace) -> int:
    sought = Sought(fits=Chosen.of(options).has, with_bodies=True)
    return await _change(url, options, Held.redrive, sought=sought, what="redriven")


async def _drop(url: str, options: argparse.Namespace) -> int:
    sought = Sought(fits=Chosen.of(options).has)
    return await _change(url, options, Held.drop, sought=sought, what="dropped")


async def _change(
    url: str,
    options: argparse.Namespace,
    change: Callable[[Held, DeadLetter, int], Awaitable[None]],
    *,
    sought: Sought,
    what: str,
) -> int:
    done = 0
    try:
        for queue in _queues(url, options):
            async with (
                keep_trail(options.deed, queue) as trail,
                dead_letters.hold(url, queue, sought) as held,
            ):
                for letter, tag in held.letters:
                    await trail.announce(letter)
                    await change(held, letter, tag)
                    trail.done(letter)
                    done += 1
    finally:
        if options.json:
            say_json({what: done})
        elif done:
            say(f"{what}: {done}")
    if not done:
        complain("There are no such dead letters.")
    return 0 if done else FAILED


def _typed(options: argparse.Namespace, name: str) -> str:
    """The command as it was typed, but for the ids."""
    chosen = [f"--{one}={value}" for one in ("queue", *_FILTERS) if (value := getattr(options, one))]
    return " ".join(("dead-letters", name, *(["--all"] if options.all else []), *chosen))
