"""metadata-sync as a process of its own, on real servers: what goes into its queue and what comes out."""

import urllib.request
from collections.abc import Callable

from prometheus_client.parser import text_string_to_metric_families

from common.messages import COMMANDS, MetadataApplied, decode
from tests.support.queues import publish, take
from tests.support.service_process import ServiceProcess
from tests.support.virtual_hosts import VirtualHost

Sample = Callable[..., float | None]


def scrape(service: ServiceProcess) -> Sample:
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


async def send(amqp: VirtualHost, *bodies: bytes) -> None:
    """Publish commands as the gateway does."""
    await publish(amqp.gateway, *bodies, exchange=COMMANDS, routing_key="update-metadata.v1")


async def next_event(amqp: VirtualHost) -> MetadataApplied:
    event = decode((await take(amqp.gateway, "gateway")).body)
    assert isinstance(event, MetadataApplied)
    return event
