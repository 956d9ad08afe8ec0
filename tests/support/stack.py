"""A local stack around running servers: tenant emulator, mail server, three services, example application."""

import json
import os
import signal
import sys
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

from tests.support.databases import ServiceDatabase
from tests.support.demo_tenant import APPLICATION, DemoTenant, Origins
from tests.support.ports import accepts_connections, free_port
from tests.support.processes import Process, base_environment
from tests.support.run_folder import RunFolder
from tests.support.secret_folder import SecretFolder
from tests.support.site import Operator
from tests.support.virtual_hosts import VirtualHost

SERVICES = ("gateway", "proofing", "metadata-sync")

# Everybody here comes from one address, and few users log in again and again.
UNLIMITED = {
    "LIMIT_ADDRESS": "off",
    "LIMIT_USER": "off",
    "LIMIT_TENANT": "off",
    "CONNECTIONS_PER_ADDRESS": "20000",
    "OPEN_LOGINS_PER_USER": "20000",
    "OPEN_LOGINS_PER_TENANT": "1000000",
}

_TENANT_HOST, _GATEWAY_HOST, _APP_HOST = "127.0.0.1", "127.0.0.3", "127.0.0.4"
_READY_SECONDS = 60.0


class Stack:
    """Settings of every process of a stack, and the processes while they run.

    Making one chooses ports and writes files; `start()` starts what it names. A test may stop a service and
    start it again: addresses stay.
    """

    def __init__(
        self,
        folder: RunFolder,
        *,
        database: ServiceDatabase,
        amqp: VirtualHost,
        tenant: DemoTenant | None = None,
        service_environment: Mapping[str, str] | None = None,
    ) -> None:
        self.folder = folder
        self.tenant = tenant or DemoTenant()
        self.origins = Origins(
            tenant=f"http://{_TENANT_HOST}:{free_port(_TENANT_HOST)}",
            gateway=f"http://{_GATEWAY_HOST}:{free_port(_GATEWAY_HOST)}",
            app=f"http://{_APP_HOST}:{free_port(_APP_HOST)}",
        )
        self.admin = {service: f"http://127.0.0.1:{free_port()}" for service in SERVICES}
        self.internal = f"http://127.0.0.1:{free_port()}"
        self.mail_port = free_port()
        self.mails = f"http://127.0.0.1:{free_port()}"
        self.secrets = SecretFolder(folder.path / "secrets")
        self.tenants_file = folder.path / "tenants.yaml"
        self.processes: dict[str, Process] = {}
        self.database = database
        self.amqp = amqp
        self._service_environment = dict(service_environment or {})
        self._emulator_file = folder.path / "tenant.yaml"
        self.tenant.write_emulator_file(self._emulator_file, origins=self.origins, secrets=self.secrets)
        self.tenant.write_tenants_file(self.tenants_file, origins=self.origins, secrets=self.secrets)

    def start(self) -> None:
        """Start everything and wait until all of it is ready.

        Raises:
            ProcessFailedError: something is not; it carries the last lines of that process.
        """
        self.start_tenant()
        self.start_app()
        self.start_mail()
        for service in SERVICES:
            self.launch_service(service)
        self.await_ready()

    def stop(self) -> None:
        """Stop what was started; files and addresses stay."""
        self.folder.stop_together(self.processes.values())
        self.processes.clear()

    def start_tenant(self) -> None:
        argv = [
            *(sys.executable, "-m", "tests.tenant"),
            *("--config", str(self._emulator_file), "--http", _address(self.origins.tenant)),
        ]
        variants = {name: os.environ[name] for name in ("TENANT_SETTINGS",) if name in os.environ}
        self.processes["tenant"] = self.folder.start("tenant", argv, env=variants)

    def start_app(self) -> None:
        env = {
            "LISTEN": _address(self.origins.app),
            "BASE_URL": self.origins.app,
            "ISSUER": f"{self.origins.tenant}/",
            "CLIENT_ID": APPLICATION,
            "CLIENT_SECRET_FILE": str(self.secrets.password_file("application")),
        }
        self.processes["app"] = self.folder.start("app", [sys.executable, "-m", "tests.example_app"], env=env)

    def start_mail(self) -> None:
        argv = [
            *(sys.executable, "-m", "tests.mail"),
            *("--smtp", f"127.0.0.1:{self.mail_port}", "--http", _address(self.mails)),
        ]
        self.processes["mail"] = self.folder.start("mail", argv, env={})

    def launch_service(
        self, service: str, *, extra: Mapping[str, str] | None = None, through: Sequence[str] = ()
    ) -> Process:
        """Start a service without waiting for it; `extra` is laid over its environment.

        `through` is a module that runs what it is given the name of.
        """
        argv = [sys.executable, "-m", *through, service.replace("-", "_")]
        env = self.service_environment(service) | dict(extra or {})
        process = self.folder.start(service, argv, env=env)
        self.processes[service] = process
        return process

    def service_environment(self, service: str) -> dict[str, str]:
        """Every variable that the service reads."""
        return {
            "ENVIRONMENT": "development",
            "OUTGOING_ADDRESSES": "any",
            "DATABASE_URL": self.database.of(service),
            "AMQP_URL": self.amqp.of(service),
            "TENANTS_FILE": str(self.tenants_file),
            "ADMIN_LISTEN": _address(self.admin[service]),
            **self._own_environment(service),
            **self._service_environment,
        }

    def written(self, name: str) -> str:
        return self.processes[name].output.read_text()

    def shown(self, name: str, what: str) -> str:
        return Path(f"/proc/{self.processes[name].pid}/{what}").read_text()

    def end(self, name: str) -> None:
        self.folder.stop_one(self.processes[name])

    def kill(self, name: str) -> None:
        self.processes[name].kill()
        self.end(name)

    def begin(self, *names: str) -> None:
        for name in names:
            self._launch(name)
        self.await_ready(*names)

    def _launch(self, name: str) -> None:
        match name:
            case "tenant":
                self.start_tenant()
            case "app":
                self.start_app()
            case "mail":
                self.start_mail()
            case service:
                self.launch_service(service)

    def remind(self, service: str) -> None:
        self.processes[service].send(signal.SIGHUP)

    def pause(self, name: str) -> None:
        self.processes[name].send(signal.SIGSTOP)

    def resume(self, name: str) -> None:
        self.processes[name].send(signal.SIGCONT)

    def retune(self, tenant: DemoTenant) -> None:
        tenant.write_tenants_file(self.tenants_file, origins=self.origins, secrets=self.secrets)

    def tenants_text(self) -> str:
        return self.tenants_file.read_text()

    def lay_tenants(self, text: str) -> None:
        draft = self.tenants_file.with_suffix(".draft")
        draft.write_text(text)
        draft.replace(self.tenants_file)

    def hand(self, name: str, text: str) -> str:
        path = self.folder.path / "handed" / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
        return str(path)

    def emulated(self) -> str:
        return self._emulator_file.read_text()

    def emulate(self, text: str) -> None:
        self._emulator_file.write_text(text)

    def operator(self, service: str, **changes: str) -> Operator:
        environment = base_environment() | self.service_environment(service) | changes
        return Operator(argv=(sys.executable, "-m", "common.cli"), environment=environment)

    def await_ready(self, *names: str) -> None:
        """Wait for these processes, all of them by default."""
        for name in names or tuple(self.processes):
            process = self.processes[name]
            process.block_until_ready(partial(self.is_ready, name), _READY_SECONDS)

    def is_ready(self, name: str) -> bool:
        if name in self.admin:
            return _answers_ok(f"{self.admin[name]}/readyz")
        origin = {"tenant": self.origins.tenant, "app": self.origins.app, "mail": self.mails}[name]
        host, _, port = _address(origin).partition(":")
        output = self.processes[name].output
        return announced(output, event=f"{name}.ready") and accepts_connections(int(port), host=host)

    def _own_environment(self, service: str) -> dict[str, str]:
        key, token = self.secrets.key_file, self.secrets.password_file("internal")
        match service:
            case "gateway":
                return {
                    "LISTEN": _address(self.origins.gateway),
                    "PUBLIC_BASE_URL": self.origins.gateway,
                    "COOKIE_KEY_FILES": str(key("cookie")),
                    "DATA_KEY_FILES": str(key("data-gateway")),
                    "PROOFING_SEAL_KEY_FILE": str(key("seal-proofing")),
                    "METADATA_SYNC_SEAL_KEY_FILE": str(key("seal-metadata-sync")),
                    "SMTP_URL": f"smtp://127.0.0.1:{self.mail_port}",
                    "MAIL_FROM": "Acme <no-reply@acme.example>",
                    **UNLIMITED,
                    "PASSWORD_CALL_URL": self.internal,
                    "PASSWORD_CALL_TOKEN_FILE": str(token),
                    "DRAIN_SECONDS": "0",
                }
            case "metadata-sync":
                return _keys_of_a_receiver(service, self.secrets) | {
                    "INTERNAL_LISTEN": _address(self.internal),
                    "INTERNAL_TOKEN_FILES": str(token),
                    "DRAIN_SECONDS": "0",
                }
            case _:
                return _keys_of_a_receiver(service, self.secrets)


def _keys_of_a_receiver(service: str, secrets: SecretFolder) -> dict[str, str]:
    return {
        "DATA_KEY_FILES": str(secrets.key_file(f"data-{service}")),
        "SEAL_KEY_FILES": str(secrets.key_file(f"seal-{service}")),
    }


def _address(origin: str) -> str:
    return origin.removeprefix("http://")


def announced(output: Path, *, event: str) -> bool:
    """Whether a process printed its line {"event": …}."""
    return any(
        json.loads(line).get("event") == event
        for line in output.read_text(errors="replace").splitlines()
        if line.startswith("{") and line.endswith("}")
    )


def _answers_ok(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=2) as response:  # noqa: S310 - a loopback address of ours
            return bool(response.status == 200)
    except (urllib.error.URLError, OSError):
        return False
