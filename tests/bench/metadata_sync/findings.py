"""What the parts found, as rows, goals, notes and the table of systems."""

import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

from tests.bench.cpu import MOST_OF_OTHERS
from tests.bench.metadata_sync.backlog import Behind, Kind
from tests.bench.metadata_sync.cost import Cost
from tests.bench.metadata_sync.faults import Settled
from tests.bench.metadata_sync.neighbours import Shared
from tests.bench.metadata_sync.outcome import Outcome, quantile
from tests.bench.report import Bar, Row, at_least, at_most, row

_HEAD = ("", "calls", "429s", "share", "seconds", "users right", "person p50", "p99")


@dataclass(kw_only=True)
class Findings:
    """Grows part by part; `others`: cores that nobody of the bench used during the part."""

    rows: list[Row] = field(default_factory=list)
    bars: list[Bar] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    table: list[str] = field(default_factory=list)
    others: float = 0.0

    def compare(self, outcomes: Sequence[Outcome], *, ideal: Outcome, ours: Sequence[Outcome]) -> None:
        """The table of systems, and what this service must reach in it."""
        self.table += _table([ideal, *ours, *outcomes])
        for outcome in (ideal, *ours, *outcomes):
            self.rows += _rows_of(outcome)
        for our in ours:
            for kind, calls in ideal.calls.items():
                ratio = our.calls.get(kind, 0) / calls
                self._at_most(f"{our.name}: {kind} calls by ideal", "x", [ratio], bound=1.02, is_count=True)
            self._at_most(f"{our.name}: 429s as the only client", "", [our.refused], bound=0, is_count=True)
            if our.share is None:
                self.notes.append(f"{our.name}: too short for the share of the allowed rate")
            else:
                self._at_least(f"{our.name}: share of the allowed rate", "x", [our.share], bound=0.98)
            self._at_most(f"{our.name}: users wrong in the end", "", [our.wrong], bound=0, is_count=True)

    def shared(self, shared: Shared) -> None:
        """Beside a neighbour."""
        self._at_most("neighbour: its 429s beside us more than alone", "pt", [shared.more_refused], bound=0.5)
        self._at_least("neighbour: used of what it leaves", "x", [shared.used], bound=0.8)
        self.rows.append(row("neighbour: our own 429s", "", [shared.our_refused]))

    def settled(self, what: str, settled: Settled, *, within: float | None) -> None:
        """After faults."""
        self._at_most(
            f"{what}: users wrong in the end", "", [settled.users - settled.right], bound=0, is_count=True
        )
        name, seconds = f"{what}: last write after the last fault", [settled.seconds]
        if within is None:
            self.rows.append(row(name, "s", seconds))
        else:
            self._at_most(name, "s", seconds, bound=within)
        self.rows.append(row(f"{what}: faults", "", [settled.faults]))
        self.rows.append(row(f"{what}: calls for {settled.users} users", "", [settled.calls]))

    def behind(self, found: Behind, tenants: Iterable[Kind]) -> None:
        """People behind a backlog."""
        kept = self._undisturbed("backlog", found.others)
        for plan in dict.fromkeys(one.plan for one in tenants):
            names = [one.name for one in tenants if one.plan == plan]
            without = [wait for turn in kept for name in names for wait in found.without[turn].get(name, [])]
            behind = [wait for turn in kept for name in names for wait in found.behind[turn].get(name, [])]
            self.rows += [
                _in_ms(f"{plan}: person without a backlog, {part:g}", without, part) for part in (0.5, 0.99)
            ]
            self.rows += [_in_ms(f"{plan}: person behind it, {part:g}", behind, part) for part in (0.5, 0.99)]
            self._bar_of_people(plan, without, behind)
        few, many = sorted(found.memory)
        for pending, megabytes in found.memory.items():
            self.rows.append(row(f"memory with {pending} pending users", "MB", [megabytes]))
        ratio = found.memory[many] / found.memory[few]
        self._at_most(f"memory at {many} by {few} pending users", "x", [ratio], bound=1.3)
        self.rows.append(
            row("updates taken in a second while the backlog is loaded", "", [found.intake_per_second])
        )

    def _bar_of_people(self, plan: str, without: list[float], behind: list[float]) -> None:
        late, alone = (quantile(tuple(waits), 0.99) for waits in (behind, without))
        if not late or not alone:
            self.notes.append(f"{plan}: too few people came")
        elif plan == "free":
            self._at_most("free: person behind a backlog, p99", "s", [late], bound=2.0)
        else:
            bound = 1.2 if plan == "second tenant" else 1.5
            self._at_most(
                f"{plan}: person behind a backlog by without, p99", "x", [late / alone], bound=bound
            )
            self._doubt_ratio()

    def cost(self, turns: Sequence[Cost]) -> None:
        """CPU of an update."""
        turns = [turns[number] for number in self._undisturbed("cost", [turn.others for turn in turns])]
        self.rows += [
            row("CPU of a background update besides the call", "µs", [turn.update for turn in turns]),
            row("CPU of INSERT … ON CONFLICT by asyncpg", "µs", [turn.insert for turn in turns]),
            row("CPU of a call by a bare client", "µs", [turn.call for turn in turns]),
            row("calls in a turn", "", [turn.calls for turn in turns]),
            row("CPU of the tenant's emulator for a call", "µs", [turn.emulator for turn in turns]),
        ]
        self._at_most(
            "CPU of a background update by the insert's",
            "x",
            [turn.update / turn.insert for turn in turns],
            bound=3.0,
        )
        self._doubt_ratio()

    def _doubt_ratio(self) -> None:
        """Who disturbed the one measure may have disturbed the other more: such a ratio is not even met."""
        if self.others > MOST_OF_OTHERS:
            self.bars[-1] = replace(self.bars[-1], verdict="inconclusive")

    def _undisturbed(self, part: str, others: Sequence[float]) -> list[int]:
        """The turns in which nobody else used much of the machine; all of them where that is none."""
        kept = [number for number, cores in enumerate(others) if cores <= MOST_OF_OTHERS]
        self.notes.append(f"{part}: {len(others) - len(kept)} of {len(others)} turns disturbed by others")
        self.others = 0.0 if kept else min(others)
        return kept or list(range(len(others)))

    def _at_most(
        self, name: str, unit: str, samples: Sequence[float], *, bound: float, is_count: bool = False
    ) -> None:
        self.rows.append(row(name, unit, samples))
        disturbed = self.others > MOST_OF_OTHERS and not is_count
        self.bars.append(at_most(self.rows[-1], bound, disturbed=disturbed))

    def _at_least(self, name: str, unit: str, samples: Sequence[float], *, bound: float) -> None:
        self.rows.append(row(name, unit, samples))
        self.bars.append(at_least(self.rows[-1], bound, disturbed=self.others > MOST_OF_OTHERS))


