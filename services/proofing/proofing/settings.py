from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Self

from common.service_settings import ServiceSettings, read_shared
from common.settings import SettingsReader
from common.tenant_secrets import Reading, TenantPart
from common.tenants import mistakes_in

# No part of the tenants file that holds a secret is for this service.
PARTS: frozenset[TenantPart] = frozenset()


@dataclass(frozen=True, kw_only=True)
class Settings(ServiceSettings):
    """Everything that proofing takes from its environment; see README.md."""

    data_keys: tuple[bytes, ...] = field(repr=False)
    seal_keys: tuple[bytes, ...] = field(repr=False)

    @classmethod
    def from_env(cls, environ: Mapping[str, str]) -> Self:
        """Read the environment.

        Raises:
            SettingsError: with every mistake.
        """
        reader = SettingsReader(environ)
        shared = read_shared(reader)
        settings = cls(
            **shared,
            data_keys=reader.keys("DATA_KEY_FILES"),
            seal_keys=reader.keys("SEAL_KEY_FILES"),
        )
        reading = Reading(production=reader.production, parts=PARTS)
        reader.finish(also=lambda: mistakes_in(shared["tenants_file"], reading))
        return settings
