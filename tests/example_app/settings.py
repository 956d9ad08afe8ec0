from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from yarl import URL

from tests.example_app.errors import SettingsError

_NAMES = ("LISTEN", "BASE_URL", "ISSUER", "CLIENT_ID", "CLIENT_SECRET_FILE")


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What the application must know; `base_url` and `issuer` without and with a slash at their end."""

    host: str
    port: int
    base_url: str
    issuer: str
    client_id: str
    client_secret: str = field(repr=False)

    @classmethod
    def from_env(cls, environ: Mapping[str, str]) -> Self:
        """Read LISTEN (host:port), BASE_URL, ISSUER, CLIENT_ID and CLIENT_SECRET_FILE.

        Raises:
            SettingsError: one is missing or cannot be read; all of them are named.
        """
        missing = [name for name in _NAMES if not environ.get(name)]
        if missing:
            raise SettingsError(f"not set: {', '.join(missing)}")
        host, _, port = environ["LISTEN"].rpartition(":")
        if not port.isdigit():
            raise SettingsError("LISTEN must be host:port")
        return cls(
            host=host,
            port=int(port),
            base_url=str(URL(environ["BASE_URL"]).origin()),
            issuer=environ["ISSUER"].rstrip("/") + "/",
            client_id=environ["CLIENT_ID"],
            client_secret=_read(Path(environ["CLIENT_SECRET_FILE"])),
        )


def _read(path: Path) -> str:
    try:
        return path.read_text().strip()
    except OSError as exc:
        raise SettingsError(f"CLIENT_SECRET_FILE cannot be read: {exc.strerror}") from exc
