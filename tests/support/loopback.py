"""Names below localhost lead to this machine (RFC 6761), also where its own resolver does not know that."""

import socket

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult

_HERE = "127.0.0.1"


def address_of(host: str) -> str:
    """What to connect to: this machine's loopback for such a name, and any other as it is."""
    return _HERE if _is_here(host) else host


def _is_here(host: str) -> bool:
    return host.endswith(".localhost")


class _LoopbackResolver(AbstractResolver):
    """Names below localhost by itself, all others as everybody does."""

    def __init__(self) -> None:
        self._others = aiohttp.DefaultResolver()

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        if not _is_here(host):
            return await self._others.resolve(host, port, family)
        return [
            ResolveResult(
                hostname=host,
                host=_HERE,
                port=port,
                family=socket.AF_INET,
                proto=0,
                flags=socket.AI_NUMERICHOST,
            )
        ]

    async def close(self) -> None:
        await self._others.close()


def loopback_connector() -> aiohttp.TCPConnector:
    """For sessions that go to a stack, whose origins may be such names."""
    return aiohttp.TCPConnector(resolver=_LoopbackResolver())
