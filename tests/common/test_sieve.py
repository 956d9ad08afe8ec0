"""Deliveries that are taken before the client library reads: which, and that no byte else is."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pamqp import frame
from pamqp.body import ContentBody
from pamqp.commands import Basic
from pamqp.constants import FRAME_END_CHAR, FRAME_HEADER
from pamqp.header import ContentHeader
from pamqp.heartbeat import Heartbeat

from common.deliveries import Delivery, PlainConsumer
from common.frames import CONTENT, FRAME
from common.sieve import Found, Sieve

OURS = "ctag1.ours"
FRAME_MAX = 40

Told = tuple[int, int | None, bool | None, dict[str, Any], bytes]


class Channel:
    """A channel of the library, of which only the identity counts."""


@dataclass
class Rig:
    """A sieve on a line: consumer `OURS` of channels 1 and 2 is ours, every other the library's."""

    taken: list[Told] = field(default_factory=list)
    seconds: float = 0.0
    channels: dict[int, Any] = field(default_factory=lambda: {1: Channel(), 2: Channel()})

    def __post_init__(self) -> None:
        self.sieve = Sieve(self._find, soon=self._call, now=lambda: self.seconds)

    def sift(self, chunks: Sequence[bytes]) -> bytes:
        """What the library reads of a line that ends after these chunks."""
        return b"".join([*map(self.sieve.sift, chunks), self.sieve.rest()])

    def _find(self, number: int, tag: str) -> Found | None:
        if tag != OURS or number not in self.channels:
            return None
        return self.channels[number], PlainConsumer(self._arrived)

    def _call(self, arrive: Callable[[Delivery], None], delivery: Delivery) -> None:
        arrive(delivery)

    def _arrived(self, delivery: Delivery) -> None:
        (number,) = (n for n, channel in self.channels.items() if channel is delivery.channel)
        told = (delivery.delivery_tag, delivery.redelivered, dict(delivery.headers), delivery.body)
        self.taken.append((number, *told))


def frames_of(
    tag: str = OURS,
    *,
    number: int = 1,
    delivery_tag: int = 1,
    redelivered: bool = False,
    body: bytes = b"{}",
    **properties: Any,
) -> list[bytes]:
    """The frames by which a broker delivers a message."""
    parts: list[Any] = [
        Basic.Deliver(tag, delivery_tag, redelivered, "waystation.commands", "update-metadata.v1"),
        ContentHeader(body_size=len(body), properties=Basic.Properties(**properties)),
        *(ContentBody(body[begin : begin + FRAME_MAX]) for begin in range(0, len(body), FRAME_MAX)),
    ]
    return [frame.marshal(part, number) for part in parts]


def read_by_the_library(data: bytes) -> tuple[list[Told], list[str]]:
    """By pamqp: the deliveries to `OURS`, and what else there is; the channels' frames may be mixed."""
    deliveries: dict[int, list[Any]] = {}
    told: list[Told] = []
    others: list[str] = []
    while data:
        size, number, part = frame.unmarshal(data)
        data = data[size:]
        if isinstance(part, Basic.Deliver):
            deliveries[number] = [part]
        elif isinstance(part, ContentHeader):
            deliveries[number] += [part, b""]
        elif isinstance(part, ContentBody):
            deliveries[number][2] += part.value
        else:
            others.append(f"{number} {part.name}")
        if len(whole := deliveries.get(number, [])) == 3 and len(whole[2]) == whole[1].body_size:
            deliver, header, body = deliveries.pop(number)
            headers = header.properties.headers or {}
            if deliver.consumer_tag == OURS:
                told.append((number, deliver.delivery_tag, deliver.redelivered, headers, body))
            else:
                others.append(f"{number} to {deliver.consumer_tag}: {deliver.delivery_tag} {body!r}")
    return told, others


TRACED = {"x-event-id": "e1", "traceparent": "00-0123456789abcdef0123456789abcdef-0123456789abcdef-01"}
PROPERTIES = st.sampled_from(
    [
        {"content_type": "application/json", "delivery_mode": 2, "message_id": "m1", "headers": TRACED},
        {"content_type": "application/json", "content_encoding": "gzip", "headers": {"x-event-id": "e2"}},
        {"headers": {"x-delivery-count": 3, "x-death": [{"count": 1, "queue": "gateway"}], "a": None}},
        {"headers": {}, "expiration": "90000"},
        {"priority": 3},
        {},
    ]
)
DELIVERIES = st.builds(
    lambda properties, **rest: frames_of(**rest, **properties),
    PROPERTIES,
    tag=st.sampled_from([OURS, OURS, OURS, "ctag1.other"]),
    number=st.sampled_from([1, 1, 2, 7]),
    delivery_tag=st.integers(1, 2**63 - 1),
    redelivered=st.booleans(),
    body=st.binary(max_size=3 * FRAME_MAX) | st.just(b"".join(frames_of())),
)
OTHERS = st.sampled_from(
    [
        [frame.marshal(Heartbeat(), 0)],
        [frame.marshal(Basic.Ack(delivery_tag=4, multiple=True), 1)],
        [frame.marshal(Basic.CancelOk(consumer_tag=OURS), 2)],
    ]
)


