"""The runbooks name what there is: events, metrics, commands, files; and each says what an operator needs."""

import importlib
import re
from collections.abc import Iterator

import pytest
from prometheus_client import REGISTRY

from common import cli
from common.audit import Audited
from common.log_events import BUILT_IN_EVENTS, COMMON_EVENTS
from deploy.dashboards.source.alerts import ALERTS
from gateway.settings import Settings as GatewaySettings
from metadata_sync.settings import Settings as MetadataSyncSettings
from proofing.settings import Settings as ProofingSettings
from tests.docs.markdown import Page
from tests.support.readme import variables_read
from tests.support.run_folder import ROOT

PAGE = Page(ROOT / "docs" / "operations.md")
PARTS = ("Notice", "Means", "Do", "Over")
PACKAGES = ("gateway", "proofing", "metadata_sync")
_COUNTING = ("common.metrics", "gateway.metrics", "metadata_sync.metrics")
_EVENT = re.compile(r"`([a-z_]+\.[a-z_]+)`")
_METRIC = re.compile(r"`((?:waystation|gateway|proofing|metadata_sync)_[a-z_]+)[`{]")
_ALERT = re.compile(r"`(Waystation[A-Za-z]+)`")
_COMMAND = re.compile(r"`waystation ([a-z-]+)(?: ([a-z-]+))?")
_SECRET = re.compile(r"(KEY|TOKEN|PASSWORD)_FILES?$")
# Queues, tables and keys of the tenants file look like events.
_NO_EVENTS = (".dead", ".outbox", ".yaml", "metadata.policy", "metadata.deadline")
# What follows these is what they are about, and no command of theirs.
_TOPICS_WITHOUT_COMMANDS = {"erase"}


def runbooks() -> dict[str, str]:
    """The text of each, by its heading."""
    headings = re.split(r"^### (.+)\n", PAGE.section("Runbooks"), flags=re.MULTILINE)[1:]
    return dict(zip(headings[::2], headings[1::2], strict=True))


def part(text: str, name: str) -> str:
    """What stands after **NAME**, up to the next part."""
    after = text.partition(f"- **{name}**:")[2]
    return re.split(r"^- \*\*", after, flags=re.MULTILINE)[0]


def events() -> Iterator[str]:
    """Of the log, and of the audit trail."""
    yield from (event.value for event in Audited)
    yield from (event.name for event in (*BUILT_IN_EVENTS, *COMMON_EVENTS))
    for package in PACKAGES:
        yield from (event.name for event in importlib.import_module(f"{package}.log_events").EVENTS)


def metrics() -> Iterator[str]:
    """Names as Prometheus has them: a counter ends in `_total`."""
    for module in _COUNTING:
        importlib.import_module(module)
    for family in REGISTRY.collect():
        yield f"{family.name}_total" if family.type == "counter" else family.name


@pytest.mark.parametrize("heading", runbooks())
def test_parts(heading: str) -> None:
    """Each says how you notice, what it means, what to do, and how you know that it is over, in order."""
    assert tuple(re.findall(r"^- \*\*(\w+)\*\*:", runbooks()[heading], flags=re.MULTILINE)) == PARTS


@pytest.mark.parametrize("heading", runbooks())
def test_what_is_noticed(heading: str) -> None:
    """It begins with something that a machine tells: an event, a metric, or a command that ends badly."""
    notice = part(runbooks()[heading], "Notice")
    assert (
        set(_EVENT.findall(notice)) & set(events()) or set(_METRIC.findall(notice)) or "waystation " in notice
    )


def test_alerts() -> None:
    """Each alert leads to a runbook that says so, and none is named that there is not."""
    named = {heading: set(_ALERT.findall(part(text, "Notice"))) for heading, text in runbooks().items()}
    there = {heading: {alert.name for alert in ALERTS if alert.runbook == heading} for heading in named}
    assert named == there
    assert sum(map(len, there.values())) == len(ALERTS)


def test_events_and_metrics() -> None:
    """None is named that there is not."""
    text = PAGE.section("Runbooks")
    named = {
        name for name in _EVENT.findall(text) if not name.endswith((".dead", ".outbox", ".users", ".yaml"))
    }
    fields = {"metadata.policy", "metadata.deadline"}
    assert named - fields - set(events()) == set()
    assert set(_METRIC.findall(text)) - set(metrics()) == set()


def test_commands(capsys: pytest.CaptureFixture[str]) -> None:
    """Every command of the page explains itself when it is asked to."""
    for subject, verb in sorted(set(_COMMAND.findall(PAGE.prose))):
        words = [subject] if subject in _TOPICS_WITHOUT_COMMANDS or not verb else [subject, verb]
        with pytest.raises(SystemExit) as ended:
            cli.run([*words, "--help"], {})
        assert ended.value.code == 0, words
        assert capsys.readouterr().out.startswith(f"usage: waystation {' '.join(words)}")


def test_every_secret_is_listed() -> None:
    """Each setting that names a file of secrets stands in the table of keys and secrets."""
    readers = (GatewaySettings.from_env, ProofingSettings.from_env, MetadataSyncSettings.from_env)
    named = {name for reader in readers for name in variables_read(reader) if _SECRET.search(name)}
    section = PAGE.section("Keys and secrets")
    assert named
    assert [name for name in named if name not in section] == []
