import socket


def free_port(host: str = "127.0.0.1") -> int:
    """A TCP port on which nothing listens on `host` now; another process may still be faster."""
    with socket.socket() as probe:
        probe.bind((host, 0))
        port: int = probe.getsockname()[1]
        return port


def accepts_connections(port: int, *, host: str = "127.0.0.1") -> bool:
    try:
        with socket.create_connection((host, port), timeout=1):
            return True
    except OSError:
        return False
