"""What one release wrote, the next must read; and what is sent must arrive where it is meant to."""

import hashlib
import json
from datetime import timedelta
from functools import partial
from pathlib import Path

import pytest

from common.bus import open_publisher
from common.messages import decode, encode, exchange_of, new_event_id, routing_key_of
from common.outbox import OutgoingMessage
from tests.contracts.examples import Example, examples
from tests.support.virtual_hosts import VirtualHost
from tests.support.waiting import wait_until

# A change of an example is a change of the past: a new version gets a file and a line of its own.
DIGESTS = {
    "forget-user.v1": "669dde3791ceac32da6681ad51bafb7221bac45b14d2d07fd221879c12296d22",
    "metadata-applied.v1+personal": "d03360fdea8f2eb516ab70ca42839d3fa79078ad4342472d4abce8ea1d1e0916",
    "metadata-applied.v1": "a20630b48d88eb558082f9c72d76bbbe6a7e194268d80c7d552aea8c9f73c67e",
    "metadata-rejected.v1+personal": "5205d325d33b45d7e4ef892b27f1dc148d4373cbc9f91a592b5c4a038b220839",
    "metadata-rejected.v1": "bdbf48066364015be9143342c6d775f40bac7b704c35df8f80615fed5f75e6db",
    "update-metadata.v1+personal": "55bc23f613e1baadcad18b609ec6d1d78b7eab040fa25f07e62b49f20c9bd24a",
    "update-metadata.v1": "b7c41daed5b964cb00b6673e84f3821c5bb39d465ce11f091459b26e68a98a02",
    "user-forgotten.v1": "8358617ef935c508695189427bea3100c08fa70d05c020f8012326771bd2781a",
    "verification-changed.v1": "5e7c037dc87339bc569445f4bf8eef5242064738b63c6829705619897767eff8",
    "verify-identity.v1+rev": "a45c6c759985ae0e0eb2a86aae343a1b0f49b10282c07351ba9e5622ba1c9391",
    "verify-identity.v1": "9f1cf9cb63ac9840fb11a7faaa6e7ca29cf712d5c52a5fd8266baac200036432",
}

each = pytest.mark.parametrize("example", examples(), ids=lambda example: example.name)


def test_examples_never_change() -> None:
    """Every example is byte for byte what it was when its message version was released."""
    folder = Path(__file__).parent
    found = {path.stem: hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.glob("*.json")}
    assert found == DIGESTS


@each
def test_todays_code_reads_it_and_writes_it_the_same(example: Example) -> None:
    """An example decodes, and encodes again to the same fields and values."""
    message = decode(example.json)
    assert json.loads(encode(message)) == example.body
    assert routing_key_of(message) == example.routing_key


@each
def test_a_newer_release_may_add_fields(example: Example) -> None:
    """Fields that this release does not know change nothing."""
    assert example.message(added_by_a_newer_release={"a": [1]}) == decode(example.json)


@each
async def test_it_arrives(example: Example, amqp: VirtualHost) -> None:
    """Its producer may publish it, and each of its consumers, and nobody else, finds it in its queue."""
    message = example.message(event_id=new_event_id())
    row = OutgoingMessage(
        id=1,
        event_id=message.event_id,
        exchange=exchange_of(message),
        routing_key=routing_key_of(message),
        body=encode(message),
        attempts=1,
        expires_in=timedelta(minutes=1),
    )
    async with open_publisher(amqp.of(example.producer), name="test") as publisher:
        assert await publisher.publish(row)
    for queue in ("gateway", "proofing", "metadata-sync"):
        expected = 1 if queue in example.consumers else 0
        await wait_until(partial(_has, amqp, queue, expected))


async def _has(amqp: VirtualHost, queue: str, count: int) -> bool:
    return await amqp.depth(queue) == count