def cut(data: bytes, places: Sequence[int]) -> list[bytes]:
    bounds = [0, *sorted(place % (len(data) + 1) for place in places), len(data)]
    return [data[begin:end] for begin, end in pairwise(bounds)]


@given(sent=st.lists(DELIVERIES | OTHERS, max_size=8), places=st.lists(st.integers(0), max_size=12))
def test_everything_is_read_once(sent: list[list[bytes]], places: list[int]) -> None:
    """However the bytes come: what is taken and what the library reads is what it would have read alone."""
    rig = Rig()
    data = b"".join(part for frames in sent for part in frames)
    told, others = read_by_the_library(rig.sift(cut(data, places)))
    alone, others_alone = read_by_the_library(data)
    assert sorted([*rig.taken, *told], key=repr) == sorted(alone, key=repr)
    assert others == others_alone
    plain = [one for one in alone if one[0] in rig.channels and 0 < len(one[4]) <= FRAME_MAX]
    assert rig.taken == plain


@given(pieces=st.lists(st.binary(max_size=30) | st.sampled_from([*frames_of(), b"\x01\0\x01"]), max_size=9))
def test_what_is_no_delivery_passes(pieces: list[bytes]) -> None:
    """Whatever a line brings is for the library, but for the deliveries that were taken."""
    rig = Rig()
    passed = rig.sift(pieces)
    assert len(passed) == len(b"".join(pieces)) - len(rig.taken) * len(b"".join(frames_of()))
    assert [one for one in rig.taken if one != (1, 1, False, {}, b"{}")] == []


DELIVER, HEADER, BODY = frames_of()
_AS_A_HEADER = CONTENT.pack(Basic.frame_id, 0, 2, 0)
BODY_LIKE_A_HEADER = frame.marshal(ContentBody(_AS_A_HEADER), 1)
HEADER_OF_A_HEADER = frames_of(body=_AS_A_HEADER)[1]
HEADER_LIKE_A_BODY = FRAME.pack(FRAME_HEADER, 1, len(_AS_A_HEADER)) + _AS_A_HEADER + FRAME_END_CHAR
_GOES_ON = CONTENT.pack(Basic.frame_id, 0, 2, 1)
HEADER_THAT_GOES_ON = FRAME.pack(FRAME_HEADER, 1, len(_GOES_ON)) + _GOES_ON + FRAME_END_CHAR
ACK = frame.marshal(Basic.Ack(delivery_tag=4), 2)
LOUD = frames_of(headers={"a": "b"})[1]


@pytest.mark.parametrize(
    "sent",
    [
        pytest.param([DELIVER, ACK, HEADER, BODY], id="another channel speaks before the header"),
        pytest.param([DELIVER, HEADER, ACK, BODY], id="another channel speaks before the body"),
        pytest.param([DELIVER, frames_of(number=2)[1], BODY], id="the header is of another channel"),
        pytest.param([DELIVER, HEADER, frames_of(number=2)[2]], id="the body is of another channel"),
        pytest.param([DELIVER, BODY, HEADER], id="the body comes first"),
        pytest.param([DELIVER, BODY_LIKE_A_HEADER, BODY], id="a body stands for the header"),
        pytest.param([DELIVER, HEADER_OF_A_HEADER, HEADER_LIKE_A_BODY], id="a header stands for the body"),
        pytest.param([DELIVER, HEADER_THAT_GOES_ON, BODY], id="there are more properties than fifteen"),
        pytest.param([DELIVER, DELIVER, BODY], id="there is no header"),
        pytest.param([DELIVER[:-1] + b"\0", HEADER, BODY], id="the method has no end"),
        pytest.param([DELIVER, HEADER[:-1] + b"\0", BODY], id="the header has no end"),
        pytest.param([DELIVER, HEADER, BODY[:-1] + b"\0"], id="the body has no end"),
        pytest.param([DELIVER.replace(b"ours", b"\xff" * 4), HEADER, BODY], id="the tag is no text"),
        pytest.param([DELIVER, LOUD.replace(b"S", b"?"), BODY], id="a header is of no known type"),
        pytest.param([DELIVER, b"\x02\0\x01\0\0\0\x02\0\x3c\xce", BODY], id="the header is too short"),
        pytest.param([b"AMQP\0\0\x09\x01"], id="the broker speaks another version"),
    ],
)
def test_what_is_out_of_the_ordinary_passes(sent: list[bytes]) -> None:
    """What cannot be taken as it stands is left to the library, which knows what to say of it."""
    rig = Rig()
    assert rig.sift(sent) == b"".join(sent)
    assert rig.taken == []


def test_an_empty_message_waits_for_nothing() -> None:
    """A delivery without a body is the library's as soon as its header is there."""
    rig = Rig()
    frames = frames_of(body=b"")
    assert rig.sieve.sift(b"".join(frames)) == b"".join(frames)


def test_the_library_reads_one_now_and_then() -> None:
    """Of deliveries that come without end the library reads one a second, and knows that the line lives."""
    rig = Rig()
    passed = []
    for number in range(1, 14):
        rig.seconds += 0.25
        passed += read_by_the_library(rig.sieve.sift(b"".join(frames_of(delivery_tag=number))))[0]
    assert [one[1] for one in passed] == [4, 8, 12]
    assert len(rig.taken) == 10
