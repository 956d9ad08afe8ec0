"""`./dev bench metadata-sync [--json] [--scale small|medium|full] [--only PART …] [--seed N]`.

Every part has its own tenants, databases and virtual hosts on one pair of durable servers. What needs the
clock runs alone; what needs only counts runs at the same time as other such parts.
"""

import argparse
import sys
import time
from pathlib import Path

from tests.bench.metadata_sync.findings import Findings
from tests.bench.metadata_sync.parts import ALL, PARTS, SCALES, Run
from tests.bench.metadata_sync.servers import open_bench
from tests.bench.report import print_report
from tests.support.errors import ProcessFailedError, SupportError
from tests.support.interrupts import interruptible
from tests.support.waiting import run_alone


def main(arguments: list[str]) -> int:
    """0 if it could measure, whatever the goals say."""
    options = _parser().parse_args(arguments)
    findings = Findings()
    with interruptible():
        try:
            with open_bench() as bench:
                run = Run(
                    bench=bench,
                    scale=SCALES[options.scale],
                    seed=options.seed,
                    python=options.peers_python,
                    say=_say,
                )
                run_alone(_measure(run, findings, only=options.only))
        except SupportError as exc:
            sys.stderr.write(f"./dev bench failed: {exc}\n")
            if isinstance(exc, ProcessFailedError):
                sys.stderr.writelines(f"  | {line}\n" for line in exc.last_lines)
            return 1
        except KeyboardInterrupt:
            return 130
    print("\n".join(findings.table))
    print_report(
        "metadata-sync",
        rows=findings.rows,
        bars=findings.bars,
        notes=findings.notes,
        seed=options.seed,
        as_json=options.json,
    )
    return 0


async def _measure(run: Run, findings: Findings, *, only: list[str] | None) -> None:
    await run.bench.migrate()
    for name, part in PARTS.items():
        if name in (only or ALL):
            started = time.monotonic()
            await part(run, findings)
            _say(f"{name}: {time.monotonic() - started:.0f} s")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="./dev bench metadata-sync")
    parser.add_argument("--json", action="store_true", help="the last line is for programs")
    parser.add_argument("--scale", choices=SCALES, default="small", help="minutes, half an hour, or an hour")
    parser.add_argument("--only", action="append", choices=PARTS, help="this part, and others named so")
    parser.add_argument("--seed", type=int, default=1, help="of updates, people and neighbours")
    parser.add_argument("--peers-python", type=Path, required=True, help=argparse.SUPPRESS)
    return parser


def _say(text: str) -> None:
    sys.stderr.write(f"  {text}\n")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
