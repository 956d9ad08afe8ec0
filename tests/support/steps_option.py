"""`--steps` of the commands that run a stack."""

import argparse
from collections.abc import Sequence
from pathlib import Path

from tests.support.deeds import STEPS
from tests.support.demo_tenant import LOGO, DemoTenant

# Who waits for a person sees what that looks like.
_REVIEWS = {"review_within": "2d", "review_wait": "10m"}


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


def clicked_tenant(steps: Sequence[str], *, logo: Path = LOGO) -> DemoTenant:
    """The tenant of a stack that people click through, and that asks for these steps."""
    return DemoTenant(idproof=_REVIEWS, action_settings=action_settings(steps), logo=logo)
