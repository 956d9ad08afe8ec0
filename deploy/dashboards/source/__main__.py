"""`./dev dashboards [--check]`: writes what is made from here, and names what was stale."""

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path

from deploy.dashboards.source import messages, metadata_sync, overview, proofing, security
from deploy.dashboards.source.alerts_on_logs import ON_LOGS
from deploy.dashboards.source.alerts_on_metrics import ON_METRICS
from deploy.dashboards.source.grafana import as_json
from deploy.dashboards.source.rules import operator_rules, rule_file

BOARDS = (overview.BOARD, proofing.BOARD, metadata_sync.BOARD, security.BOARD, messages.BOARD)

_HERE = Path(__file__).parents[1]
_MONITORING = _HERE.parent / "kubernetes" / "components" / "monitoring"


def made() -> Iterator[tuple[Path, str]]:
    """Every file and what it should hold."""
    for board in BOARDS:
        yield _HERE / "grafana" / f"{board.name}.json", as_json(board)
    yield _HERE / "prometheus" / "alerts.yaml", rule_file(ON_METRICS)
    yield _HERE / "loki" / "alerts.yaml", rule_file(ON_LOGS)
    yield _MONITORING / "alerts.yaml", operator_rules(ON_METRICS)


def stale() -> list[Path]:
    """The files that do not hold what they should."""
    return [path for path, text in made() if not path.exists() or path.read_text() != text]


def main() -> int:
    """1 if `--check` found something stale."""
    parser = argparse.ArgumentParser(prog="./dev dashboards", description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; exit code 1: something is stale")
    only_check = parser.parse_args().check
    names = [str(path.relative_to(_HERE.parents[1])) for path in stale()]
    sys.stdout.write("".join(f"stale: {name}\n" for name in names))
    if only_check:
        return 1 if names else 0
    for path, text in made():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
