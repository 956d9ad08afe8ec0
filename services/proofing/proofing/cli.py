"""`waystation reviews list|show|decide`: settles verifications that wait for a person.

Reads ENVIRONMENT, DATABASE_URL and DATA_KEY_FILES as proofing does. Answers go to stdout, its log to stderr.
"""

import argparse
import asyncio
import json
import re
import sys
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager
from datetime import datetime, timedelta
from typing import Any, TypeAlias

from common.cli import (
    Subjects,
    add_command,
    add_limit,
    add_subject,
    complain,
    print_table,
    read_database_url,
    say,
    say_json,
)
from common.cli_database import open_for_command
from common.cli_guide import Guide
from common.db import Database
from common.log import configure_logging
from common.settings import PRODUCTION, SettingsReader
from common.vault import Vault
from proofing import store
from proofing.log_events import EVENTS
from proofing.providers.base import Reason
from proofing.reviews import Review, Reviews
from proofing.verification import Verification

LIST_AT_MOST = 100
_COLUMNS = ("id", "tenant", "step", "provider", "reasons", "age")
_REVIEWER = re.compile(r"[^\s\x00-\x1f\x7f]{1,80}")
# A person may find what the checks did not; what a reviewer cannot say is that something stays unclear.
_REASONS = (
    Reason.REVIEW_DECLINED,
    Reason.NAME_MISMATCH,
    Reason.BIRTH_DATE_MISMATCH,
    Reason.DOCUMENT_EXPIRED,
    Reason.DOCUMENT_INCONSISTENT,
    Reason.SPECIMEN_DOCUMENT,
    Reason.UNDER_AGE,
)


_READS = ("ENVIRONMENT", "DATABASE_URL", "DATA_KEY_FILES")
_SHAPE = '{"id", "tenant", "user_id", "step", "provider", "status", "level", "reasons": [CODE, …], "at"}'

_Command: TypeAlias = Callable[[Database, Reviews, argparse.Namespace], Awaitable[None]]


def add_commands(subjects: Subjects) -> None:
    """What proofing adds to `waystation`."""
    reviews = add_subject(subjects, "reviews", "verifications that wait for a person")
    listing = _command(
        reviews,
        "list",
        _list,
        Guide(
            text="list what waits for a person, the oldest first",
            reads=_READS,
            of="proofing",
            examples=("waystation reviews list --tenant acme",),
            shape=f'[{_SHAPE[:-1]}, "age": SECONDS}}, …]',
            fails="never",
        ),
    )
    listing.add_argument("--tenant", help="of this tenant alone")
    add_limit(listing, default=LIST_AT_MOST)
    showing = _command(
        reviews,
        "show",
        _show,
        Guide(
            text="show the evidence of one, decrypted; that you looked is kept",
            reads=_READS,
            of="proofing",
            examples=("waystation reviews show ID --reviewer anna@acme.example",),
            shape=f'{_SHAPE[:-1]}, "checks": [{{"name", "result", "reason", "score"}}, …], "evidence"}}',
            fails="there is no such verification, or it waits no longer",
        ),
    )
    showing.add_argument("id")
    _add_reviewer(showing)
    deciding = _command(
        reviews,
        "decide",
        _decide,
        Guide(
            text="settle one; the person's login or metadata gets it",
            reads=_READS,
            of="proofing",
            examples=(
                "waystation reviews decide ID approved --reviewer anna@acme.example",
                "waystation reviews decide ID declined --reason name_mismatch --reviewer anna@acme.example",
            ),
            shape='{"id", "outcome", "revision"}',
            fails="there is no such verification, or it was settled before",
        ),
    )
    deciding.add_argument("id")
    deciding.add_argument("outcome", choices=("approved", "declined"))
    deciding.add_argument(
        "--reason",
        choices=[reason.value for reason in _REASONS],
        help="why it is declined; the person and the tenant are told (default: review_declined)",
    )
    _add_reviewer(deciding)


