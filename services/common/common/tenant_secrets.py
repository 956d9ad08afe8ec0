"""Secrets that a tenants file names: read from files beside it, held without being shown.

Each service reads only its part: metadata-sync runs without the token secrets being there, the gateway
without the Management secret, proofing without any. Pictures for pages (`tenant_pictures`) are read likewise.
"""

from collections.abc import Callable
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Generic, Literal, TypeAlias, TypeVar

from jwt.algorithms import HMACAlgorithm
from jwt.exceptions import InvalidKeyError
from pydantic import PlainValidator, ValidationInfo
from pydantic_core import PydanticCustomError

from common.errors import WaystationError
from common.production import WANTED_MODE, is_open_to_all
from common.rsa_keys import RsaKeyError, SigningKey, VerifyingKey, read_signing_key, read_verifying_key
from common.settings import KEY_BYTES, WeakKeyError, is_weak, read_key_file

TenantPart: TypeAlias = Literal["tokens", "management", "pages"]
Stamp: TypeAlias = tuple[int, int, int, int] | None

ALL_PARTS: frozenset[TenantPart] = frozenset({"tokens", "management", "pages"})
MIN_SIGNING_SECRET_BYTES = 32  # RFC 7518, 3.2: at least the size of the hash
MAX_SECRET_BYTES = 4096  # what Auth0 keeps for an Action

T = TypeVar("T")


class SecretNotLoadedError(WaystationError):
    """This service did not ask for the part of the tenants file that the secret belongs to."""


def stamp(path: Path) -> Stamp:
    """What changes when a file is written, replaced or swapped through a symbolic link; None if absent.

    Copies keep the date of what they copy, and a file may have the number and the length of the one before.
    """
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_mtime_ns, status.st_ctime_ns, status.st_ino, status.st_size


@dataclass
class Reading:
    """One pass over a tenants file and the secrets it names; remembers what it looked at.

    Without `can_mail` a step that sends mail is a mistake, without `can_call` one that calls metadata-sync:
    only the gateway knows whether it can.
    """

    production: bool
    parts: AbstractSet[TenantPart] = ALL_PARTS
    can_mail: bool = True
    can_call: bool = True
    folder: Path = field(default_factory=Path)
    stamps: dict[Path, Stamp] = field(default_factory=dict)

    def note(self, path: Path) -> None:
        # Before the file is read: a change in between is then seen as one, at worst one reload too many.
        self.stamps.setdefault(path, stamp(path))


class Secret(Generic[T]):
    """What a secret file holds, which shows itself only to `reveal`."""

    __slots__ = ("_content",)

    def __init__(self, content: T | None) -> None:
        self._content = content

    def reveal(self) -> T:
        """The secret itself.

        Raises:
            SecretNotLoadedError: its part of the file was not asked for.
        """
        if self._content is None:
            raise SecretNotLoadedError("this service does not read that part of the tenants file")
        return self._content

    @property
    def is_loaded(self) -> bool:
        return self._content is not None

    def __repr__(self) -> str:
        return "Secret(***)"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and self._content == other._content

    def __hash__(self) -> int:
        return hash(self._content)


def _secret(part: TenantPart, read: Callable[[Path], T], *, is_public: bool = False) -> PlainValidator:
    def validate(value: object, info: ValidationInfo) -> Secret[T]:
        if not isinstance(value, str) or not value or "\0" in value:
            raise PydanticCustomError("secret_path", "must be the path of a file")
        reading = info.context
        if not isinstance(reading, Reading) or part not in reading.parts:
            return Secret(None)
        path = reading.folder / value
        reading.note(path)
        try:
            secret = Secret(read(path))
        except OSError as exc:
            # Never the path: somebody may have written the secret itself there.
            raise PydanticCustomError(
                "secret_missing", "the file that it names (relative to this file) cannot be read"
            ) from exc
        if reading.production and not is_public and is_open_to_all(path):
            raise PydanticCustomError(
                "secret_open", "the file is open to everybody: give it mode {mode}", {"mode": WANTED_MODE}
            )
        return secret

    return PlainValidator(validate)


def _client_secret(path: Path) -> bytes:
    content = _read(path).strip()
    if not content:
        raise _wrong_size()
    return content


def _read(path: Path) -> bytes:
    with path.open("rb") as file:
        content = file.read(MAX_SECRET_BYTES + 1)
    if len(content) > MAX_SECRET_BYTES:
        raise _wrong_size()
    return content


def _wrong_size() -> PydanticCustomError:
    return PydanticCustomError(
        "secret_size", "the file must hold a secret of 1 to {most} bytes", {"most": MAX_SECRET_BYTES}
    )


def _signing_secret(path: Path) -> bytes:
    content = _client_secret(path)
    if len(content) < MIN_SIGNING_SECRET_BYTES:
        raise PydanticCustomError(
            "secret_short", "the secret must have at least {least} bytes", {"least": MIN_SIGNING_SECRET_BYTES}
        )
    if is_weak(content):
        raise PydanticCustomError("secret_weak", "the secret repeats itself: make it of random bytes")
    try:
        return HMACAlgorithm(HMACAlgorithm.SHA256).prepare_key(content)
    except InvalidKeyError as exc:
        # A public key as shared secret is known to everybody (RFC 8725, 2.1).
        raise PydanticCustomError(
            "secret_kind", "the file holds a key pair's key or a JWK, not a shared secret"
        ) from exc


def _content_key(path: Path) -> bytes:
    try:
        return read_key_file(path)
    except WeakKeyError as exc:
        raise PydanticCustomError("key_weak", "the key repeats itself: make it of random bytes") from exc
    except ValueError as exc:
        raise PydanticCustomError(
            "key_form", "the file must hold base64url of exactly {bytes} bytes", {"bytes": KEY_BYTES}
        ) from exc


def _from_pem(read: Callable[[bytes], T]) -> Callable[[Path], T]:
    def key(path: Path) -> T:
        try:
            return read(_read(path))
        except RsaKeyError as exc:
            raise PydanticCustomError("rsa_key", "{problem}", {"problem": str(exc)}) from exc

    return key


SigningSecret: TypeAlias = Annotated[Secret[bytes], _secret("tokens", _signing_secret)]
ContentKey: TypeAlias = Annotated[Secret[bytes], _secret("tokens", _content_key)]
ClientSecret: TypeAlias = Annotated[Secret[bytes], _secret("management", _client_secret)]
PrivateKey: TypeAlias = Annotated[Secret[SigningKey], _secret("tokens", _from_pem(read_signing_key))]
PublicKey: TypeAlias = Annotated[
    Secret[VerifyingKey], _secret("tokens", _from_pem(read_verifying_key), is_public=True)
]
