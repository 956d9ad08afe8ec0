"""`waystation erase TENANT USER_ID`: has everything about one person deleted, here and at the tenant.

Reads ENVIRONMENT, DATABASE_URL, DATA_KEY_FILES and TENANTS_FILE as the gateway does. Answers go to stdout,
its log to stderr.
"""

import argparse
import asyncio
import sys
from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from datetime import datetime

from common.cli import FAILED, Subjects, add_command, complain, print_table, read_database_url, say, say_json
from common.cli_guide import Guide
from common.clock import SystemClock
from common.consumer import UnknownTenantError
from common.db import Database, DatabaseUnavailableError, open_database
from common.log import configure_logging
from common.settings import PRODUCTION, SettingsReader
from common.tenants import Tenant, load_tenants
from common.vault import Vault
from gateway.erase import Erased, Eraser
from gateway.erase_store import Erasure
from gateway.log_events import EVENTS

TRIES = 3  # with somebody else's change a deadlock is possible, which ends one of both


def add_commands(subjects: Subjects) -> None:
    """What the gateway adds to `waystation`."""
    erasing = add_command(
        subjects,
        "erase",
        Guide(
            text="delete everything about one person",
            more="The gateway's part is done when it returns; proofing, metadata-sync and the tenant follow, "
            "and --status tells how far they are.",
            reads=("ENVIRONMENT", "DATABASE_URL", "DATA_KEY_FILES", "TENANTS_FILE"),
            of="the gateway",
            examples=("waystation erase acme 'auth0|0123'", "waystation erase acme 'auth0|0123' --status"),
            shape='{"id", "rev", "erased_at", "settle_at", "proofing_at", "metadata_sync_at", "complete"}; '
            'without --status also "logins", "cancelled", "was_known"',
            fails="nothing happened, or there was no erasure to tell about",
        ),
        run=_run,
    )
    erasing.add_argument("tenant")
    erasing.add_argument("user_id", help="as the tenant knows them, such as 'auth0|…'")
    erasing.add_argument("--yes", action="store_true", help="ask nothing")
    erasing.add_argument("--status", action="store_true", help="only tell how far the last erasure is")


def _run(options: argparse.Namespace, environ: Mapping[str, str]) -> int:
    reader = SettingsReader(environ)
    environment = reader.environment()
    url = read_database_url(reader, schema="gateway")
    keys = reader.keys("DATA_KEY_FILES")
    tenants_file = reader.path("TENANTS_FILE")
    reader.finish()
    production = environment == PRODUCTION
    tenant = load_tenants(tenants_file, production=production, parts=frozenset()).get(options.tenant)
    if tenant is None:
        raise UnknownTenantError("the tenants file does not have this tenant")
    if not (options.status or options.yes or _is_meant(options)):
        complain("Nothing was erased.")
        return FAILED
    configure_logging(service="gateway", events=EVENTS, production=production, stream=sys.stderr)
    opening = open_database(
        url, schema="gateway", application_name="waystation", production=production, pool_size=2
    )
    return asyncio.run(_with_database(options, tenant, opening, vault=Vault(keys)))


def _is_meant(options: argparse.Namespace) -> bool:
    complain(
        f"This deletes everything about {options.user_id!a} of tenant {options.tenant!a}, for good: evidence,"
        " consents, results, open logins, and our keys in their metadata at the tenant."
    )
    sys.stderr.write("Type the user id once more to go on: ")
    sys.stderr.flush()
    typed = sys.stdin.readline().strip()
    return typed == str(options.user_id)


async def _with_database(
    options: argparse.Namespace,
    tenant: Tenant,
    opening: AbstractAsyncContextManager[Database],
    *,
    vault: Vault,
) -> int:
    async with opening as database:
        eraser = Eraser(database=database, vault=vault, clock=SystemClock())
        if options.status:
            return _tell_status(await eraser.last(tenant.key, options.user_id), options)
        _tell(await _erase(eraser, tenant, options.user_id), options)
    return 0


async def _erase(eraser: Eraser, tenant: Tenant, user_id: str) -> Erased:
    for _ in range(TRIES - 1):
        try:
            return await eraser.erase(tenant, user_id)
        except DatabaseUnavailableError as exc:
            complain(f"Not yet: {exc}. Trying again.")
    return await eraser.erase(tenant, user_id)


def _tell(erased: Erased, options: argparse.Namespace) -> None:
    erasure = erased.erasure
    if options.json:
        told = {"logins": erased.logins, "cancelled": erased.cancelled, "was_known": erased.was_known}
        say_json(_as_json(erasure) | told)
        return
    if not erased.was_known:
        complain("The gateway knew nothing of this person: is the id right?")
    say(f"Erased at rev {erasure.rev}: {erased.logins} logins, {erased.cancelled} of them open.")
    if not erasure.is_complete:
        say("The other services and the tenant follow; --status tells how far they are.")


def _tell_status(erasure: Erasure | None, options: argparse.Namespace) -> int:
    if erasure is None:
        complain("This person was not erased, or that is not kept any more.")
        return FAILED
    if options.json:
        say_json(_as_json(erasure))
        return 0
    rows = [("gateway", _time(erasure.erased_at)), ("proofing", _time(erasure.proofing_at))]
    rows.append(("metadata-sync and the tenant", _time(erasure.metadata_sync_at)))
    print_table(("service", "nothing left since"), rows)
    if erasure.settle_at and erasure.metadata_sync_at is None:
        say(f"The tenant's metadata is cleared once more at {_time(erasure.settle_at)}.")
    return 0


def _as_json(erasure: Erasure) -> dict[str, str | int | bool | None]:
    return {
        "id": erasure.id,
        "rev": erasure.rev,
        "erased_at": _text(erasure.erased_at),
        "settle_at": _text(erasure.settle_at),
        "proofing_at": _text(erasure.proofing_at),
        "metadata_sync_at": _text(erasure.metadata_sync_at),
        "complete": erasure.is_complete,
    }


def _text(time: datetime | None) -> str | None:
    return time.isoformat() if time else None


def _time(time: datetime | None) -> str:
    return time.isoformat(timespec="seconds") if time else "not yet"