def _rows_of(outcome: Outcome) -> list[Row]:
    found = [
        row(f"{outcome.name}: calls", "", [outcome.all_calls]),
        row(f"{outcome.name}: 429s", "", [outcome.refused]),
        row(f"{outcome.name}: wall time", "s", [outcome.seconds]),
        row(f"{outcome.name}: users right", "", [outcome.right]),
    ]
    if outcome.waits:
        found.append(row(f"{outcome.name}: person p50", "s", [statistics.median(outcome.waits)]))
        found.append(row(f"{outcome.name}: person p99", "s", [outcome.waited(0.99) or 0.0]))
    return found


def _in_ms(name: str, waits: list[float], part: float) -> Row:
    """The wait that this part of the people did not exceed; with the shortest and the longest."""
    found = round(1000 * (quantile(tuple(waits), part) or 0.0), 3)
    low, high = (round(1000 * one(waits, default=0.0), 3) for one in (min, max))
    return Row(name=name, unit="ms", value=found, low=low, high=high, samples=len(waits))


def _table(outcomes: Sequence[Outcome]) -> list[str]:
    lines = [_line(_HEAD)]
    for one in outcomes:
        share = "-" if one.share is None else f"{one.share:.2f}"
        waits = [_seconds(one.waited(part)) for part in (0.5, 0.99)]
        right = f"{one.right} of {one.right + one.wrong}"
        cells = (str(one.all_calls), str(one.refused), share, f"{one.seconds:.1f}", right, *waits)
        lines.append(_line((one.name, *cells)))
    return lines


def _line(cells: Sequence[str]) -> str:
    return f"{cells[0]:<36}" + "".join(f"{cell:>14}" for cell in cells[1:])


def _seconds(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f} s"
