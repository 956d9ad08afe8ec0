"""A private RabbitMQ node: own name, ports, epmd, cookie and data, nothing of the machine's node touched."""

import hashlib
import json
import os
import secrets
import shutil
import signal
import socket
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote

from tests.support.broker_definitions import ADMIN, SERVICES, VHOST, broker_definitions
from tests.support.errors import MissingToolError, ProcessFailedError
from tests.support.ports import accepts_connections, free_port
from tests.support.processes import Process
from tests.support.run_folder import RunFolder
from tests.support.secret_folder import SecretFolder

_HOST = "127.0.0.1"
_START_SECONDS = 90.0
_SERVER_PATHS = ("/usr/lib/rabbitmq/bin/rabbitmq-server", "/opt/rabbitmq/sbin/rabbitmq-server")


@dataclass(frozen=True, kw_only=True)
class RabbitMQ:
    """Where a broker listens and its users' passwords; `process` is None for one we did not start.

    On `metrics_port` it tells Prometheus of its queues, if it was asked to.
    """

    port: int
    passwords: Mapping[str, str] = field(repr=False)
    process: Process | None = None
    metrics_port: int | None = None

    def url(self, user: str, *, vhost: str = VHOST) -> str:
        password = quote(self.passwords[user], safe="")
        return f"amqp://{user}:{password}@{_HOST}:{self.port}/{quote(vhost, safe='')}"


class RabbitMQStart:
    """A node that boots, which takes ten seconds, while the caller does something else.

    Making it starts the node; `finish()` waits until it serves. One with `metrics`, which would take six
    seconds to stop, is killed instead: only tests want them, and none wants such a node's data.
    """

    def __init__(
        self,
        folder: RunFolder,
        secrets: SecretFolder,
        *,
        vhosts: Sequence[str] = (VHOST,),
        metrics: bool = False,
    ) -> None:
        self._folder = folder
        self._home = folder.path / "rabbitmq"
        self._passwords = {user: secrets.password(f"amqp-{user}") for user in (ADMIN, *SERVICES)}
        self._vhosts = vhosts
        self._metrics_port = free_port() if metrics else None
        self._launch()

    def finish(self) -> RabbitMQ:
        """The serving broker; if old data kept it from starting, one more try on none.

        Raises:
            ProcessFailedError: it did not come up then either.
        """
        try:
            self._wait()
        except ProcessFailedError:
            self._folder.stop_one(self._node)
            self._folder.stop_one(self._epmd)
            shutil.rmtree(self._home)
            self._launch()
            self._wait()
        return RabbitMQ(
            port=self._port,
            passwords=self._passwords,
            process=self._node,
            metrics_port=self._metrics_port,
        )

    def _launch(self) -> None:
        self._port, dist_port, epmd_port = free_port(), free_port(), free_port()
        env = self._environment(dist_port=dist_port, epmd_port=epmd_port)
        self._write_files()
        # Without an epmd of ours the node would leave a daemon on the machine's port behind.
        self._epmd = self._folder.start(
            "epmd", [_epmd(), "-port", str(epmd_port), "-address", _HOST], env=env
        )
        self._epmd.block_until_ready(lambda: accepts_connections(epmd_port), 10.0)
        stop_signal = signal.SIGKILL if self._metrics_port else signal.SIGTERM
        self._node = self._folder.start("rabbitmq", [_server()], env=env, stop_signal=stop_signal)

    def _wait(self) -> None:
        self._node.block_until_ready(lambda: _speaks_amqp(self._port), _START_SECONDS)

    def _write_files(self) -> None:
        for folder in (self._home / "data", self._home / "generated"):
            folder.mkdir(parents=True, exist_ok=True)
        cookie = self._home / ".erlang.cookie"
        if not cookie.exists():
            cookie.touch(mode=0o600)
            cookie.write_text(secrets.token_hex(20))
            cookie.chmod(0o400)
        definitions = self._home / "definitions.json"
        definitions.touch(mode=0o600)
        definitions.write_text(json.dumps(broker_definitions(self._passwords, vhosts=self._vhosts)))
        plugins, metrics = (
            ("rabbitmq_prometheus", _metrics(self._metrics_port)) if self._metrics_port else ("", "")
        )
        (self._home / "enabled_plugins").write_text(f"[{plugins}].\n")
        (self._home / "rabbitmq.conf").write_text(
            f"listeners.tcp.1 = {_HOST}:{self._port}\n"
            f"load_definitions = {definitions}\n"
            f"raft.wal_max_size_bytes = 33554432\n{metrics}"
        )

    def _environment(self, *, dist_port: int, epmd_port: int) -> dict[str, str]:
        name = hashlib.sha256(str(self._home).encode()).hexdigest()[:8]
        home = self._home
        return {
            "HOME": str(home),
            "ERL_EPMD_PORT": str(epmd_port),
            "ERL_EPMD_ADDRESS": _HOST,
            "ERL_CRASH_DUMP": str(home / "erl_crash.dump"),
            "RABBITMQ_NODENAME": f"waystation-{name}@localhost",
            "RABBITMQ_NODE_PORT": str(self._port),
            "RABBITMQ_NODE_IP_ADDRESS": _HOST,
            "RABBITMQ_DIST_PORT": str(dist_port),
            "RABBITMQ_MNESIA_BASE": str(home / "data"),
            "RABBITMQ_LOG_BASE": str(home),
            "RABBITMQ_LOGS": "-",
            "RABBITMQ_CONFIG_FILE": str(home / "rabbitmq.conf"),
            "RABBITMQ_CONFIG_FILES": str(home / "conf.d"),
            "RABBITMQ_ADVANCED_CONFIG_FILE": str(home / "advanced.config"),
            "RABBITMQ_CONF_ENV_FILE": "/dev/null",
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(home / "enabled_plugins"),
            "RABBITMQ_GENERATED_CONFIG_DIR": str(home / "generated"),
            "RABBITMQ_PID_FILE": str(home / "pid"),
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "-kernel inet_dist_use_interface {127,0,0,1} +sbwt none",
            # The start script then becomes the broker, so that its pid is ours.
            "RUNNING_UNDER_SYSTEMD": "1",
        }


def _metrics(port: int) -> str:
    return f"prometheus.tcp.ip = {_HOST}\nprometheus.tcp.port = {port}\n"


def _speaks_amqp(port: int) -> bool:
    """It answers the protocol header of AMQP 0-9-1 with a method frame."""
    try:
        with socket.create_connection((_HOST, port), timeout=2) as connection:
            connection.sendall(b"AMQP\x00\x00\x09\x01")
            return connection.recv(1) == b"\x01"
    except OSError:
        return False


def _server() -> Path:
    """The start script itself: Debian's wrapper in PATH insists on root or the machine's own user."""
    chosen = os.environ.get("RABBITMQ_SERVER")
    for candidate in [chosen] if chosen else [*_SERVER_PATHS, shutil.which("rabbitmq-server")]:
        if candidate and Path(candidate).is_file():
            return Path(candidate)
    raise MissingToolError("RabbitMQ is not installed (Debian: apt-get install rabbitmq-server).")


def _epmd() -> Path:
    if found := shutil.which("epmd"):
        return Path(found)
    for candidate in Path("/usr/lib/erlang").glob("erts-*/bin/epmd"):
        return candidate
    raise MissingToolError("Erlang's epmd is not installed (Debian: apt-get install rabbitmq-server).")
