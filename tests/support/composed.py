"""docker-compose.yml as a stack to test: a project of its own, on free ports, ended with its volumes."""

import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import partial
from typing import TYPE_CHECKING

from tests.support.broker_definitions import ADMIN, VHOST
from tests.support.compose_project import SERVERS, STOP_SECONDS, ComposeProject
from tests.support.containers import HERE
from tests.support.databases import SCHEMAS, ServiceDatabase
from tests.support.demo_tenant import DemoTenant, Origins
from tests.support.docker import client_environment, docker, require_docker
from tests.support.errors import DeadlineError, ProcessFailedError
from tests.support.run_folder import RunFolder, claim_run_folder
from tests.support.secret_folder import SecretFolder
from tests.support.site import Operator
from tests.support.stack import SERVICES
from tests.support.virtual_hosts import VirtualHost
from tests.support.waiting import block_until

if TYPE_CHECKING:
    from tests.support.processes import Process

_READY_SECONDS = 60.0
_OTHERS = ("tenant", "app", "mail")
# What a container wrote is in its engine's hands for a moment before it is in ours.
_SETTLED_SECONDS = 0.15


class ComposedStack:
    """The services as containers; `start()` builds and starts them, `stop()` leaves nothing behind."""

    def __init__(self, folder: RunFolder) -> None:
        self.folder = folder
        self._project = ComposeProject(folder.path)
        ports = self._project.ports
        self.origins = Origins(
            **{name: f"http://{name}.localhost:{ports[name]}" for name in ("tenant", "gateway", "app")}
        )
        self.mails = f"http://127.0.0.1:{ports['mail']}"
        self.tenant = DemoTenant(logo=HERE / "logo.svg")
        self._followers: dict[str, Process] = {}
        self._tenants_text = ""
        self._secrets = folder.path / "secrets"
        self._emulator_file = folder.path / "tenant.yaml"

    @property
    def secrets(self) -> SecretFolder:
        return SecretFolder(self._secrets)

    @property
    def database(self) -> ServiceDatabase:
        at = f"127.0.0.1:{self._project.ports['postgres']}/waystation"
        password = self.secrets.password
        schemas = {
            schema: f"postgresql://waystation_{schema}:{password(f'database-{schema}')}@{at}"
            for schema in SCHEMAS.values()
        }
        return ServiceDatabase(
            name="waystation", owner=f"postgresql://postgres:{password('database-owner')}@{at}", **schemas
        )

    @property
    def amqp(self) -> VirtualHost:
        urls = {
            user: f"amqp://{user}:{self.secrets.password(f'rabbitmq-{user}')}"
            f"@127.0.0.1:{self._project.ports['rabbitmq']}/{VHOST}"
            for user in (ADMIN, *SERVICES)
        }
        return VirtualHost(
            name=VHOST,
            admin=urls[ADMIN],
            gateway=urls["gateway"],
            proofing=urls["proofing"],
            metadata_sync=urls["metadata-sync"],
        )

    def start(self) -> None:
        """Build, start everything as `docker compose up --build --wait` does, and wait until it is ready.

        Raises:
            ProcessFailedError: it did not come up; it carries the last lines of Compose.
        """
        self.stop()  # what a run that was killed left behind
        self._project.up()
        for name in (*SERVICES, *_OTHERS):
            self._follow(name)
        self._project.take(f"{HERE}/secrets", self._secrets)
        self._project.take("/prepared/tenant/tenant.yaml", self._emulator_file)
        self.retune(self.tenant)
        self.end("gateway")
        self.begin("gateway")

    def stop(self) -> None:
        self._project.down()
        self.folder.stop_together(self._followers.values())
        self._followers.clear()

    def written(self, name: str) -> str:
        output = self._followers[name].output
        sizes: list[int] = []

        def settled() -> bool:
            sizes.append(output.stat().st_size)
            looks = round(_SETTLED_SECONDS / 0.02)
            return len(sizes) > looks and len(set(sizes[-looks:])) == 1

        with suppress(DeadlineError):  # who never stops to write is read as they are
            block_until(settled, _SETTLED_SECONDS * 5)
        return output.read_text()

    def shown(self, name: str, what: str) -> str:
        return docker("exec", self._project.ids[name], "cat", f"/proc/1/{what}")

    def end(self, name: str) -> None:
        docker("stop", "--time", str(STOP_SECONDS), self._project.ids[name])
        self._unfollow(name)

    def kill(self, name: str) -> None:
        docker("kill", self._project.ids[name])
        self._unfollow(name)

    def begin(self, *names: str) -> None:
        for name in names:
            docker("start", self._project.ids[name])
            if name not in SERVERS:
                self._follow(name)
        for name in names:
            try:
                block_until(partial(self._is_ready, name), _READY_SECONDS)
            except DeadlineError:
                lines = docker("logs", "--tail", "20", self._project.ids[name]).splitlines()
                raise ProcessFailedError(f"{name} was not ready in time", last_lines=tuple(lines)) from None

    def remind(self, service: str) -> None:
        docker("kill", "--signal", "HUP", self._project.ids[service])

    def pause(self, name: str) -> None:
        docker("pause", self._project.ids[name])

    def resume(self, name: str) -> None:
        docker("unpause", self._project.ids[name])

    def retune(self, tenant: DemoTenant) -> None:
        draft = self.folder.path / "tenants.yaml"
        tenant.write_tenants_file(draft, origins=self.origins, secrets=self.secrets)
        self.lay_tenants(draft.read_text())

    def tenants_text(self) -> str:
        return self._tenants_text

    def lay_tenants(self, text: str) -> None:
        """Secrets are named as files of this machine; the services are given those that are new to them."""
        self._tenants_text = text
        named = {path.name: path.read_text() for path in self._secrets.iterdir() if str(path) in text}
        inside = text.replace(str(self._secrets), str(HERE / "secrets"))
        self._project.give("gateway", {f"secrets/{name}": secret for name, secret in named.items()})
        for service in SERVICES:
            self._project.give(service, {"tenants.yaml": inside})

    def hand(self, name: str, text: str) -> str:
        for service in SERVICES:
            self._project.give(service, {name: text})
        return str(HERE / name)

    def emulated(self) -> str:
        return self._emulator_file.read_text()

    def emulate(self, text: str) -> None:
        self._emulator_file.write_text(text)
        self._project.give("tenant", {"tenant.yaml": text})

    def operator(self, service: str, **changes: str) -> Operator:
        over = [part for name, value in changes.items() for part in ("--env", f"{name}={value}")]
        argv = ("docker", "exec", "--interactive", *over, self._project.ids[service], "waystation")
        return Operator(argv=argv, environment=client_environment())

    def port(self, name: str) -> int:
        """Where it answers on this machine; tenant, gateway and application inside as well."""
        return self._project.ports[name]

    def python(self, name: str, code: str, *arguments: str) -> str:
        """What Python says in a container.

        Raises:
            ProcessFailedError: the code failed; the text is the last line of its stack trace.
        """
        return docker("exec", self._project.ids[name], "python", "-c", code, *arguments)

    def _follow(self, name: str) -> None:
        """Have what it writes from its last start on in a file."""
        began = docker("inspect", "--format", "{{.State.StartedAt}}", self._project.ids[name]).strip()
        argv = ["docker", "logs", "--follow", "--since", began, self._project.ids[name]]
        self._followers[name] = self.folder.start(name, argv, env=client_environment())

    def _unfollow(self, name: str) -> None:
        if name in self._followers:
            self._followers[name].wait(_READY_SECONDS)
            self.folder.stop_one(self._followers[name])

    def _is_ready(self, name: str) -> bool:
        if name in SERVICES:
            return _succeeds("exec", self._project.ids[name], "python", "-m", "common.probe")
        if name in SERVERS:
            health = docker("inspect", "--format", "{{.State.Health.Status}}", self._project.ids[name])
            return health.strip() == "healthy"
        return _answers(self._project.ports[name])


def _succeeds(*arguments: str) -> bool:
    try:
        docker(*arguments)
    except ProcessFailedError:
        return False
    return True


def _answers(port: int) -> bool:
    """Whether HTTP is spoken there: the engine takes connections for containers that do not."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=2):
            return True
    except urllib.error.HTTPError:
        return True
    except OSError:
        return False


@contextmanager
def composed_stack() -> Iterator[ComposedStack]:
    """A running stack of containers in `.run/composed`; nothing of it is left at the end.

    Raises:
        MissingToolError: there is no Docker engine with Compose.
        ProcessFailedError: it did not come up.
    """
    require_docker()
    with claim_run_folder("composed") as folder:
        stack = ComposedStack(folder)
        try:
            stack.start()
            yield stack
        finally:
            stack.stop()
