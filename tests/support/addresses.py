"""A stack of which nothing is known but where it answers, such as one in a cluster.

A journey that looks further than that is skipped where it does, and says so.
"""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NoReturn, Self

import pytest

from tests.support.databases import ServiceDatabase
from tests.support.demo_tenant import DemoTenant, Origins
from tests.support.secret_folder import SecretFolder
from tests.support.site import Operator
from tests.support.virtual_hosts import VirtualHost


@dataclass(frozen=True, kw_only=True)
class Addresses:
    """Where it answers; DSN of the database and URL of the broker where those can be reached."""

    origins: Origins
    mails: str
    owner: str | None = field(default=None, repr=False)
    admin: str | None = field(default=None, repr=False)

    @classmethod
    def read(cls, file: Path) -> Self:
        """Such a file as `./dev up --json` writes; what else stands in it is of no use here."""
        told: dict[str, Any] = json.loads(file.read_text())
        return cls(
            origins=Origins(**{name: told[name] for name in ("tenant", "gateway", "app")}),
            mails=told["mails"],
            owner=told.get("database"),
            admin=told.get("amqp"),
        )

    @property
    def tenant(self) -> DemoTenant:
        return DemoTenant()

    @property
    def secrets(self) -> SecretFolder:
        _unknown("its secrets")

    @property
    def database(self) -> ServiceDatabase:
        if self.owner is None:
            _unknown("its database")
        return ServiceDatabase(name="", owner=self.owner, gateway="", proofing="", metadata_sync="")

    @property
    def amqp(self) -> VirtualHost:
        if self.admin is None:
            _unknown("its broker")
        return VirtualHost(name="", admin=self.admin, gateway="", proofing="", metadata_sync="")

    def written(self, name: str) -> str:
        _unknown(f"the log of {name}")

    def shown(self, name: str, what: str) -> str:
        _unknown(f"the {what} of {name}")

    def end(self, name: str) -> None:
        _unknown(f"how to end {name}")

    def kill(self, name: str) -> None:
        _unknown(f"how to kill {name}")

    def begin(self, *names: str) -> None:
        _unknown(f"how to begin {', '.join(names)}")

    def remind(self, service: str) -> None:
        _unknown(f"how to signal {service}")

    def pause(self, name: str) -> None:
        _unknown(f"how to pause {name}")

    def resume(self, name: str) -> None:
        _unknown(f"how to resume {name}")

    def retune(self, tenant: DemoTenant) -> None:
        _unknown(f"how to change {tenant.person.email}'s tenant")

    def tenants_text(self) -> str:
        _unknown("its tenants file")

    def lay_tenants(self, text: str) -> None:
        _unknown(f"where to lay {len(text)} characters")

    def hand(self, name: str, text: str) -> str:
        _unknown(f"where to lay {name} of {len(text)} characters")

    def emulated(self) -> str:
        _unknown("the tenant's file")

    def emulate(self, text: str) -> None:
        _unknown(f"where to lay {len(text)} characters")

    def operator(self, service: str, **changes: str) -> Operator:
        _unknown(f"how an operator of {service} works{', with changes' if changes else ''}")


def _unknown(what: str) -> NoReturn:
    pytest.skip(f"of this stack only addresses are known, not {what}")
