"""Which requests are told as spans, and what a browser can do about it: nothing."""

from collections.abc import Iterator

import pytest

from common.tracing import EXPORT, Span, new_traceparent
from tests.gateway.arrivals import redirect
from tests.gateway.browsers import Browser
from tests.gateway.rig import Rig
from tests.support.waiting import wait_until


@pytest.fixture
def told() -> Iterator[list[Span]]:
    """What is told while the test runs."""
    spans: list[Span] = []
    EXPORT.tell = lambda span, _: spans.append(span)
    yield spans
    EXPORT.tell = None


async def test_requests_of_a_login(rig: Rig, anna: Browser, told: list[Span]) -> None:
    """Each is a child of the login's span; a request about no login is not told, unless it failed here."""
    await anna.begin(redirect(rig.clock))
    await anna.get("/nowhere")
    await anna.get("/start/acme/one?state=s&session_token=wrong")
    ((whole,),) = await rig.rows("SELECT traceparent FROM transactions")
    names = [span.name for span in told]
    assert names == ["GET /start/{tenant}/{entry}", "GET /t/{id}", "POST /t/{id}/claim"]
    assert {(span.trace_id, span.parent_id) for span in told} == {(whole[3:35], whole[36:52])}
    assert told[0].attributes == {
        "http.request.method": "GET",
        "http.route": "/start/{tenant}/{entry}",
        "http.response.status_code": 303,
    }


async def test_a_claimed_trace_is_only_linked(rig: Rig, anna: Browser, told: list[Span]) -> None:
    """What the request says of a trace is linked where it is one, and decides nothing; its flag neither."""
    claimed = new_traceparent()[:-2] + "00"
    login = await anna.arrive(redirect(rig.clock))
    before = len(told)
    await anna.get(f"/t/{login}", traceparent=claimed)
    await anna.get(f"/t/{login}", traceparent="00-nothing-of-the-kind-01")
    await wait_until(lambda: len(told) == before + 2)
    assert [span.links for span in told[before:]] == [(claimed,), ()]
    assert len({span.trace_id for span in told}) == 1
    assert claimed[3:35] not in {span.trace_id for span in told}


async def test_lines_and_spans_name_each_other(rig: Rig, anna: Browser, told: list[Span]) -> None:
    """Every line of a request has the ids of its span, also where it is about no login."""
    login = await anna.begin(redirect(rig.clock))
    await anna.get("/nowhere")
    ids = {(span.trace_id, span.span_id) for span in told}
    lines = [line for line in rig.lines.all if line.get("transaction_id") == login]
    assert lines
    assert {(line["trace_id"], line["span_id"]) for line in lines} <= ids
    (lost,) = (line for line in rig.lines.all if line.get("http_response_status_code") == 404)
    assert len(lost["span_id"]) == 16
    assert lost["trace_id"] != lines[0]["trace_id"]
