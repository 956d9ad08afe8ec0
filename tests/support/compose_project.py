"""A project of Compose's from docker-compose.yml, on ports of its own."""

import io
import shutil
import tarfile
from collections.abc import Iterable, Mapping
from pathlib import Path

import yaml

from tests.support.docker import docker
from tests.support.errors import ProcessFailedError
from tests.support.ports import free_port
from tests.support.stack import UNLIMITED

SERVERS = {"postgres": 5432, "rabbitmq": 5672}
STOP_SECONDS = 15

_PUBLISHED = ("tenant", "gateway", "app", "mail")
_BUILD_SECONDS, _UP_SECONDS = 900.0, 300.0
_USER = 10001


class ComposeProject:
    """`folder` keeps what is laid over docker-compose.yml; `ids` are those of the containers, by service."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._name = f"waystation-{folder.name}"
        self.ports = {name: free_port() for name in (*_PUBLISHED, *SERVERS)}
        self.ids: dict[str, str] = {}
        self._write_files()

    def up(self) -> None:
        """Build, start everything, and wait until all of it is healthy.

        Raises:
            ProcessFailedError: it did not come up; the text ends with what each container said last.
        """
        self._compose("build", seconds=_BUILD_SECONDS)
        try:
            self._up()
        except ProcessFailedError:
            # A busy engine calls a container unhealthy for a moment whose checks it has yet to begin.
            self._up()
        shown = '{{.Label "com.docker.compose.service"}} {{.ID}}'
        mine = f"label=com.docker.compose.project={self._name}"
        lines = docker("ps", "--all", "--no-trunc", "--filter", mine, "--format", shown).splitlines()
        self.ids = {name: number for name, _, number in (line.partition(" ") for line in lines)}

    def down(self) -> None:
        """End it with its volumes, also what a run that was killed left of it."""
        self._compose("down", "--volumes", "--remove-orphans", "--timeout", str(STOP_SECONDS))

    def give(self, container: str, files: Mapping[str, str]) -> None:
        """Files for a container's volume, through the one that may write to all."""
        if files:
            target = f"{self.ids['prepare']}:/prepared/{container}"
            docker("cp", "-", target, given=_archive(files.items()))

    def take(self, source: str, target: Path) -> None:
        """Copy a file or folder out of what was prepared."""
        shutil.rmtree(target, ignore_errors=True)
        docker("cp", f"{self.ids['prepare']}:{source}", str(target))

    def _up(self) -> None:
        try:
            self._compose("up", "--detach", "--wait", seconds=_UP_SECONDS)
        except ProcessFailedError as exc:
            said = self._compose("logs", "--no-color", "--tail", "8").splitlines()
            raise ProcessFailedError("\n".join([str(exc), *said]), last_lines=exc.last_lines) from exc

    def _write_files(self) -> None:
        """Ports for whoever tests, and no limits, since all logins come from one address."""
        published = {
            name: {"ports": [f"127.0.0.1:{self.ports[name]}:{port}"], "networks": ["reach"]}
            for name, port in SERVERS.items()
        }
        over = {
            "services": {**published, "gateway": {"environment": UNLIMITED}},
            "networks": {"reach": {}},
        }
        self._over.write_text(yaml.safe_dump(over))
        variables = {f"{name.upper()}_PORT": self.ports[name] for name in _PUBLISHED}
        self._variables.write_text("".join(f"{name}={port}\n" for name, port in variables.items()))

    @property
    def _over(self) -> Path:
        return self._folder / "over.yml"

    @property
    def _variables(self) -> Path:
        return self._folder / "compose.env"

    def _compose(self, *arguments: str, seconds: float = 120.0) -> str:
        files = ("--file", "docker-compose.yml", "--file", str(self._over))
        project = ("--project-name", self._name, "--env-file", str(self._variables))
        return docker("compose", *files, *project, *arguments, seconds=seconds)


def _archive(files: Iterable[tuple[str, str]]) -> bytes:
    """A tar archive of files that the containers' user alone can read."""
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w") as tar:
        for name, text in files:
            member = tarfile.TarInfo(name)
            member.size, member.mode = len(text.encode()), 0o400
            member.uid = member.gid = _USER
            tar.addfile(member, io.BytesIO(text.encode()))
    return archive.getvalue()
