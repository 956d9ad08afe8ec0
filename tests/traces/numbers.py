"""What services count, as their `/metrics` tell it, and what one login adds to that."""

from collections.abc import Mapping
from typing import TypeAlias

import aiohttp
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.samples import Sample

Numbers: TypeAlias = Mapping[str, Mapping[str, float]]

# The client library's own, what looks around by itself, and what is done now and then.
_BESIDES = ("process_", "python_", "waystation_spans", "waystation_event_loop")
_NOW_AND_THEN = 'operation="token"'


async def counted(admin: Mapping[str, str]) -> Numbers:
    """Every counter of each service at these origins, by its name and labels in the order of the alphabet."""
    return {service: await _counters(origin) for service, origin in admin.items()}


def risen(now: Numbers, *, since: Numbers) -> Numbers:
    """By how much, of those that have."""
    return {
        service: {
            name: count - was
            for name, count in counts.items()
            if count > (was := since[service].get(name, 0))
        }
        for service, counts in now.items()
    }


def requests(method: str, route: str, status: int) -> str:
    labels = f'method="{method}",route="{route}",status="{status}"'
    return f"gateway_http_request_duration_seconds_count{{{labels}}}"


def published(*routing_keys: str) -> dict[str, float]:
    """One message of each."""
    name = 'waystation_messages_published_total{result="confirmed",routing_key="%s"}'
    return {name % routing_key: 1 for routing_key in routing_keys}


def handled(*message_types: str) -> dict[str, float]:
    """One message of each, and its age."""
    done = 'waystation_messages_handled_total{message_type="%s",result="done"}'
    age = 'waystation_message_age_seconds_count{message_type="%s"}'
    return {name % message_type: 1 for message_type in message_types for name in (done, age)}


async def _counters(origin: str) -> dict[str, float]:
    async with aiohttp.ClientSession() as session, session.get(f"{origin}/metrics") as response:
        families = text_string_to_metric_families(await response.text())
    return {
        name: sample.value
        for family in families
        for sample in family.samples
        if sample.name.endswith(("_total", "_count")) and not sample.name.startswith(_BESIDES)
        if _NOW_AND_THEN not in (name := _named(sample))
    }


def _named(sample: Sample) -> str:
    labels = ",".join(f'{name}="{value}"' for name, value in sorted(sample.labels.items()))
    return f"{sample.name}{{{labels}}}"
