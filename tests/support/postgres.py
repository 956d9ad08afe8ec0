"""A private PostgreSQL on a free port of loopback: own data folder, passwords only, nothing of the machine's.

As root the server runs as an unprivileged user, since it refuses root. Durability is off, unless it is asked
for: the data is worth one demonstration.
"""

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote

from tests.support.errors import MissingToolError, ProcessFailedError
from tests.support.ports import free_port
from tests.support.processes import Process, base_environment
from tests.support.run_folder import RunFolder
from tests.support.secret_folder import SecretFolder

_HOST = "127.0.0.1"
_START_SECONDS = 30.0
_SAID = 4  # the last lines tell what was removed, those before them why
_SETTINGS = {
    "listen_addresses": _HOST,
    "unix_socket_directories": "",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "max_connections": "300",
    "jit": "off",
}
_VOLATILE = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}


@dataclass(frozen=True, kw_only=True)
class Postgres:
    """Where a server listens and its superuser's password; `process` is None for one we did not start."""

    port: int
    password: str = field(repr=False)
    process: Process | None = None

    def dsn(self, database: str = "postgres", *, role: str = "postgres", password: str | None = None) -> str:
        """A DSN for `role`; without a password that of the superuser."""
        secret = quote(self.password if password is None else password, safe="")
        return f"postgresql://{role}:{secret}@{_HOST}:{self.port}/{database}"


def start_postgres(folder: RunFolder, secrets: SecretFolder, *, durable: bool = False) -> Postgres:
    """Start the server on the folder's data, made at first use; `durable`: what is committed is on disk."""
    user = _server_user()
    data = _server_home(folder.path, user=user) / "data"
    password = secrets.password("postgres")
    _make_cluster(data, user=user, password=password)
    settings = _SETTINGS if durable else _SETTINGS | _VOLATILE
    try:
        return _start(folder, data, user=user, password=password, settings=settings)
    except ProcessFailedError:
        # Somebody may have taken the port between our look and the server's.
        return _start(folder, data, user=user, password=password, settings=settings)


def _start(
    folder: RunFolder, data: Path, *, user: str | None, password: str, settings: Mapping[str, str]
) -> Postgres:
    port = free_port(_HOST)
    process = folder.start(
        "postgresql",
        [
            server_program("postgres"),
            "-D",
            data,
            "-p",
            str(port),
            *(f"-c{name}={settings[name]}" for name in settings),
        ],
        env={},
        user=user,
        stop_signal=signal.SIGINT,
    )
    process.block_until_ready(lambda: _is_ready(data, process.pid), _START_SECONDS)
    return Postgres(port=port, password=password, process=process)


def _is_ready(data: Path, pid: int) -> bool:
    """Line 1 of postmaster.pid is the pid, line 8 the state."""
    try:
        lines = (data / "postmaster.pid").read_text().splitlines()
    except OSError:
        return False
    return len(lines) > 7 and lines[0] == str(pid) and lines[7].strip() == "ready"


def _make_cluster(data: Path, *, user: str | None, password: str) -> None:
    """Run initdb beside `data` and move the result there, so that a half-made cluster is never used."""
    binary = server_program("initdb")
    if _version(data) == _program_version(binary):
        return
    shutil.rmtree(data, ignore_errors=True)
    making = data.with_name("making")
    shutil.rmtree(making, ignore_errors=True)
    with tempfile.NamedTemporaryFile("w", dir=data.parent, prefix="password-") as password_file:
        password_file.write(password)
        password_file.flush()
        if user is not None:
            shutil.chown(password_file.name, user)
        done = subprocess.run(
            [
                *(binary, "-D", making, "--username=postgres", f"--pwfile={password_file.name}"),
                *("--auth=scram-sha-256", "--encoding=UTF8", "--locale=C.UTF-8", "--no-sync"),
            ],
            capture_output=True,
            text=True,
            check=False,
            user=user,
            cwd=data.parent,
            env=base_environment(),
        )
    if done.returncode:
        lines = tuple(done.stderr.splitlines())
        said = " / ".join(line.strip() for line in lines[-_SAID:] if line.strip())
        raise ProcessFailedError(f'initdb failed for {data.parent}; it said last: "{said}"', last_lines=lines)
    making.rename(data)


def _server_user() -> str | None:
    """Who runs the server: ourselves, unless we are root."""
    if os.geteuid() != 0:
        return None
    users = {entry.pw_name for entry in pwd.getpwall()}
    return "postgres" if "postgres" in users else "nobody"


def _server_home(folder: Path, *, user: str | None) -> Path:
    """A folder that the server's user owns and can reach, in `folder` or, below a closed one, in /var/tmp."""
    home = folder / "postgresql"
    if home.is_symlink() and home.exists():
        return home.resolve()
    if home.is_symlink():
        home.unlink()  # whoever cleans /var/tmp was there
    home.mkdir(mode=0o700, exist_ok=True)
    if user is None:
        return home
    shutil.chown(home, user)
    if not _reaches(home, user=user):
        shutil.rmtree(home)
        elsewhere = Path(tempfile.mkdtemp(prefix="waystation-", dir="/var/tmp"))
        shutil.chown(elsewhere, user)
        home.symlink_to(elsewhere)
    return home.resolve()


def _reaches(path: Path, *, user: str) -> bool:
    return subprocess.run(["test", "-x", path], user=user, check=False).returncode == 0


def _version(data: Path) -> str | None:
    try:
        return (data / "PG_VERSION").read_text().strip()
    except OSError:
        return None


def _program_version(program: Path) -> str:
    """`15` out of "initdb (PostgreSQL) 15.18 (Debian …)"."""
    said = subprocess.run([program, "--version"], capture_output=True, text=True, check=True).stdout
    return said.split(") ", 1)[1].split(".")[0].strip()


def server_program(name: str) -> Path:
    """One of the programs of the newest PostgreSQL of this machine.

    Raises:
        MissingToolError: there is none.
    """
    for folder in _binary_folders():
        if (folder / name).is_file() and (folder / "initdb").is_file():
            return folder / name
    raise MissingToolError(f"PostgreSQL's {name} is not installed (Debian: apt-get install postgresql).")


def _binary_folders() -> Iterator[Path]:
    """PG_BINDIR alone if set; else Debian's folders, the newest first, then PATH."""
    if chosen := os.environ.get("PG_BINDIR"):
        yield Path(chosen)
        return
    debian = Path("/usr/lib/postgresql").glob("*/bin")
    yield from sorted(debian, key=lambda folder: float(folder.parent.name), reverse=True)
    if found := shutil.which("initdb"):
        yield Path(found).resolve().parent
