"""The backlog draining, as an SVG picture: how many users' last update each system has not written yet."""

from collections.abc import Sequence
from pathlib import Path

from tests.bench.metadata_sync.outcome import Outcome

_WIDTH, _HEIGHT = 860, 500
_LEFT, _RIGHT, _TOP, _BOTTOM = 64, 24, 44, 128  # the legend is below
_COLOURS = ("#7a7a7a", "#0b6e4f", "#2f9e74", "#b03a2e", "#ca6f1e", "#6c3483", "#9b59b6", "#1f618d")
_POINTS = 400
_LINE_OF_LEGEND, _COLUMNS_OF_LEGEND = 18, 2
_MOST_TICKS = 6


def draw(outcomes: Sequence[Outcome], *, users: int, title: str, to: Path) -> None:
    """Write the picture; the time axis ends when the last system does."""
    longest = max(outcome.seconds for outcome in outcomes)
    plot = _Plot(longest=longest, highest=max(users, *(at for one in outcomes for _, at in one.curve)))
    parts = [plot.frame(title)]
    for number, outcome in enumerate(outcomes):
        colour = _COLOURS[number % len(_COLOURS)]
        parts.append(plot.line(outcome, colour=colour))
        parts.append(_legend(number, outcome, colour=colour))
    to.parent.mkdir(parents=True, exist_ok=True)
    to.write_text(
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" '
        f'font-family="sans-serif" font-size="12">\n'
        f'<rect width="{_WIDTH}" height="{_HEIGHT}" fill="white"/>\n' + "\n".join(parts) + "\n</svg>\n"
    )


class _Plot:
    """Where seconds and users lie in the picture."""

    def __init__(self, *, longest: float, highest: int) -> None:
        self._longest = longest
        self._highest = highest

    def x(self, seconds: float) -> float:
        return _LEFT + (_WIDTH - _LEFT - _RIGHT) * seconds / self._longest

    def y(self, users: float) -> float:
        return _HEIGHT - _BOTTOM - (_HEIGHT - _TOP - _BOTTOM) * users / self._highest

    def line(self, outcome: Outcome, *, colour: str) -> str:
        points = [*_thinned(outcome.curve), (outcome.seconds, outcome.curve[-1][1])]
        path = " ".join(f"{self.x(at):.1f},{self.y(behind):.1f}" for at, behind in points)
        dashes = ' stroke-dasharray="5 3"' if outcome.name.startswith("ideal") else ""
        return f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"{dashes}/>'

    def frame(self, title: str) -> str:
        bottom, right = self.y(0), self.x(self._longest)
        parts = [
            f'<text x="{_LEFT}" y="24" font-size="15">{title}</text>',
            f'<path d="M{_LEFT} {_TOP}V{bottom}H{right}" fill="none" stroke="#333"/>',
            f'<text x="{right}" y="{bottom + 38}" text-anchor="end">seconds</text>',
            f'<text x="8" y="{_TOP - 6}">users behind</text>',
        ]
        for seconds in _ticks(self._longest):
            x = self.x(seconds)
            parts.append(f'<text x="{x:.1f}" y="{bottom + 18}" text-anchor="middle">{seconds:g}</text>')
        for users in _ticks(self._highest):
            y = self.y(users)
            parts.append(f'<text x="{_LEFT - 8}" y="{y + 4:.1f}" text-anchor="end">{users:g}</text>')
            parts.append(f'<path d="M{_LEFT} {y:.1f}H{right}" stroke="#ddd"/>')
        return "\n".join(parts)


def _legend(number: int, outcome: Outcome, *, colour: str) -> str:
    row, column = divmod(number, _COLUMNS_OF_LEGEND)
    x = _LEFT + column * (_WIDTH - _LEFT - _RIGHT) // _COLUMNS_OF_LEGEND
    y = _HEIGHT - _BOTTOM + 62 + row * _LINE_OF_LEGEND
    wrong = f", {outcome.wrong} users wrong" if outcome.wrong else ""
    said = f"{outcome.name}: {outcome.seconds:.0f} s{wrong}"
    return (
        f'<path d="M{x} {y}h22" stroke="{colour}" stroke-width="3"/>'
        f'<text x="{x + 30}" y="{y + 4}">{said}</text>'
    )


def _thinned(curve: Sequence[tuple[float, int]]) -> list[tuple[float, int]]:
    step = max(1, len(curve) // _POINTS)
    return [*curve[::step], curve[-1]]


def _ticks(longest: float) -> list[float]:
    """About five round numbers from 0 on."""
    step = next(
        one
        for power in range(-1, 7)
        for one in (10**power, 2 * 10**power, 5 * 10**power)
        if longest / one <= _MOST_TICKS
    )
    return [number * step for number in range(1, int(longest / step) + 1)]
