from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Self

from common.service_settings import ServiceSettings, read_shared
from common.settings import SettingsReader


@dataclass(frozen=True, kw_only=True)
class Settings(ServiceSettings):
    """Everything that metadata-sync takes from its environment; see README.md."""

    data_keys: tuple[bytes, ...] = field(repr=False)
    seal_keys: tuple[bytes, ...] = field(repr=False)

    @classmethod
    def from_env(cls, environ: Mapping[str, str]) -> Self:
        """Read the environment.

        Raises:
            SettingsError: with every mistake.
        """
        reader = SettingsReader(environ)
        settings = cls(
            **read_shared(reader),
            data_keys=reader.keys("DATA_KEY_FILES"),
            seal_keys=reader.keys("SEAL_KEY_FILES"),
        )
        reader.finish()
        return settings
