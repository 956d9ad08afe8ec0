from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import ip_address
from pathlib import Path
from typing import Self

from common.farewell import DRAIN_SECONDS, read_drain_seconds
from common.outgoing import Outgoing, read_outgoing
from common.service_settings import ServiceSettings, read_shared
from common.settings import MIN_TOKEN_CHARACTERS, Address, SettingsReader, is_weak
from common.tenant_secrets import Reading, TenantPart
from common.tenants import mistakes_in

PARTS: frozenset[TenantPart] = frozenset({"management"})


@dataclass(frozen=True, kw_only=True)
class InternalListener:
    """Where the gateway's password call is answered; any of `tokens` opens it. TLS unless on loopback."""

    address: Address
    tokens: tuple[str, ...] = field(repr=False)
    certificate: Path | None = None
    private_key: Path | None = None


@dataclass(frozen=True, kw_only=True)
class Settings(ServiceSettings):
    """Everything that metadata-sync takes from its environment; see README.md."""

    data_keys: tuple[bytes, ...] = field(repr=False)
    seal_keys: tuple[bytes, ...] = field(repr=False)
    internal: InternalListener | None
    outgoing: Outgoing = field(default_factory=Outgoing)
    drain_seconds: float = DRAIN_SECONDS

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
            internal=_internal(reader),
            outgoing=read_outgoing(reader, production=shared["production"]),
            drain_seconds=read_drain_seconds(reader),
        )
        reading = Reading(production=reader.production, parts=PARTS)
        reader.finish(also=lambda: mistakes_in(shared["tenants_file"], reading))
        return settings


def _internal(reader: SettingsReader) -> InternalListener | None:
    """None where INTERNAL_LISTEN is not set; then the others mean nothing."""
    address = reader.address("INTERNAL_LISTEN", default="")
    tokens = _tokens(reader, reader.text("INTERNAL_TOKEN_FILES", default=""))
    certificate = _file(reader, "INTERNAL_TLS_CERT_FILE")
    private_key = _file(reader, "INTERNAL_TLS_KEY_FILE")
    if private_key:
        reader.check_secret_file("INTERNAL_TLS_KEY_FILE", private_key)
    if not address.port:
        return None
    if not tokens:
        reader.mistake("INTERNAL_TOKEN_FILES", "is required with INTERNAL_LISTEN")
    if not (certificate and private_key) and (certificate or private_key or not _is_loopback(address.host)):
        reader.mistake("INTERNAL_LISTEN", "needs INTERNAL_TLS_CERT_FILE and INTERNAL_TLS_KEY_FILE")
    return InternalListener(address=address, tokens=tokens, certificate=certificate, private_key=private_key)


def _file(reader: SettingsReader, name: str) -> Path | None:
    value = reader.text(name, default="")
    if value and not Path(value).is_file():
        reader.mistake(name, "names a file that does not exist")
    return Path(value) if value else None


def _tokens(reader: SettingsReader, names: str) -> tuple[str, ...]:
    paths = [Path(name.strip()) for name in names.split(",") if name.strip()]
    for position, path in enumerate(paths, 1):
        reader.check_secret_file("INTERNAL_TOKEN_FILES", path, which=f"file {position}")
    try:
        tokens = tuple(path.read_text(encoding="ascii").strip() for path in paths)
    except (OSError, ValueError):
        reader.mistake("INTERNAL_TOKEN_FILES", "names a file that cannot be read as text")
        return ()
    if any(len(token) < MIN_TOKEN_CHARACTERS or is_weak(token.encode()) for token in tokens):
        reader.mistake("INTERNAL_TOKEN_FILES", f"must hold {MIN_TOKEN_CHARACTERS} random characters each")
    return tokens


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
