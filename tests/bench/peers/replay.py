"""What every peer is given: updates with the moments at which they arrive, a tenant and a token for it.

The environment: WORKLOAD (a file of JSON lines `at`, `user_id`, `changes`), GO (a file that appears with the
time of the start in it), API (the Management API), TOKEN, RATE (calls a second that are allowed).
"""

import json
import os
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

API, TOKEN, RATE = os.environ["API"], os.environ["TOKEN"], int(os.environ["RATE"])


@dataclass(frozen=True, kw_only=True)
class Update:
    """At `at` seconds after the start these fields of the user shall change."""

    at: float
    user_id: str
    changes: dict[str, Any]


def updates() -> list[Update]:
    """All of them, in order of arrival."""
    lines = Path(os.environ["WORKLOAD"]).read_text().splitlines()
    return [Update(**json.loads(line)) for line in lines]


def wait_for_start() -> float:
    """Say that everything is loaded, and return the time of the start when it is told."""
    sys.stdout.write("peer is ready\n")
    sys.stdout.flush()
    go = Path(os.environ["GO"])
    while not go.exists():
        time.sleep(0.02)
    return float(go.read_text())


def as_they_arrive() -> Iterator[Update]:
    """Each update when its time has come, or at once when that is past."""
    arriving = updates()
    start = wait_for_start()
    for update in arriving:
        time.sleep(max(0.0, start + update.at - time.time()))
        yield update
