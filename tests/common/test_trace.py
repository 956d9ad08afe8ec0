"""How a login's story is put together, whatever the logs around it look like."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from common.log_formats import Format, renderer
from common.trace import DATABASE, LOG, Logged, Moment, Told, silences, tell, weave

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)


def line(event: str, seconds: float = 0.0, **fields: Any) -> str:
    at = (NOON + timedelta(seconds=seconds)).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    content = {"timestamp": at, "severity": "INFO", "event": event, "service_name": "gateway"}
    return json.dumps(content | {"transaction_id": "t1"} | fields)


def moment(
    event: str, seconds: float = 0.0, *, source: str = DATABASE, about: str = "", text: str = ""
) -> Moment:
    at = NOON + timedelta(seconds=seconds)
    return Moment(at=at, service="gateway", source=source, event=event, about=about, text=text)


def test_lines_of_a_login() -> None:
    """Those of the login alone, whatever a collector wrote before each; no other is minded."""
    lines = [
        f"gateway-1  | {line('login.opened', steps=['idproof'])}\n",
        line("login.opened", transaction_id="t2"),
        line("request.served", transaction_id=None, trace_id="abc", duration_ms=3.2),
        "t1 {not json",
        '{"transaction_id": "t1"}',
        '["t1"]',
    ]
    logged = Logged(sought="t1", trace_id="abc")
    logged.read(lines)
    assert [(one.event, one.text) for one in logged.moments("t1")] == [
        ("login.opened", 'steps=["idproof"]'),
        ("request.served", "duration_ms=3.2"),
    ]


@pytest.mark.parametrize("log_format", ["json", "ecs", "gcp"])
def test_lines_in_every_format(log_format: Format) -> None:
    """A moment is the same, however LOG_FORMAT has the fields called."""
    content = json.loads(line("step.concluded", step="terms", outcome="passed", trace_id="abc"))
    written = renderer(log_format, at_terminal=False)(None, "info", content)
    logged = Logged(sought="t1")
    logged.read([written])
    assert (logged.trace_id, [*logged.by_id]) == ("abc", ["t1"])
    (found,) = logged.moments("t1")
    assert found == Moment(
        at=NOON, service="gateway", source=LOG, event="step.concluded", about="terms", text="outcome=passed"
    )


def test_logs_alone() -> None:
    """Tenant and trace are those of the login's lines, and the beginning of an id is enough."""
    logged = Logged(sought="t1-be")
    logged.read([
        line("login.opened", transaction_id="t1-begins", tenant="acme", trace_id="abc"),
        line("request.served", transaction_id=None, trace_id="abc"),
        line("login.opened", transaction_id="t1-other", tenant="globex", trace_id="def"),
    ])  # fmt: skip
    assert (logged.tenant, logged.trace_id) == ("acme", "abc")
    assert [one.event for one in logged.moments("t1-begins")] == ["login.opened", "request.served"]
    logged.read([line("login.opened", transaction_id="t1-belongs")])
    assert sorted(logged.by_id) == ["t1-begins", "t1-belongs"]


def test_the_same_and_another_moment() -> None:
    """A line tells the nearest moment of a database, and only that; what was at another time is told, too."""
    (line,) = lines = [moment("consent.given", 20, source=LOG)]
    first, again, later = moment("consent.given"), moment("consent.given", 21), moment("consent.given", 90)
    assert list(weave([again], lines)) == [line]
    assert list(weave([again, later], lines)) == [later, line]
    assert list(weave([later, again, first], lines)) == [later, first, line]
    about_terms = moment("consent.given", 20, about="terms")
    assert list(weave([about_terms], lines)) == [about_terms, line]


@pytest.mark.parametrize(
    ("logged", "trail", "told"),
    [
        ("status=working", "working ticket-4711 by:olga", "status=working ticket-4711 by:olga"),
        ('outcome=failed reasons=["a", "b"]', "failed a b", 'outcome=failed reasons=["a", "b"]'),
        ("", "shown by:olga", "shown by:olga"),
        ("status=working", "", "status=working"),
    ],
)
def test_words_of_the_trail(logged: str, trail: str, told: str) -> None:
    """Where a line tells a moment of the audit trail, it is told who and why, and no word twice."""
    at_gateway = moment("login.cancelled", 1, source=LOG, text=logged)
    (found,) = weave([moment("login.cancelled", text=trail)], [at_gateway])
    assert (found.source, found.at, found.text) == (LOG, at_gateway.at, told)


def test_one_story() -> None:
    """In the order of time, each event once, with the verdict of who knows it and every gap."""
    story = tell(
        "t1",
        told=[
            Told(
                moments=[moment("login.opened"), moment("step.concluded", 2, about="idproof")], tenant="acme"
            ),
            Told(gaps=["a message waits"], verdict="handed_back", state="handed_back", trace_id="abc"),
            Told(tenant="globex", trace_id="def"),
        ],
        lines=[moment("login.opened", 0.01, source=LOG), moment("login.claimed", 1, source=LOG)],
        more_gaps=["no line of proofing"],
    )
    assert [(one.event, one.source) for one in story.moments] == [
        ("login.opened", LOG),
        ("login.claimed", LOG),
        ("step.concluded", DATABASE),
    ]
    assert (story.tenant, story.state, story.trace_id) == ("acme", "handed_back", "abc")
    assert story.gaps == ("a message waits", "no line of proofing")


def test_silences() -> None:
    """Where nothing was heard for longer than ten seconds is named by what stands around it."""
    moments = [moment("login.opened"), moment("login.claimed", 9), moment("step.submitted", 50)]
    assert list(silences(moments)) == ["nothing for 41 s between login.claimed and step.submitted"]
