"""`--steps` of the commands that run a stack."""

import argparse
from collections.abc import Sequence

from tests.support.deeds import STEPS


def steps_of(text: str) -> tuple[str, ...]:
    """The names in that list, for argparse."""
    steps = tuple(name.strip() for name in text.split(","))
    if unknown := [name for name in steps if name not in STEPS]:
        raise argparse.ArgumentTypeError(
            f"does not know {', '.join(map(repr, unknown))}; there are {', '.join(STEPS)}"
        )
    if len(set(steps)) < len(steps):
        raise argparse.ArgumentTypeError("names a step twice")
    return steps


def action_settings(steps: Sequence[str]) -> dict[str, str]:
    """What makes the Action ask for these steps, in the order in which it does."""
    return {"STEPS": ",".join(f"{step}:1" for step in STEPS if step in steps)}
