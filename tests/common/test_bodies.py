"""Bodies of answers are read to their end, in however many pieces they come, but only so far."""

from collections.abc import AsyncIterator
from contextlib import suppress

import aiohttp
import pytest
from aiohttp import web

from common.bodies import BodyTooLongError, pieces, read_body, read_body_or_nothing


async def _in_pieces(request: web.Request) -> web.StreamResponse:
    """As many letters as the path says, three at a time."""
    response = web.StreamResponse()
    await response.prepare(request)
    left = int(request.match_info["size"])
    while left:
        await response.write(b"abc"[:left])
        left -= min(left, 3)
    await response.write_eof()
    return response


@pytest.fixture
async def url() -> AsyncIterator[str]:
    app = web.Application()
    app.router.add_get("/{size}", _in_pieces)
    runner = web.AppRunner(app, shutdown_timeout=1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    await runner.cleanup()


@pytest.mark.parametrize(("size", "body"), [(0, b""), (7, b"abcabca"), (10, b"abcabcabca")])
async def test_a_whole_body(url: str, size: int, body: bytes) -> None:
    """One that is not longer than it may be is all there, whoever reads it."""
    async with aiohttp.ClientSession() as session:
        async with session.get(f"{url}/{size}") as response:
            assert await read_body(response, at_most=10) == body
        async with session.get(f"{url}/{size}") as response:
            assert await read_body_or_nothing(response, at_most=10) == body


@pytest.mark.parametrize("size", [11, 100_000])
async def test_a_body_that_is_too_long(url: str, size: int) -> None:
    """One byte too many is a named error, or no answer at all, and what had come before it can be kept."""
    async with aiohttp.ClientSession() as session:
        async with session.get(f"{url}/{size}") as response:
            with pytest.raises(BodyTooLongError, match="more than 10 bytes"):
                await read_body(response, at_most=10)
        async with session.get(f"{url}/{size}") as response:
            assert await read_body_or_nothing(response, at_most=10) == b""
        kept = b""
        async with session.get(f"{url}/{size}") as response:
            with suppress(BodyTooLongError):
                async for piece in pieces(response, at_most=10):
                    kept += piece
        assert kept in {b"", b"abc", b"abcabc", b"abcabcabc"}
