"""`python -m common.probe` says by its exit status what /readyz says."""

import asyncio

import pytest

from common.health import Health, serve_health
from common.probe import MISCONFIGURED, NOT_READY, READY, main
from common.settings import Address
from tests.support.ports import free_port


@pytest.mark.parametrize(
    ("health", "status"), [(Health.OK, READY), (Health.DEGRADED, READY), (Health.FAILED, NOT_READY)]
)
async def test_a_service_that_answers(health: Health, status: int) -> None:
    """0 where /readyz answers 200, 1 where it answers 503; an address for all is asked on loopback."""
    port = free_port()

    async def check() -> Health:
        return health

    async with serve_health(Address(host="127.0.0.1", port=port), service="gateway") as vitals:
        with vitals.serving({"database": check}):
            assert (
                await asyncio.to_thread(
                    main, {"ENVIRONMENT": "development", "ADMIN_LISTEN": f"0.0.0.0:{port}"}
                )
                == status
            )


def test_a_service_that_is_not_there() -> None:
    """Nobody listens: 1."""
    assert main({"ADMIN_LISTEN": f"127.0.0.1:{free_port()}"}) == NOT_READY


def test_no_address(capsys: pytest.CaptureFixture[str]) -> None:
    """2, and one line that says what is wrong."""
    assert main({"ADMIN_LISTEN": "9090"}) == MISCONFIGURED
    assert capsys.readouterr().err == "ADMIN_LISTEN: must be HOST:PORT; for example 127.0.0.1:9090\n"
