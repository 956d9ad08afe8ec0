"""The README lists what the code reads, says and writes, all of it and nothing else."""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from common.log import Event

import proofing.worker
from common.settings import SettingsError
from proofing.errors import Failure
from proofing.log_events import EVENTS
from proofing.settings import Settings

README = (Path(__file__).parents[2] / "services" / "proofing" / "README.md").read_text()


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


def test_reasons_of_dead_letters() -> None:
    """Every reason with which a command is parked is explained."""
    named = first_cells("Messages")
    assert named == ["VerifyIdentity", "VerificationChanged", *Failure, "not_for_this_service"]
    assert '"not_for_this_service"' in Path(proofing.worker.__file__).read_text()
