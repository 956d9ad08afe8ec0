import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Self

from common.service_settings import ServiceSettings, read_shared
from common.settings import Address, SettingsReader

_PORT = r"[1-9][0-9]{0,4}"
_ORIGIN = re.compile(rf"https://[a-z0-9.-]+(:(?!443$){_PORT})?|http://[a-z0-9.-]+(:(?!80$){_PORT})?")


@dataclass(frozen=True, kw_only=True)
class Settings(ServiceSettings):
    """Everything that the gateway takes from its environment; see README.md."""

    listen: Address
    public_base_url: str
    cookie_keys: tuple[bytes, ...] = field(repr=False)
    data_keys: tuple[bytes, ...] = field(repr=False)
    proofing_seal_keys: tuple[bytes, ...] = field(repr=False)
    metadata_sync_seal_keys: tuple[bytes, ...] = field(repr=False)

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
            listen=reader.address("LISTEN", default="0.0.0.0:8080"),
            public_base_url=_origin(reader, production=shared["production"]),
            cookie_keys=reader.keys("COOKIE_KEY_FILES"),
            data_keys=reader.keys("DATA_KEY_FILES"),
            proofing_seal_keys=reader.keys("PROOFING_SEAL_KEY_FILE"),
            metadata_sync_seal_keys=reader.keys("METADATA_SYNC_SEAL_KEY_FILE"),
        )
        reader.finish()
        return settings


def _origin(reader: SettingsReader, *, production: bool) -> str:
    """As browsers write it in `Origin` and `Host`, since both are compared with it."""
    schemes = ("https",) if production else ("https", "http")
    origin = reader.url("PUBLIC_BASE_URL", schemes=schemes).removesuffix("/")
    if origin.startswith(schemes) and not _ORIGIN.fullmatch(origin):
        reader.mistake(
            "PUBLIC_BASE_URL", "must be an origin in lower case without user, path or default port"
        )
    return origin
