"""The README lists what the gateway serves, reads, says and logs, all of it and nothing else."""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from common.log import Event
from common.messages import (
    MetadataApplied,
    MetadataRejected,
    UpdateMetadata,
    VerificationChanged,
    VerifyIdentity,
)
from common.settings import SettingsError
from gateway.log_events import EVENTS
from gateway.settings import Settings
from tests.gateway.rig import Rig

README = (Path(__file__).parents[2] / "services" / "gateway" / "README.md").read_text()


def section(title: str) -> str:
    return README.partition(f"## {title}\n")[2].partition("\n## ")[0]


def first_cells(title: str) -> list[str]:
    return re.findall(r"^\| `([^`]+)` \|", section(title), flags=re.MULTILINE)


class NotingEnvironment(Mapping[str, str]):
    """An empty environment that remembers what it was asked for."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def __getitem__(self, name: str) -> str:
        self.asked.append(name)
        raise KeyError(name)

    def __iter__(self) -> Iterator[str]:
        return iter(())

    def __len__(self) -> int:
        return 0


async def test_routes(rig: Rig) -> None:
    """Every route that browsers can reach has its row, in the order of the code."""
    pattern = re.compile(r"\{(\w+):[^{}]*(?:\{[^{}]*\})?\}")
    served = [(route.method, pattern.sub(r"{\1}", route.path)) for route in rig.handlers.routes()]
    assert [tuple(cell.split()) for cell in first_cells("Routes")] == served


def test_settings() -> None:
    """Every variable that is read has its row."""
    environment = NotingEnvironment()
    with pytest.raises(SettingsError):
        Settings.from_env(environment)
    assert first_cells("Settings") == environment.asked


def test_messages() -> None:
    """Every message that the gateway sends or handles has its row."""
    messages = (VerifyIdentity, VerificationChanged, UpdateMetadata, MetadataApplied, MetadataRejected)
    assert first_cells("Messages") == [message.type for message in messages]


def test_log_events() -> None:
    """Every event has its row, with its severity, its fields and its meaning."""
    rows = [line for line in section("Log events").splitlines() if line.startswith("| `")]
    assert rows == [row_of(event) for event in EVENTS]


def test_the_runbook() -> None:
    """What the runbook tells to look for can be logged."""
    known = {event.name for event in EVENTS}
    named = set(re.findall(r"`([a-z]+\.[a-z_]+)`", section("Runbook"))) - {"tenants.yaml", "gateway.dead"}
    assert named
    assert named <= known


def row_of(event: Event) -> str:
    fields = ", ".join(f"`{name}`" for name in event.fields)
    return f"| `{event.name}` | {event.level} | {fields} | {event.meaning} |"
