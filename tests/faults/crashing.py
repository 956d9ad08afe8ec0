"""A stack whose services can be made to die at any effect."""

import os
import secrets
import signal
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.faults.bomb import ARMED, EFFECTS, Fate
from tests.faults.crash import LIFE
from tests.support.processes import Process
from tests.support.stack import SERVICES, Stack
from tests.support.waiting import wait_until

# Claims and leases last five seconds. Where the end of a write was not seen it is repeated after a minute.
_DOWNTIME = {"gateway": 6, "proofing": 6, "metadata-sync": 70}
_RISE_SECONDS = 20.0


class CrashStack(Stack):
    """A stack whose services carry a bomb and rise again."""

    def launch_all(self) -> None:
        """Start everything and wait for nothing."""
        self.start_tenant()
        self.start_app()
        self.start_mail()
        for service in SERVICES:
            self.launch_service(service)

    def launch_service(
        self, service: str, *, extra: Mapping[str, str] | None = None, through: Sequence[str] = ()
    ) -> Process:
        folder = crash_folder(self, service)
        folder.mkdir(parents=True, exist_ok=True)
        for note in folder.iterdir():
            note.unlink()
        crash = {"CRASH_FOLDER": str(folder), "CRASH_DOWNTIME": str(_DOWNTIME[service])}
        return super().launch_service(
            service, extra=crash | dict(extra or {}), through=(*through, "tests.faults.crash")
        )


def crash_folder(stack: Stack, service: str) -> Path:
    return stack.folder.path / "crash" / service


class Crashing:
    """One service of such a stack."""

    def __init__(self, stack: CrashStack, service: str) -> None:
        self._stack = stack
        self._folder = crash_folder(stack, service)
        self._nonce = ""
        self.service = service

    def arm(self, k: int, fate: Fate) -> None:
        """Begin to count; the process meets its fate at its k-th effect from now on, and never if k is 0."""
        self._nonce = secrets.token_hex(4)
        unready = self._folder / f"{ARMED}.new"
        unready.write_text(f"{self._nonce} {k} {fate}")
        unready.rename(self._folder / ARMED)

    def disarm(self) -> list[str]:
        """Stop counting; returns the effects that were counted, the fatal one last."""
        (self._folder / ARMED).unlink(missing_ok=True)
        lines = (self._folder / EFFECTS).read_text().splitlines()
        notes = [line.split(" ", 2) for line in lines]
        return [what for nonce, _, what in notes if nonce == self._nonce]

    @property
    def is_armed(self) -> bool:
        return (self._folder / ARMED).exists()

    @property
    def life(self) -> int:
        """How often the service has begun."""
        return int((self._folder / LIFE).read_text().split()[0])

    async def rise(self) -> None:
        """Kill it, and wait until it serves again."""
        life, pid = map(int, (self._folder / LIFE).read_text().split())
        os.kill(pid, signal.SIGKILL)
        await wait_until(
            lambda: self.life > life and self._stack.is_ready(self.service), _RISE_SECONDS, what="a new life"
        )
