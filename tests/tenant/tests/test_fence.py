"""Who may come near the control plane."""

from dataclasses import replace
from ipaddress import ip_network

from aiohttp.test_utils import make_mocked_request

from tests.tenant.fence import Fence
from tests.tenant.trial import trial_config


def _lets_in(remote: str, *, control_from: str | None = None) -> bool:
    networks = (ip_network(control_from),) if control_from else ()
    fence = Fence(replace(trial_config([], secrets=[], defaults={}, overrides={}), control_from=networks))
    request = make_mocked_request("GET", "/__control/log", headers={"Host": "localhost"})
    return fence._welcome(request.clone(remote=remote))


def test_this_machine_alone() -> None:
    """Programs of this machine come in, neighbours do not."""
    assert _lets_in("127.0.0.1")
    assert not _lets_in("172.18.0.1")


def test_neighbours_that_are_named() -> None:
    """Who is in a network of --control-from comes in, and nobody else does."""
    assert _lets_in("172.18.0.1", control_from="172.16.0.0/12")
    assert not _lets_in("10.0.0.1", control_from="172.16.0.0/12")
