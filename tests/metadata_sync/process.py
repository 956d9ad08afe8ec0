"""metadata-sync as a process of its own, on real servers: what goes into its queue and what comes out."""

import json
import sys
import urllib.error
import urllib.request
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import aio_pika
from aio_pika.abc import AbstractChannel, AbstractIncomingMessage
from prometheus_client.parser import text_string_to_metric_families

from common.messages import COMMANDS, MetadataApplied, decode
from tests.support.processes import Process
from tests.support.run_folder import RunFolder
from tests.support.virtual_hosts import VirtualHost
from tests.support.waiting import wait_until

Sample = Callable[..., float | None]


@dataclass
class Service:
    """A process of metadata-sync that a test starts, kills and starts again."""

    folder: RunFolder
    environment: dict[str, str]
    processes: list[Process] = field(default_factory=list)

    def start(self) -> Process:
        process = self.launch()
        process.block_until_ready(self._is_ready, 20.0)
        return process

    def launch(self) -> Process:
        argv = [sys.executable, "-m", "metadata_sync"]
        name = f"metadata-sync-{len(self.processes)}"
        self.processes.append(self.folder.start(name, argv, env=self.environment))
        return self.processes[-1]

    def lines(self) -> list[dict[str, Any]]:
        """Every log line of the last process."""
        return [json.loads(line) for line in self.processes[-1].output.read_text().splitlines()]

    def _is_ready(self) -> bool:
        url = f"http://{self.environment['ADMIN_LISTEN']}/readyz"
        try:
            with urllib.request.urlopen(url, timeout=1) as response:
                return bool(response.status == 200)
        except (urllib.error.URLError, OSError):
            return False


def scrape(service: Service) -> Sample:
    """Look a sample of this moment up by its name and labels."""
    url = f"http://{service.environment['ADMIN_LISTEN']}/metrics"
    with urllib.request.urlopen(url, timeout=5) as response:
        families = list(text_string_to_metric_families(response.read().decode()))
    samples = {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in families
        for sample in family.samples
    }

    def sample(name: str, **labels: str) -> float | None:
        return samples.get((f"metadata_sync_{name}", frozenset(labels.items())))

    return sample


@asynccontextmanager
async def channel_of(url: str) -> AsyncIterator[AbstractChannel]:
    connection = await aio_pika.connect(url)
    async with connection, connection.channel() as channel:
        yield channel


async def send(amqp: VirtualHost, *bodies: bytes) -> None:
    """Publish commands as the gateway does."""
    async with channel_of(amqp.gateway) as channel:
        exchange = await channel.get_exchange(COMMANDS, ensure=False)
        for body in bodies:
            await exchange.publish(aio_pika.Message(body), "update-metadata.v1")


async def take(url: str, queue: str) -> AbstractIncomingMessage:
    """The next message of a queue."""
    async with channel_of(url) as channel:
        opened = await channel.get_queue(queue, ensure=False)
        message = await wait_until(
            lambda: opened.get(no_ack=True, fail=False), 20.0, what=f"a message in {queue}"
        )
        assert message is not None
        return message


async def next_event(amqp: VirtualHost) -> MetadataApplied:
    event = decode((await take(amqp.gateway, "gateway")).body)
    assert isinstance(event, MetadataApplied)
    return event
