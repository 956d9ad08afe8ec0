"""PostgreSQL and RabbitMQ together, and how another process finds them."""

import json
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.support.broker_definitions import VHOST
from tests.support.postgres import Postgres, start_postgres
from tests.support.rabbitmq import RabbitMQ, RabbitMQStart
from tests.support.run_folder import RunFolder
from tests.support.secret_folder import SecretFolder

TEST_VHOSTS = tuple(f"test-{number}" for number in range(6))


@dataclass(frozen=True, kw_only=True)
class Servers:
    """Two running servers; `secrets` holds what tests and services need to enter them."""

    postgres: Postgres
    rabbitmq: RabbitMQ
    secrets: SecretFolder

    def describe(self, folder: Path) -> None:
        """Leave in `folder` what `read` needs, for its owner's eyes only."""
        note = folder / "servers.json"
        note.touch(mode=0o600)
        fields = {
            "postgres": {"port": self.postgres.port, "password": self.postgres.password},
            "rabbitmq": {
                "port": self.rabbitmq.port,
                "passwords": dict(self.rabbitmq.passwords),
                "metrics_port": self.rabbitmq.metrics_port,
            },
        }
        note.write_text(json.dumps(fields))

    @classmethod
    def read(cls, folder: Path) -> "Servers":
        """Servers that another process started and described."""
        fields = json.loads((folder / "servers.json").read_text())
        return cls(
            postgres=Postgres(**fields["postgres"]),
            rabbitmq=RabbitMQ(**fields["rabbitmq"]),
            secrets=SecretFolder(folder / "secrets"),
        )


def start_servers(folder: RunFolder, *, vhosts: Sequence[str] = (VHOST,), metrics: bool = False) -> Servers:
    """Start both at the same time and wait until both serve; with `metrics` the broker's too."""
    secrets = SecretFolder(folder.path / "secrets")
    starting = RabbitMQStart(folder, secrets, vhosts=vhosts, metrics=metrics)
    postgres = start_postgres(folder, secrets)
    return Servers(postgres=postgres, rabbitmq=starting.finish(), secrets=secrets)


def forget_data(folder: RunFolder) -> None:
    """Remove what an earlier run's servers left in the folder."""
    for data in (folder.path / "postgresql" / "data", folder.path / "rabbitmq"):
        shutil.rmtree(data, ignore_errors=True)
