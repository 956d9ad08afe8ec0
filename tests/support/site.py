"""A running stack as whoever looks at it meets it: processes of this machine, containers, mere addresses."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from tests.support.databases import ServiceDatabase
from tests.support.demo_tenant import DemoTenant, Origins
from tests.support.secret_folder import SecretFolder
from tests.support.virtual_hosts import VirtualHost


@dataclass(frozen=True, kw_only=True)
class Operator:
    """How an operator of one service runs `waystation`: `argv` before its arguments, and the environment."""

    argv: tuple[str, ...]
    environment: Mapping[str, str]


class Site(Protocol):
    """What can be seen of a stack and done to it; a name is a service's, `tenant`, `app` or `mail`."""

    @property
    def origins(self) -> Origins: ...

    @property
    def mails(self) -> str:
        """Where the mail server shows what it took."""

    @property
    def tenant(self) -> DemoTenant:
        """What the tenant was when the stack began."""

    @property
    def secrets(self) -> SecretFolder:
        """Every generated secret."""

    @property
    def database(self) -> ServiceDatabase: ...

    @property
    def amqp(self) -> VirtualHost: ...

    def written(self, name: str) -> str:
        """All that the process has written so far, also before it was begun anew."""

    def shown(self, name: str, what: str) -> str:
        """What whoever may look at the process finds without its memory: its `cmdline`, its `environ`."""

    def end(self, name: str) -> None:
        """Have it stop in order, and wait until it has."""

    def kill(self, name: str) -> None:
        """End it at once, as if the machine had lost it."""

    def begin(self, *names: str) -> None:
        """Start again what was ended, at the same addresses, and wait until all of it is ready."""

    def remind(self, service: str) -> None:
        """Have it look at once whether its tenants file has changed."""

    def pause(self, name: str) -> None: ...

    def resume(self, name: str) -> None: ...

    def retune(self, tenant: DemoTenant) -> None:
        """Write the tenants file anew for such a tenant; services notice by and by, or begin anew."""

    def tenants_text(self) -> str:
        """The tenants file."""

    def lay_tenants(self, text: str) -> None:
        """Write the tenants file anew, at once, so that nobody reads half of it."""

    def hand(self, name: str, text: str) -> str:
        """Give every service a file; returns the path by which a tenants file may name it."""

    def emulated(self) -> str:
        """The tenant emulator's file."""

    def emulate(self, text: str) -> None:
        """Write that file anew; the emulator reads it when it begins."""

    def operator(self, service: str, **changes: str) -> Operator:
        """`changes` are laid over the service's settings."""
