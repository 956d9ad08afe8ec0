"""Ports for servers that must know theirs before they listen.

Several test workers, stacks and checkouts look for ports at the same time, and the system hands any port of
its own range to the next connection that goes out. So these come from below that range, and each is reserved
for the life of the process that asked, by a lock on one byte of a file that all share.
"""

import errno
import fcntl
import os
import random
import socket
import tempfile
from functools import cache
from pathlib import Path

_PORTS = range(10_240, 32_768)  # above what browsers refuse, below Linux' ip_local_port_range
_reserved: set[int] = set()


def free_port(host: str = "127.0.0.1") -> int:
    """A TCP port on which nothing listens on `host`, and which nobody else who asks here is given."""
    for port in random.sample(_PORTS, len(_PORTS)):
        if _reserve(port) and _is_free(port, host=host):
            return port
    raise OSError(errno.EADDRINUSE, "no free port is left")


def accepts_connections(port: int, *, host: str = "127.0.0.1") -> bool:
    try:
        with socket.create_connection((host, port), timeout=1):
            return True
    except OSError:
        return False


def _reserve(port: int) -> bool:
    if port in _reserved:
        return False
    try:
        fcntl.lockf(_lock_file(), fcntl.LOCK_EX | fcntl.LOCK_NB, 1, port)
    except OSError:
        return False
    _reserved.add(port)
    return True


@cache
def _lock_file() -> int:
    path = Path(tempfile.gettempdir()) / f"waystation-ports-{os.getuid()}"
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)


def _is_free(port: int, *, host: str) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
        return True
