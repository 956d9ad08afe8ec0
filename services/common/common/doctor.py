"""What `waystation doctor` finds: checks that all run, side by side, each within its time.

Each service adds what only it has to look at by an entry point of the group `waystation.doctor`. A finding
names what was looked at, says what is the matter in one sentence and how to mend it in another; nothing
secret is in either.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol, TypeAlias

from common.outgoing import Outgoing
from common.schema import queue_of
from common.service_settings import ServiceSettings
from common.settings import Address
from common.tenant_secrets import TenantPart
from common.tenants import Tenants

CHECK_SECONDS = 15.0
AT_ONCE = 32


class Status(StrEnum):
    """`warn` works and should not stay; `fail` keeps people from logging in, now or soon.

    What is `skipped` was not looked at, and may be either.
    """

    OK = "ok"
    SKIPPED = "skipped"
    WARN = "warn"
    FAIL = "fail"


@dataclass(frozen=True, kw_only=True)
class Finding:
    """What one look has shown; `fix` is empty where there is nothing to mend."""

    about: str
    status: Status
    text: str
    fix: str = ""


def ok(about: str, text: str) -> Finding:
    return Finding(about=about, status=Status.OK, text=text)


def skipped(about: str, text: str, *, fix: str) -> Finding:
    """`fix`: how to have it looked at."""
    return Finding(about=about, status=Status.SKIPPED, text=text, fix=fix)


def warn(about: str, text: str, *, fix: str) -> Finding:
    return Finding(about=about, status=Status.WARN, text=text, fix=fix)


def fail(about: str, text: str, *, fix: str) -> Finding:
    return Finding(about=about, status=Status.FAIL, text=text, fix=fix)


Check: TypeAlias = Callable[[], Awaitable[Sequence[Finding]]]


@dataclass(frozen=True, kw_only=True)
class Patient:
    """One service as its settings describe it; what is wrong with them is left out.

    `settings` are None where they are not good enough for the service to start. `admin` is where it tells
    whether it is ready; None where that is not known. `may_be_elsewhere`: it may run on another machine.
    """

    schema: str
    production: bool
    settings: ServiceSettings | None
    tenants: Tenants | None
    outgoing: Outgoing
    database_url: str = field(repr=False)
    amqp_url: str = field(repr=False)
    management_url: str = field(default="", repr=False)
    admin: Address | None = None
    may_be_elsewhere: bool = False

    @property
    def service(self) -> str:
        return queue_of(self.schema)


class Examination(Protocol):
    """What a service brings: its settings, and checks that only it needs."""

    @property
    def parts(self) -> frozenset[TenantPart]:
        """Of the tenants file."""
        ...

    @property
    def exchanges(self) -> tuple[str, ...]:
        """That it writes to."""
        ...

    @property
    def bindings(self) -> frozenset[tuple[str, str]]:
        """Exchange and routing key of what its queue is given."""
        ...

    def read_settings(self, environ: Mapping[str, str]) -> ServiceSettings:
        """Raises SettingsError with every mistake."""
        ...

    def checks(self, patient: Patient) -> Mapping[str, Check]:
        """By what they are about."""
        ...


async def examine(checks: Mapping[str, Check], *, seconds: float = CHECK_SECONDS) -> list[Finding]:
    """Run them all; what takes too long or breaks is a finding too."""
    room = asyncio.Semaphore(AT_ONCE)
    found = await asyncio.gather(
        *(_one(about, check, room=room, seconds=seconds) for about, check in checks.items())
    )
    return [finding for findings in found for finding in findings]


async def _one(about: str, check: Check, *, room: asyncio.Semaphore, seconds: float) -> Sequence[Finding]:
    try:
        async with room, asyncio.timeout(seconds):
            return await check()
    except TimeoutError:
        return [
            fail(about, f"took longer than {seconds:g} s", fix="Find what between here and there is slow.")
        ]
    except Exception as exc:  # noqa: BLE001 - one check that breaks must not keep the others from telling
        return [
            fail(
                about,
                f"could not be looked at ({type(exc).__name__})",
                fix="Report this as a mistake of ours.",
            )
        ]
