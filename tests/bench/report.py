"""What every bench prints: a table for people, with `--json` one line for programs."""

import json
import os
import platform
import statistics
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass


@dataclass(frozen=True, kw_only=True)
class Row:
    """One measure: the median of its samples, with the smallest and the largest."""

    name: str
    unit: str
    value: float
    low: float
    high: float
    samples: int


@dataclass(frozen=True, kw_only=True)
class Bar:
    """A goal; `verdict` is met, missed or inconclusive, and nothing fails by it; `goal`: the good side."""

    name: str
    value: float
    bound: float
    ok: bool
    verdict: str
    goal: str = "or less"


def row(name: str, unit: str, samples: Sequence[float]) -> Row:
    """A measure of at least one sample."""
    median = statistics.median(samples)
    low, high = round(min(samples), 3), round(max(samples), 3)
    return Row(name=name, unit=unit, value=round(median, 3), low=low, high=high, samples=len(samples))


def at_most(measured: Row, bound: float, *, disturbed: bool = False) -> Bar:
    """The goal that a measure is `bound` or less; a disturbed measure that is more tells nothing."""
    return _bar(measured, bound, ok=measured.value <= bound, disturbed=disturbed, goal="or less")


def at_least(measured: Row, bound: float, *, disturbed: bool = False) -> Bar:
    """The goal that a measure is `bound` or more; a disturbed measure that is less tells nothing."""
    return _bar(measured, bound, ok=measured.value >= bound, disturbed=disturbed, goal="or more")


def _bar(measured: Row, bound: float, *, ok: bool, disturbed: bool, goal: str) -> Bar:
    verdict = "met" if ok else "inconclusive" if disturbed else "missed"
    return Bar(name=measured.name, value=measured.value, bound=bound, ok=ok, verdict=verdict, goal=goal)


def print_report(
    bench: str, *, rows: Sequence[Row], bars: Sequence[Bar], notes: Sequence[str], seed: int, as_json: bool
) -> None:
    """The table on stdout; with `as_json` its last line is the same for programs."""
    for one in rows:
        spread = f"{one.low:g} to {one.high:g}, {one.samples} samples"
        print(f"{one.name:<52} {one.value:>9g} {one.unit:<3} ({spread})")
    for bar in bars:
        print(f"{bar.verdict}: {bar.name}, {bar.value:g}, goal {bar.bound:g} {bar.goal}")
    for note in notes:
        print(note)
    if as_json:
        line = {
            "bench": bench,
            "machine": _machine(),
            "rows": [asdict(one) for one in rows],
            "bars": [asdict(bar) for bar in bars],
            "notes": list(notes),
            "seed": seed,
        }
        sys.stdout.write(json.dumps(line) + "\n")


def _machine() -> dict[str, str | int]:
    return {"cores": os.cpu_count() or 1, "python": platform.python_version(), "system": platform.platform()}
