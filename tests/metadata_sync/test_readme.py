"""The README lists what the code reads, says and writes, all of it and nothing else."""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

import metadata_sync
from common.log import Event
from common.settings import SettingsError
from metadata_sync.log_events import EVENTS
from metadata_sync.management import REFUSALS
from metadata_sync.settings import Settings

ROOT = Path(__file__).parents[2] / "services" / "metadata-sync"
README = (ROOT / "README.md").read_text()


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


def test_settings() -> None:
    """Every variable that is read is documented, in the same order."""
    environment = NotingEnvironment()
    with pytest.raises(SettingsError):
        Settings.from_env(environment)
    assert first_cells("Settings") == environment.asked


def test_log_events() -> None:
    """Every event has its row, with its severity, its fields and its meaning."""
    rows = [line for line in section("Log events").splitlines() if line.startswith("| `")]
    assert rows == [row_of(event) for event in EVENTS]


def row_of(event: Event) -> str:
    fields = ", ".join(f"`{name}`" for name in event.fields)
    return f"| `{event.name}` | {event.level} | {fields} | {event.meaning} |"


def test_messages_and_reasons_of_refusals() -> None:
    """Every message has its row, and every reason with which the gateway is told of a refusal."""
    messages = ["UpdateMetadata", "MetadataApplied", "MetadataRejected"]
    assert first_cells("Messages") == [*messages, *dict.fromkeys(REFUSALS.values())]


def test_reasons_of_dead_letters() -> None:
    """Every reason with which an update is parked is explained, and none that the code does not have."""
    code = "".join(path.read_text() for path in (ROOT / "metadata_sync").glob("*.py"))
    raised = set(re.findall(r'(?:UnfitUpdateError|PoisonMessageError)\("([a-z_]+)"\)', code))
    assert set(first_cells("Limits of what is written")) == raised


def test_guarantees_are_in_the_docstring() -> None:
    """The README points at the package's docstring, which numbers the guarantees."""
    numbers = re.findall(r"^(\d)\. \*\*", metadata_sync.__doc__ or "", flags=re.MULTILINE)
    assert numbers == list("123456789")
