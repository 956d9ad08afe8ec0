"""What every service takes from its environment, whatever it does."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import TypedDict

from common.log_formats import FORMATS, Format
from common.production import is_public
from common.settings import PRODUCTION, Address, SettingsReader
from common.tracing_settings import TracingSettings, read_tracing


@dataclass(frozen=True, kw_only=True)
class ServiceSettings:
    """The settings that all services share; each has a subclass with its own."""

    production: bool
    log_level: str
    log_format: Format
    admin_listen: Address
    tenants_file: Path
    database_url: str = field(repr=False)
    amqp_url: str = field(repr=False)
    tracing: TracingSettings | None = None


class Shared(TypedDict):
    """The keywords of `ServiceSettings`."""

    production: bool
    log_level: str
    log_format: Format
    admin_listen: Address
    tenants_file: Path
    database_url: str
    amqp_url: str
    tracing: TracingSettings | None


def read_shared(reader: SettingsReader) -> Shared:
    environment = reader.environment()
    return {
        "production": environment == PRODUCTION,
        "log_level": reader.choice("LOG_LEVEL", among=("debug", "info", "warning", "error"), default="info"),
        "log_format": reader.choice("LOG_FORMAT", among=FORMATS, default="json"),
        "admin_listen": read_admin_listen(reader),
        "tenants_file": reader.path("TENANTS_FILE"),
        "database_url": reader.secret_url("DATABASE_URL", schemes=("postgresql", "postgres")),
        "amqp_url": reader.secret_url("AMQP_URL", schemes=("amqp", "amqps")),
        "tracing": read_tracing(reader),
    }


def read_admin_listen(reader: SettingsReader) -> Address:
    """Where health and metrics are served: in production nowhere that the public can reach."""
    address = reader.address("ADMIN_LISTEN", default="127.0.0.1:9090")
    if reader.production and is_public(address.host):
        reader.mistake(
            "ADMIN_LISTEN", "must be one address that is not public, such as 127.0.0.1 or a pod's own"
        )
    return address
