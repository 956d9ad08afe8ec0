"""`./dev demo`: one whole login through real servers, every hop printed."""

import argparse
import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from tests.support import demo_browser, walk
from tests.support.deeds import STEPS, Customer
from tests.support.demo_tenant import DemoTenant
from tests.support.errors import SupportError
from tests.support.inbox import Inbox
from tests.support.interrupts import interruptible
from tests.support.journey import Hop
from tests.support.local import local_stack
from tests.support.outcome import Login
from tests.support.stack import Stack
from tests.support.steps_option import action_settings, steps_of
from tests.support.waiting import run_alone

_USUAL = ("idproof",)


async def log_in(
    stack: Stack,
    *,
    steps: Sequence[str] = _USUAL,
    on_hop: Callable[[Hop], None],
    on_picture: Callable[[Path], None] | None = None,
) -> Login:
    """Log the stack's person in, through all of these steps; in Chromium, if somebody takes its pictures.

    Raises:
        JourneyError: a page was not what it should be, or the outcome is not where it belongs.
    """
    person = stack.tenant.person
    customer = Customer(person, inbox=Inbox(person.email, origin=stack.mails), steps=steps)
    if on_picture:
        login = await demo_browser.log_in(stack, customer, on_hop=on_hop, on_picture=on_picture)
    else:
        login = await walk.log_in(stack, customer, on_hop=on_hop)
    login.require_passed(steps)
    return login


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="./dev demo", description="Drive one whole login.")
    parser.add_argument("--json", action="store_true", help="one JSON line a hop")
    parser.add_argument("--steps", type=steps_of, default=_USUAL, help=f"any of {', '.join(STEPS)}")
    parser.add_argument("--browser", action="store_true", help="in Chromium, with pictures")
    return parser


def main(arguments: list[str]) -> int:
    """Run the demo; 0 when the application has its tokens."""
    wanted = _parser().parse_args(arguments)
    printer = _JsonPrinter() if wanted.json else _Printer()
    tenant = DemoTenant(action_settings=action_settings(wanted.steps))
    on_picture = printer.picture if wanted.browser else None
    with interruptible():
        try:
            with local_stack("demo", say=printer.say, tenant=tenant) as stack:
                demo = log_in(stack, steps=wanted.steps, on_hop=printer.hop, on_picture=on_picture)
                printer.done(run_alone(demo))
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

    def picture(self, path: Path) -> None:
        _line(f"{'':>16}picture {demo_browser.shown(path)}")

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

    def picture(self, path: Path) -> None:
        _line(json.dumps({"event": "demo.picture", "path": str(path)}))

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
