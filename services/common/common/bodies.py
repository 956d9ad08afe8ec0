"""Bodies of answers that come from elsewhere, read so far and no further."""

from collections.abc import AsyncIterator

import aiohttp

from common.errors import WaystationError


class BodyTooLongError(WaystationError):
    """An answer is longer than anything that we asked for."""


async def read_body(response: aiohttp.ClientResponse, *, at_most: int) -> bytes:
    """The whole body, in however many pieces it comes.

    Raises:
        BodyTooLongError: it has more than `at_most` bytes.
    """
    return b"".join([piece async for piece in pieces(response, at_most=at_most)])


async def read_body_or_nothing(response: aiohttp.ClientResponse, *, at_most: int) -> bytes:
    """As `read_body`; of one that is longer nothing, which is no answer to any reader."""
    try:
        return await read_body(response, at_most=at_most)
    except BodyTooLongError:
        return b""


async def pieces(response: aiohttp.ClientResponse, *, at_most: int) -> AsyncIterator[bytes]:
    """The body as it comes.

    Raises:
        BodyTooLongError: with the next piece it would have more than `at_most` bytes.
    """
    size = 0
    async for piece in response.content.iter_any():
        size += len(piece)
        if size > at_most:
            raise BodyTooLongError(f"more than {at_most} bytes")
        yield piece
