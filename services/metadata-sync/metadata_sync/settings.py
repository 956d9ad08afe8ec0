from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

from common.service_settings import ServiceSettings, read_shared
from common.settings import SettingsReader


@dataclass(frozen=True, kw_only=True)
class Settings(ServiceSettings):
    """Everything that metadata-sync takes from its environment; see README.md."""

    @classmethod
    def from_env(cls, environ: Mapping[str, str]) -> Self:
        """Read the environment.

        Raises:
            SettingsError: with every mistake.
        """
        reader = SettingsReader(environ)
        settings = cls(**read_shared(reader))
        reader.finish()
        return settings
