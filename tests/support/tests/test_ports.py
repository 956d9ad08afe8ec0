import subprocess
import sys

from tests.support.ports import accepts_connections, free_port

_ASK_AMONG = """
import random
random.sample = lambda ports, count: {ports}
from tests.support.ports import free_port
free_port()
"""


def test_two_processes_never_get_the_same_port() -> None:
    """What one process was given is nobody else's while it lives, though nothing listens there yet."""
    own = {free_port() for _ in range(200)}
    asked = subprocess.run(
        [sys.executable, "-c", _ASK_AMONG.format(ports=sorted(own))],
        capture_output=True,
        text=True,
        check=False,
    )
    assert "no free port is left" in asked.stderr
    assert len(own) == 200


def test_what_the_system_may_give_to_others_is_not_used() -> None:
    """A connection that goes out cannot take the port between its choice and its use."""
    port = free_port()
    assert 10_240 <= port < 32_768
    assert not accepts_connections(port)
