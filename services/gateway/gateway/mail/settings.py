"""Where mail goes out, from the environment: nothing, or all of it."""

import re
from dataclasses import dataclass, field
from email.headerregistry import Address
from pathlib import Path
from typing import Literal, TypeAlias
from urllib.parse import SplitResult, unquote, urlsplit

from common.settings import SettingsReader
from gateway.mail.message import UnmailableError, address_of

Security: TypeAlias = Literal["tls", "starttls", "none"]

_PORTS = {"smtps": 465, "smtp+starttls": 587, "smtp": 25}
_SECURITY: dict[str, Security] = {"smtps": "tls", "smtp+starttls": "starttls", "smtp": "none"}
_SENDER = re.compile(r"([^<>\"@\x00-\x1f\x7f]{1,80}) <([^<>]+)>|([^<> ]+)")
_HOST = re.compile(r"[A-Za-z0-9.-]{1,253}")


@dataclass(frozen=True, kw_only=True)
class MailSettings:
    """An SMTP submission server (RFC 6409), and whom our mails come from.

    `security`: TLS from the first byte, STARTTLS that must succeed, or none, which only development allows.
    """

    host: str
    port: int
    security: Security
    sender: Address
    username: str | None = None
    password: str | None = field(default=None, repr=False)


def read_mail_settings(reader: SettingsReader, *, production: bool) -> MailSettings | None:
    """What SMTP_URL, SMTP_PASSWORD_FILE and MAIL_FROM say; None where there is no SMTP_URL."""
    url = reader.text("SMTP_URL", default="")
    password_file = reader.text("SMTP_PASSWORD_FILE", default="")
    sender = _sender(reader, reader.text("MAIL_FROM", default=None if url else ""))
    if not url:
        return None
    password = _password(reader, password_file) if password_file else None
    parts = _parts(url)
    if parts is None:
        reader.mistake(
            "SMTP_URL", "must be smtps://, smtp+starttls:// or smtp:// with [USER@]HOST[:PORT] alone"
        )
        return None
    if sender is None:
        return None
    security = _SECURITY[parts.scheme]
    if security == "none" and production:
        reader.mistake("SMTP_URL", "must be smtps:// or smtp+starttls:// in production")
    if (parts.username is None) != (password is None):
        reader.mistake("SMTP_PASSWORD_FILE", "goes with a user in SMTP_URL, and the user with it")
    return MailSettings(
        host=parts.hostname or "",
        port=parts.port or _PORTS[parts.scheme],
        security=security,
        sender=sender,
        username=unquote(parts.username) if parts.username else None,
        password=password,
    )


def _parts(url: str) -> SplitResult | None:
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return None
    is_whole = parts.scheme in _PORTS and _HOST.fullmatch(parts.hostname or "") and port != 0
    is_more = parts.password is not None or parts.query or parts.fragment or parts.path not in ("", "/")
    return parts if is_whole and not is_more else None


def _sender(reader: SettingsReader, text: str) -> Address | None:
    found = _SENDER.fullmatch(text)
    try:
        address = address_of(found[2] or found[3]) if found else None
    except UnmailableError:
        address = None
    if address is None or found is None:
        if text:
            reader.mistake("MAIL_FROM", "must be one address such as Acme <no-reply@acme.example>")
        return None
    return Address(display_name=found[1] or "", username=address.username, domain=address.domain)


def _password(reader: SettingsReader, path: str) -> str:
    reader.check_secret_file("SMTP_PASSWORD_FILE", Path(path))
    try:
        return Path(path).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError):
        reader.mistake("SMTP_PASSWORD_FILE", "cannot be read")
        return ""
