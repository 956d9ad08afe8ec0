import asyncio
import os
import signal

import pytest

from tests.support.interrupts import interruptible, shielded
from tests.support.waiting import run_alone


async def _interrupted_while_waiting(number: signal.Signals, told: list[str]) -> None:
    os.kill(os.getpid(), number)
    try:
        await asyncio.sleep(60)
    finally:
        told.append("ended in order")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_interrupted_coroutine_ends_in_order(number: signal.Signals) -> None:
    """An interrupt cancels a coroutine where it waits, and only then is it an interrupt."""
    told: list[str] = []
    with interruptible(), pytest.raises(KeyboardInterrupt):
        run_alone(_interrupted_while_waiting(number, told))
    assert told == ["ended in order"]


def test_interrupted_coroutine_does_not_end_in_the_middle() -> None:
    """What does not wait is done to its end first."""
    told: list[str] = []

    async def busy() -> None:
        os.kill(os.getpid(), signal.SIGINT)
        told.append("done")

    with interruptible(), pytest.raises(KeyboardInterrupt):
        run_alone(busy())
    assert told == ["done"]


def test_interrupt_outranks_what_it_breaks() -> None:
    """What fails because it was interrupted is an interrupt, not a failure."""

    def fail() -> None:
        with shielded():
            os.kill(os.getpid(), signal.SIGINT)
            raise OSError

    with interruptible(), pytest.raises(KeyboardInterrupt):
        fail()


def test_cleaning_up_after_an_interrupt() -> None:
    """After an interrupt, what cleans up can still run coroutines."""

    async def clean_up() -> str:
        await asyncio.sleep(0)
        return "clean"

    with interruptible():
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGINT)
        assert run_alone(clean_up()) == "clean"
