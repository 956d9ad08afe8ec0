import base64
import secrets
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import NamedTemporaryFile


def write_private(path: Path, text: str) -> Path:
    """A file that its owner alone can read, as production wants it of a secret."""
    path.touch(mode=0o600)
    path.write_text(text)
    return path


@dataclass(frozen=True)
class SecretFolder:
    """Generated secrets, one file each, kept for the next run and readable by their owner alone."""

    path: Path

    def __post_init__(self) -> None:
        self.path.mkdir(parents=True, exist_ok=True, mode=0o700)

    def password(self, name: str) -> str:
        """43 characters that need no quoting in a URL."""
        return self.password_file(name).read_text()

    def password_file(self, name: str) -> Path:
        return self._file(name, secrets.token_urlsafe(32))

    def key_file(self, name: str) -> Path:
        """A file with base64url of 32 random bytes."""
        return self._file(f"{name}.key", base64.urlsafe_b64encode(secrets.token_bytes(32)).decode())

    def key(self, name: str) -> str:
        return self.key_file(name).read_text()

    def _file(self, name: str, text: str) -> Path:
        """The first text that anybody gave, whole: several test workers may ask at the same time."""
        path = self.path / name
        if not path.exists():
            with NamedTemporaryFile("w", dir=self.path) as made:
                made.write(text)
                made.flush()
                with suppress(FileExistsError):
                    path.hardlink_to(made.name)
        return path