def _command(commands: Subjects, name: str, command: _Command, guide: Guide) -> argparse.ArgumentParser:
    parser = add_command(commands, name, guide, run=_run)
    parser.set_defaults(command=command, parser=parser)
    return parser


def _add_reviewer(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--reviewer", required=True, type=_reviewer, help="who you are, as your organisation knows you"
    )


def _reviewer(text: str) -> str:
    if not _REVIEWER.fullmatch(text):
        raise argparse.ArgumentTypeError("must be one word, such as your address")
    return text


def _run(options: argparse.Namespace, environ: Mapping[str, str]) -> int:
    if options.command is _decide and options.outcome == "approved" and options.reason:
        options.parser.error("--reason is for declined")
    reader = SettingsReader(environ)
    environment = reader.environment()
    url = read_database_url(reader, schema="proofing")
    keys = reader.keys("DATA_KEY_FILES")
    reader.finish()
    production = environment == PRODUCTION
    configure_logging(service="proofing", events=EVENTS, production=production, stream=sys.stderr)
    opening = open_for_command(url, schema="proofing", production=production)
    return asyncio.run(_with_database(options, opening, vault=Vault(keys)))


async def _with_database(
    options: argparse.Namespace, opening: AbstractAsyncContextManager[Database], *, vault: Vault
) -> int:
    async with opening as database:
        await options.command(database, Reviews(database=database, vault=vault), options)
    return 0


async def _list(database: Database, reviews: Reviews, options: argparse.Namespace) -> None:
    found = await reviews.waiting(tenant=options.tenant, limit=options.limit + 1)
    if len(found) > options.limit:
        complain(f"There are more than {options.limit}; see --limit.")
    async with database.connection() as connection:
        now = await store.now(connection)
    listed = [_as_json(one) | {"age": _age(one, now)} for one in found[: options.limit]]
    if options.json:
        say_json(listed)
    elif listed:
        print_table(_COLUMNS, [_row(one) for one in listed])
    else:
        complain("Nothing waits for a review.")


async def _show(_database: Database, reviews: Reviews, options: argparse.Namespace) -> None:
    complain("What follows is personal data, decrypted for you; that you looked at it is kept.")
    review = await reviews.show(options.id, reviewer=options.reviewer)
    content = _as_json(review.verification) | {"checks": _checks(review), "evidence": review.evidence}
    if options.json:
        say_json(content)
    else:
        say(_text(content))


async def _decide(_database: Database, reviews: Reviews, options: argparse.Namespace) -> None:
    reason = Reason(options.reason or Reason.REVIEW_DECLINED) if options.outcome == "declined" else None
    decided = await reviews.decide(options.id, reason=reason, reviewer=options.reviewer)
    told = {"id": decided.verification_id, "outcome": decided.status.value, "revision": decided.revision}
    if options.json:
        say_json(told)
    else:
        say(f"{decided.verification_id} is {decided.status} now.")


def _as_json(verification: Verification) -> dict[str, Any]:
    at = verification.concluded_at
    return {
        "id": verification.verification_id,
        "tenant": verification.tenant,
        "user_id": verification.user_id,
        "step": verification.step,
        "provider": verification.provider,
        "status": verification.status.value,
        "level": verification.level.value,
        "reasons": list(verification.reasons),
        "at": at.isoformat() if at else None,
    }


def _age(verification: Verification, now: datetime) -> int:
    return round((now - verification.concluded_at).total_seconds()) if verification.concluded_at else 0


def _row(listed: dict[str, Any]) -> tuple[str, ...]:
    said = listed | {"reasons": ",".join(listed["reasons"]), "age": timedelta(seconds=listed["age"])}
    return tuple(str(said[column]) for column in _COLUMNS)


def _checks(review: Review) -> list[dict[str, Any]]:
    return [
        {"name": one.name.value, "result": one.result.value, "reason": one.reason, "score": one.score}
        for one in review.checks
    ]


def _text(content: Mapping[str, Any]) -> str:
    """Readable, and nothing in it steers the terminal: JSON escapes what is not ASCII."""
    return json.dumps(content, indent=2)
