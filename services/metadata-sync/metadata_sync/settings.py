from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from common.settings import DEVELOPMENT, PRODUCTION, Address, SettingsReader


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Everything that metadata-sync takes from its environment; see README.md."""

    production: bool
    log_level: str
    admin_listen: Address
    tenants_file: Path
    database_url: str = field(repr=False)
    amqp_url: str = field(repr=False)

    @classmethod
    def from_env(cls, environ: Mapping[str, str]) -> Self:
        """Read the environment.

        Raises:
            SettingsError: with every mistake.
        """
        reader = SettingsReader(environ)
        environment = reader.choice("ENVIRONMENT", among=(PRODUCTION, DEVELOPMENT), default=PRODUCTION)
        settings = cls(
            production=environment == PRODUCTION,
            log_level=reader.choice("LOG_LEVEL", among=("debug", "info", "warning", "error"), default="info"),
            admin_listen=reader.address("ADMIN_LISTEN", default="127.0.0.1:9090"),
            tenants_file=reader.path("TENANTS_FILE"),
            database_url=reader.url("DATABASE_URL", schemes=("postgresql", "postgres")),
            amqp_url=reader.url("AMQP_URL", schemes=("amqp", "amqps")),
        )
        reader.finish()
        return settings
