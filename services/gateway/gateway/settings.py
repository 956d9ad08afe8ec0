import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from common.farewell import DRAIN_SECONDS, read_drain_seconds
from common.outgoing import Outgoing, read_outgoing
from common.service_settings import ServiceSettings, read_shared
from common.settings import MIN_TOKEN_CHARACTERS, Address, SettingsReader, is_weak
from common.tenant_secrets import Reading, TenantPart
from common.tenants import mistakes_in
from gateway.limits_settings import LimitSettings, read_limit_settings
from gateway.mail.settings import MailSettings, read_mail_settings

_PORT = r"[1-9][0-9]{0,4}"
_ORIGIN = re.compile(rf"https://[a-z0-9.-]+(:(?!443$){_PORT})?|http://[a-z0-9.-]+(:(?!80$){_PORT})?")

_CALLED = re.compile(rf"https://[a-z0-9.-]+(:{_PORT})?|http://(127\.[0-9.]+|\[::1\])(:{_PORT})?")

PARTS: frozenset[TenantPart] = frozenset({"tokens", "pages"})


@dataclass(frozen=True, kw_only=True)
class PasswordCallSettings:
    """Where metadata-sync answers, as an origin, and what proves that it is the gateway who asks."""

    url: str
    token: str = field(repr=False)
    ca_file: Path | None = None


@dataclass(frozen=True, kw_only=True)
class Settings(ServiceSettings):
    """Everything that the gateway takes from its environment; see README.md."""

    listen: Address
    public_base_url: str
    cookie_keys: tuple[bytes, ...] = field(repr=False)
    data_keys: tuple[bytes, ...] = field(repr=False)
    proofing_seal_keys: tuple[bytes, ...] = field(repr=False)
    metadata_sync_seal_keys: tuple[bytes, ...] = field(repr=False)
    password_call: PasswordCallSettings | None
    languages_folder: Path | None = None
    mail: MailSettings | None = None
    limits: LimitSettings = field(default_factory=LimitSettings)
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
            listen=reader.address("LISTEN", default="0.0.0.0:8080"),
            public_base_url=_origin(reader, production=shared["production"]),
            cookie_keys=reader.keys("COOKIE_KEY_FILES"),
            data_keys=reader.keys("DATA_KEY_FILES"),
            proofing_seal_keys=reader.keys("PROOFING_SEAL_KEY_FILE"),
            metadata_sync_seal_keys=reader.keys("METADATA_SYNC_SEAL_KEY_FILE"),
            password_call=_password_call(reader),
            mail=read_mail_settings(reader, production=shared["production"]),
            languages_folder=_folder(reader, "LANGUAGES_FOLDER"),
            limits=read_limit_settings(reader, production=shared["production"]),
            outgoing=read_outgoing(reader, production=shared["production"]),
            drain_seconds=read_drain_seconds(reader),
        )
        reading = Reading(
            production=reader.production,
            parts=PARTS,
            can_mail=settings.mail is not None,
            can_call=settings.password_call is not None,
        )
        reader.finish(also=lambda: mistakes_in(shared["tenants_file"], reading))
        return settings


def _password_call(reader: SettingsReader) -> PasswordCallSettings | None:
    """None where no tenant has the step `password`; a password may leave the machine by https only."""
    url = reader.text("PASSWORD_CALL_URL", default="").removesuffix("/")
    token_file = reader.text("PASSWORD_CALL_TOKEN_FILE", default="")
    ca_file = reader.text("PASSWORD_CALL_CA_FILE", default="")
    if not url:
        return None
    if not _CALLED.fullmatch(url):
        reader.mistake("PASSWORD_CALL_URL", "must be an https origin, or http on a loopback address")
    if ca_file and not Path(ca_file).is_file():
        reader.mistake("PASSWORD_CALL_CA_FILE", "names a file that does not exist")
    if token_file:
        reader.check_secret_file("PASSWORD_CALL_TOKEN_FILE", Path(token_file))
    try:
        token = Path(token_file).read_text(encoding="ascii").strip()
    except (OSError, ValueError):
        token = ""
    if not token:
        reader.mistake("PASSWORD_CALL_TOKEN_FILE", "must name a file with the token, with PASSWORD_CALL_URL")
    elif len(token) < MIN_TOKEN_CHARACTERS or is_weak(token.encode()):
        reader.mistake("PASSWORD_CALL_TOKEN_FILE", f"must hold {MIN_TOKEN_CHARACTERS} random characters")
    return PasswordCallSettings(url=url, token=token, ca_file=Path(ca_file) if ca_file else None)


def _folder(reader: SettingsReader, name: str) -> Path | None:
    return reader.path(name) if reader.text(name, default="") else None


def _origin(reader: SettingsReader, *, production: bool) -> str:
    """As browsers write it in `Origin` and `Host`, since both are compared with it."""
    schemes = ("https",) if production else ("https", "http")
    origin = reader.url("PUBLIC_BASE_URL", schemes=schemes).removesuffix("/")
    if origin.startswith(schemes) and not _ORIGIN.fullmatch(origin):
        reader.mistake(
            "PUBLIC_BASE_URL", "must be an origin in lower case without user, path or default port"
        )
    return origin
