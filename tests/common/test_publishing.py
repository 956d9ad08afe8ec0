"""The bytes of a publication; what becomes of it at a broker is in test_bus.py."""

from datetime import timedelta
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from pamqp import frame
from pamqp.body import ContentBody
from pamqp.commands import Basic
from pamqp.header import ContentHeader

from common.publishing import Publication, frames_of

HEADERS = st.dictionaries(st.text(max_size=20), st.text(max_size=60), max_size=3)


@given(
    body=st.binary(max_size=50),
    headers=HEADERS,
    milliseconds=st.none() | st.integers(1, 10**9),
    message_id=st.text(min_size=1, max_size=40),
)
def test_frames(body: bytes, headers: dict[str, Any], milliseconds: int | None, message_id: str) -> None:
    """They are what the client library would have made of the same message."""
    publication = Publication(
        body=body,
        exchange="waystation.events",
        routing_key="metadata-updated.v1",
        headers=headers,
        expiration=None if milliseconds is None else timedelta(milliseconds=milliseconds),
    )
    properties = Basic.Properties(
        content_type="application/json",
        delivery_mode=2,
        message_id=message_id,
        headers=headers,
        expiration=None if milliseconds is None else str(milliseconds),
    )
    alone: list[frame.FrameTypes] = [
        Basic.Publish(exchange="waystation.events", routing_key="metadata-updated.v1", mandatory=True),
        ContentHeader(properties=properties, body_size=len(body)),
        *(ContentBody(body[begin : begin + 20]) for begin in range(0, len(body), 20)),
    ]
    ours = list(frames_of(publication, message_id, number=3, content_size=20))
    assert ours == [frame.marshal(part, 3) for part in alone]
