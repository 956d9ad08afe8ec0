"""A service's README, held against what its code reads and writes."""

import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import ModuleType

from prometheus_client import Counter
from prometheus_client.metrics import MetricWrapperBase

from common.settings import SettingsError


class ServiceReadme:
    """`services/<service>/README.md`."""

    def __init__(self, service: str) -> None:
        self.folder = Path(__file__).parents[2] / "services" / service
        self._text = (self.folder / "README.md").read_text()

    def section(self, title: str) -> str:
        return self._text.partition(f"## {title}\n")[2].partition("\n## ")[0]

    def first_cells(self, title: str) -> list[str]:
        """The first cell of every row of the section's tables, where it is code."""
        return re.findall(r"^\| `([^`]+)` \|", self.section(title), flags=re.MULTILINE)

    def metric_rows(self) -> list[str]:
        return [line for line in self.section("Metrics").splitlines() if line.startswith("| `")]


class _NotingEnvironment(Mapping[str, str]):
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


def variables_read(from_env: Callable[[Mapping[str, str]], object]) -> list[str]:
    """Every variable that a service asks its environment for, in that order."""
    environment = _NotingEnvironment()
    try:
        from_env(environment)
    except SettingsError:
        return environment.asked
    raise AssertionError("a service cannot run on an empty environment")


def rows_of_metrics(*modules: ModuleType) -> list[str]:
    """The rows of the metrics that these modules have, in order: name, type, labels and meaning."""
    metrics = [
        one for module in modules for one in vars(module).values() if isinstance(one, MetricWrapperBase)
    ]
    return [_metric_row(metric) for metric in metrics]


def _metric_row(metric: MetricWrapperBase) -> str:
    (family,) = metric.describe()
    name = f"{family.name}_total" if isinstance(metric, Counter) else family.name
    labels = ", ".join(f"`{label}`" for label in metric._labelnames)
    return f"| `{name}` | {family.type} | {labels} | {family.documentation} |"
