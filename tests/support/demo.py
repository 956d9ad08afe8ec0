"""`./dev demo`: one whole login through real servers, every hop printed."""

import argparse
import json
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from yarl import URL

from tests.support.errors import JourneyError, SupportError
from tests.support.interrupts import interruptible
from tests.support.journey import Hop, Page, Visitor, new_session
from tests.support.local import local_stack
from tests.support.stack import Stack
from tests.support.waiting import run_alone

CLAIM = "https://waystation.dev/idproof"
_WAIT_SECONDS = 30.0


@dataclass(frozen=True, kw_only=True)
class Login:
    """What a login left, read back from where it is kept."""

    transaction_id: str
    total_ms: int
    app_metadata: dict[str, Any]
    id_token_claims: dict[str, Any]


async def log_in(stack: Stack, *, on_hop: Callable[[Hop], None]) -> Login:
    """Log the stack's person in, as they would: password, claim, passport, back.

    Raises:
        JourneyError: a page was not what it should be, or the outcome is not where it belongs.
    """
    origins = stack.origins
    names = {origins.app: "application", origins.tenant: "tenant", origins.gateway: "gateway"}
    async with new_session(origins=list(names)) as session:
        began = time.perf_counter()
        visitor = Visitor(session, names=names, on_hop=on_hop)
        transaction_id = await _walk(visitor, stack)
        total_ms = round((time.perf_counter() - began) * 1000)
        user_id = str(URL.build(path=stack.tenant.person.user_id)).replace("|", "%7C")
        user = await _json(session, f"{origins.tenant}/__control/users/{user_id}")
        claims = await _json(session, f"{origins.app}/claims")
    login = Login(
        transaction_id=transaction_id,
        total_ms=total_ms,
        app_metadata=user.get("app_metadata", {}),
        id_token_claims=claims or {},
    )
    _require_outcome(login)
    return login


async def _walk(visitor: Visitor, stack: Stack) -> str:
    """The login's pages, one after the other; returns the transaction's id."""
    person = stack.tenant.person
    visitor.act("logs in at the application")
    page = await visitor.open(f"{stack.origins.app}/login")
    visitor.act("types e-mail address and password; the tenant's Action asks for a proof of identity")
    page = await visitor.submit(
        page, "form:has(input[type=password])", {"username": person.email, "password": person.password}
    )
    transaction_id = _transaction_of(page)
    visitor.act("confirms that this is their own login")
    page = await visitor.submit(page, "form#claim")
    visitor.act("types the two lines at the bottom of their passport")
    page = await visitor.submit(page, "form#identity", {"mrz": "\n".join(person.mrz())})
    visitor.act("waits while the passport is checked and the result is saved at the tenant")
    page = await visitor.follow_until(page, "form#continue", deadline=_WAIT_SECONDS)
    visitor.act("goes back to the tenant, whose Action checks our signed answer, and on to the application")
    page = await visitor.submit(page, "form#continue")
    page = await visitor.submit(page, "form#hand-back")
    page.form("form#logout")  # only somebody who is logged in is offered to log out
    return transaction_id


def _transaction_of(page: Page) -> str:
    """The id in /t/{id}."""
    page.form("form#claim")
    return page.url.parts[2]


async def _json(session: Any, url: str) -> Any:
    async with session.get(URL(url, encoded=True)) as response:
        return await response.json()


def _require_outcome(login: Login) -> None:
    for key in ("waystation_idproof", "waystation_idproof_seen"):
        if login.app_metadata.get(key, {}).get("status") != "passed":
            raise JourneyError(f"The login ended, but app_metadata has no passed {key}.")
    if login.id_token_claims.get(CLAIM, {}).get("status") != "passed":
        raise JourneyError(f"The login ended, but the ID token has no passed {CLAIM}.")


def main(arguments: list[str]) -> int:
    """Run the demo; 0 when the application has its tokens."""
    parser = argparse.ArgumentParser(prog="./dev demo", description="Drive one whole login.")
    parser.add_argument("--json", action="store_true", help="one JSON line a hop")
    printer = _JsonPrinter() if parser.parse_args(arguments).json else _Printer()
    with interruptible():
        try:
            with local_stack("demo", say=printer.say) as stack:
                printer.done(run_alone(log_in(stack, on_hop=printer.hop)))
        except SupportError as exc:
            sys.stderr.write(f"The demo failed: {exc}\n")
            return 1
        except KeyboardInterrupt:
            sys.stderr.write("The demo was interrupted; everything it had started is stopped.\n")
            return 130
        except Exception as exc:  # noqa: BLE001 - who runs a demo is owed a sentence, whatever happened
            sys.stderr.write(f"The demo failed unexpectedly, {type(exc).__name__}: {exc}\n")
            return 1
    return 0


class _Printer:
    """For people."""

    def __init__(self) -> None:
        self._act = ""

    def say(self, text: str) -> None:
        _line(f"{text} …")

    def hop(self, hop: Hop) -> None:
        if hop.act != self._act:
            self._act = hop.act
            _line(f"\nThe person {hop.act}.")
        request = f"{hop.who:<11} {hop.method:<4} {hop.path:<35}"
        _line(f"{hop.number:>3} {hop.milliseconds:>6.0f} ms  {request} {hop.status}  {hop.what}")

    def done(self, login: Login) -> None:
        _line(f"\nLogged in after {login.total_ms / 1000:.1f} s; transaction {login.transaction_id}.")
        _line("\napp_metadata at the tenant:")
        _line(json.dumps(login.app_metadata, indent=2))
        _line("\nclaims of the ID token:")
        _line(json.dumps(login.id_token_claims, indent=2))
        _line("\nStopping everything …")


class _JsonPrinter(_Printer):
    """For programs: nothing but JSON lines."""

    def say(self, text: str) -> None:
        """Keep quiet."""

    def hop(self, hop: Hop) -> None:
        fields = {
            "event": "demo.hop",
            "number": hop.number,
            "act": hop.act,
            "who": hop.who,
            "method": hop.method,
            "path": hop.path,
            "status": hop.status,
            "what": hop.what,
            "ms": round(hop.milliseconds, 1),
        }
        _line(json.dumps(fields))

    def done(self, login: Login) -> None:
        fields = {
            "event": "demo.done",
            "ok": True,
            "transaction_id": login.transaction_id,
            "total_ms": login.total_ms,
            "app_metadata": login.app_metadata,
            "id_token_claims": login.id_token_claims,
        }
        _line(json.dumps(fields))


def _line(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
