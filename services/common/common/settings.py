import base64
import binascii
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar
from urllib.parse import urlsplit

from common.errors import WaystationError
from common.production import WANTED_MODE, is_open_to_all, weak_login

KEY_BYTES = 32
MIN_DIFFERENT_BYTES = 8
MIN_TOKEN_CHARACTERS = 32
DEVELOPMENT = "development"
PRODUCTION = "production"
_LOOPBACK = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - recognized, not bound

Choice = TypeVar("Choice", bound=str)


class SettingsError(WaystationError):
    """The environment does not describe a runnable service."""

    def __init__(self, mistakes: tuple[str, ...]) -> None:
        super().__init__("; ".join(mistakes))
        self.mistakes = mistakes


@dataclass(frozen=True, kw_only=True)
class Address:
    """Where a listener binds; port 0 lets the system choose."""

    host: str
    port: int

    @property
    def nearby(self) -> "Address":
        """Where it is asked on its own machine: what listens on all addresses, on loopback."""
        return Address(host=_LOOPBACK.get(self.host, self.host), port=self.port)


class SettingsReader:
    """Reads one mapping of environment variables and remembers every mistake until `finish`.

    A getter that finds a mistake returns a harmless value of its type, so that the caller can read on.
    """

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = environ
        self._mistakes: list[str] = []
        self.production = True

    @property
    def mistakes(self) -> tuple[str, ...]:
        """What was wrong so far, as `NAME: what is wrong`."""
        return tuple(self._mistakes)

    def mistake(self, name: str, problem: str) -> None:
        self._mistakes.append(f"{name}: {problem}")

    def finish(self, *, also: Callable[[], Sequence[str]] = tuple) -> None:
        """Raise `SettingsError` with all mistakes if there are any, and with those that `also` finds then."""
        if self._mistakes:
            raise SettingsError((*self._mistakes, *also()))

    def check_secret_file(self, name: str, path: Path, *, which: str = "the file") -> None:
        """In production a secret is its owner's alone."""
        if self.production and is_open_to_all(path):
            self.mistake(name, f"{which} is open to everybody: give it mode {WANTED_MODE}")

    def text(self, name: str, *, default: str | None = None) -> str:
        value = self._environ.get(name, "").strip()
        if value:
            return value
        if default is None:
            self.mistake(name, "is required")
            return ""
        return default

    def environment(self) -> str:
        """`PRODUCTION` or `DEVELOPMENT`; read first, since production refuses more of what follows."""
        value = self.choice("ENVIRONMENT", among=(PRODUCTION, DEVELOPMENT), default=PRODUCTION)
        self.production = value == PRODUCTION
        return value

    def choice(self, name: str, *, among: tuple[Choice, ...], default: Choice) -> Choice:
        value = self.text(name, default=default)
        for one in among:
            if value == one:
                return one
        self.mistake(name, f"must be one of {', '.join(among)}")
        return default

    def number(self, name: str, *, default: float, at_least: float = 0, at_most: float = 86_400) -> float:
        try:
            value = float(self.text(name, default=str(default)))
        except ValueError:
            value = float("nan")
        if not at_least <= value <= at_most:
            self.mistake(name, f"must be a number from {at_least:g} to {at_most:g}")
            return default
        return value

    def url(self, name: str, *, schemes: tuple[str, ...]) -> str:
        """A URL with a host. The value is never repeated in a mistake: it may carry a password."""
        return self._url(name, self.text(name), schemes=schemes)

    def secret_url(self, name: str, *, schemes: tuple[str, ...], for_administration: bool = False) -> str:
        """A URL that carries a password: in the variable, or in the file that `NAME_FILE` names."""
        value, file = self._environ.get(name, "").strip(), self._environ.get(f"{name}_FILE", "").strip()
        if not file:
            if not value:
                self.mistake(name, "is required")
            return self._login(name, value, schemes=schemes, for_administration=for_administration)
        if value:
            self.mistake(name, f"is given twice: here and by {name}_FILE")
        try:
            value = Path(file).read_text(encoding="utf-8").strip()
        except (OSError, ValueError):
            self.mistake(f"{name}_FILE", "names a file that cannot be read")
            return ""
        if not value:
            self.mistake(f"{name}_FILE", "names a file that is empty")
        self.check_secret_file(f"{name}_FILE", Path(file))
        return self._login(f"{name}_FILE", value, schemes=schemes, for_administration=for_administration)

    def optional_secret_url(self, name: str, *, schemes: tuple[str, ...]) -> str:
        """As `secret_url`, and nothing where neither the variable nor its file is given."""
        is_given = any(self._environ.get(variable, "").strip() for variable in (name, f"{name}_FILE"))
        return self.secret_url(name, schemes=schemes) if is_given else ""

    def _login(self, name: str, value: str, *, schemes: tuple[str, ...], for_administration: bool) -> str:
        known = len(self._mistakes)
        self._url(name, value, schemes=schemes)
        if self.production and value and len(self._mistakes) == known:
            for problem in weak_login(value, for_administration=for_administration):
                self.mistake(name, f"{problem}, in production")
        return value

    def _url(self, name: str, value: str, *, schemes: tuple[str, ...]) -> str:
        try:
            parts = urlsplit(value)
            usable = parts.scheme in schemes and bool(parts.hostname) and (parts.port or 1) > 0
        except ValueError:
            usable = False
        if value and not usable:
            self.mistake(name, f"must be a URL that begins with {' or '.join(s + '://' for s in schemes)}")
        return value

    def address(self, name: str, *, default: str | None = None) -> Address:
        value = self.text(name, default=default)
        host, _, port = value.rpartition(":")
        if not value:
            return Address(host="127.0.0.1", port=0)
        if not host or not port.isdecimal() or int(port) > 65535:  # noqa: PLR2004 - the largest port there is
            self.mistake(name, "must be HOST:PORT")
            return Address(host="127.0.0.1", port=0)
        return Address(host=host.strip("[]"), port=int(port))

    def path(self, name: str) -> Path:
        value = self.text(name)
        path = Path(value)
        if value and not _exists(path):
            self.mistake(name, "names a file that does not exist")
        return path

    def keys(self, name: str) -> tuple[bytes, ...]:
        """A comma list of key files (see `read_key_file`); the first is current."""
        value = self.text(name)
        paths = [part.strip() for part in value.split(",") if part.strip()]
        if value and not paths:
            self.mistake(name, "names no file")
        return tuple(
            key for position, path in enumerate(paths, 1) if (key := self._key(name, position, path))
        )

    def _key(self, name: str, position: int, path: str) -> bytes | None:
        self.check_secret_file(name, Path(path), which=f"file {position}")
        try:
            return read_key_file(Path(path))
        except OSError:
            self.mistake(name, f"file {position} cannot be read")
        except WeakKeyError:
            self.mistake(name, f"file {position} repeats itself: make it of random bytes")
        except ValueError:
            self.mistake(name, f"file {position} must hold base64url of exactly {KEY_BYTES} bytes")
        return None


class WeakKeyError(ValueError):
    """A key of the right length that nobody made at random."""


def is_weak(secret: bytes) -> bool:
    """Whether 32 bytes or more are a placeholder: a few different ones, or a pattern that repeats.

    What a random generator writes never is, be it as bytes, hex or base64. Not all that can be guessed is
    found: this catches what somebody typed to get going.
    """
    has_period = any(secret[n:] == secret[:-n] for n in range(1, len(secret) // 2 + 1))
    return has_period or len(set(secret)) < MIN_DIFFERENT_BYTES


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except OSError:
        return False


def read_key_file(path: Path) -> bytes:
    """The 32 bytes that the file holds as base64url, with or without padding.

    Raises:
        OSError: the file cannot be read.
        WeakKeyError: it holds no random bytes.
        ValueError: it holds something else.
    """
    text = path.read_text(encoding="ascii").strip()
    try:
        key = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except binascii.Error as exc:
        raise ValueError("not base64url") from exc
    if len(key) != KEY_BYTES:
        raise ValueError("wrong length")
    if is_weak(key):
        raise WeakKeyError("not random")
    return key
