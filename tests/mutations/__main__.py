"""`python -m tests.mutations`: change what decides, a little at a time, and see whether a test notices.

Exit status 1 if a group kills less than it should, or a mutant lives that `explained.yaml` does not explain.
"""

import argparse
import os
import sys
from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path

import yaml

from tests.mutations.groups import GROUPS
from tests.mutations.mutants import Mutant, mutants_of
from tests.support import parallel

_EXPLAINED = Path(__file__).parent / "explained.yaml"


def main() -> int:
    parser = argparse.ArgumentParser(prog="./dev check mutations")
    parser.add_argument("groups", nargs="*", metavar="GROUP", help=f"of {', '.join(GROUPS)}; else all")
    parser.add_argument("--folder", type=Path, required=True, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if unknown := [name for name in options.groups if name not in GROUPS]:
        parser.error(f"there is no group {unknown[0]}; there are {', '.join(GROUPS)}")
    bad = [name for name in options.groups or GROUPS if not _is_held(name, options.folder / name)]
    if bad:
        print(f"not held: {', '.join(bad)}")
    return 1 if bad else 0


def _is_held(name: str, folder: Path) -> bool:
    group = GROUPS[name]
    is_private = group.needs_servers and parallel.SERVERS not in os.environ
    with parallel.shared_servers() if is_private else nullcontext():
        mutants = mutants_of(group, folder)
    living = [mutant for mutant in mutants if not mutant.is_killed]
    ratio = 1 - len(living) / len(mutants)
    unexplained = [mutant for mutant in living if not _is_explained(mutant, _read_explained())]
    print(f"{name}: {len(mutants)} mutants, {ratio:.1%} killed, {len(living) - len(unexplained)} explained")
    for mutant in unexplained:
        print(f"  {mutant.function}: {mutant.status}\n    - {mutant.was}\n    + {mutant.becomes}")
    return ratio >= group.least and not unexplained


def _read_explained() -> Sequence[dict[str, str]]:
    entries: Sequence[dict[str, str]] = yaml.safe_load(_EXPLAINED.read_text())
    return entries


def _is_explained(mutant: Mutant, explained: Sequence[dict[str, str]]) -> bool:
    return any(
        (entry["function"], entry["was"].strip(), entry["becomes"].strip())
        == (mutant.function, mutant.was.strip(), mutant.becomes.strip())
        for entry in explained
    )


if __name__ == "__main__":
    sys.exit(main())
