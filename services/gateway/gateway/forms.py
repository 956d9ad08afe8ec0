"""Reads what a browser posts, and nothing else: the framework's own reader turns bad input into a 500."""

import asyncio
from urllib.parse import parse_qsl

from aiohttp import web
from aiohttp.client_exceptions import ClientError
from aiohttp.http_exceptions import HttpProcessingError

from gateway.errors import BadRequestError, TooLargeError, UnsupportedFormError

MAX_FORM_BYTES = 16 * 1024
MAX_FIELDS = 20
READ_SECONDS = 10.0
_TYPE = "application/x-www-form-urlencoded"
_CHARSETS = ("", "utf-8", "utf8")


async def read_form(request: web.Request, *, within: float = READ_SECONDS) -> dict[str, str]:
    """The fields of a urlencoded UTF-8 form, each name once.

    Args:
        request: not yet read.
        within: seconds until a body that comes drop by drop is given up.

    Raises:
        UnsupportedFormError: another type, charset or encoding.
        TooLargeError: more than 16 KiB or 20 fields.
        BadRequestError: damaged, doubled, with NUL, or not here in time.
    """
    content_type, _, parameters = request.headers.get("Content-Type", "").partition(";")
    if content_type.strip().lower() != _TYPE or "Content-Encoding" in request.headers:
        raise UnsupportedFormError("form_type")
    if _charset(parameters) not in _CHARSETS:
        raise UnsupportedFormError("form_charset")
    try:
        async with asyncio.timeout(within):
            body = await _read(request)
    except TimeoutError:
        raise BadRequestError("form_too_slow") from None
    return _fields(body)


async def _read(request: web.Request) -> bytes:
    if (request.content_length or 0) > MAX_FORM_BYTES:
        raise TooLargeError("form_size")
    try:
        body = await request.content.read(MAX_FORM_BYTES + 1)
        while len(body) <= MAX_FORM_BYTES and not request.content.at_eof():
            body += await request.content.read(MAX_FORM_BYTES + 1 - len(body))
    except (ClientError, HttpProcessingError, ConnectionError):
        raise BadRequestError("form_interrupted") from None
    if len(body) > MAX_FORM_BYTES:
        raise TooLargeError("form_size")
    return body


def _charset(parameters: str) -> str:
    for parameter in parameters.split(";"):
        name, _, value = parameter.partition("=")
        if name.strip().lower() == "charset":
            return value.strip().strip('"').lower()
    return ""


def _fields(body: bytes) -> dict[str, str]:
    if body.count(b"&") >= MAX_FIELDS:
        raise TooLargeError("form_fields")
    try:
        pairs = parse_qsl(
            body.decode("ascii"),
            keep_blank_values=True,
            strict_parsing=bool(body),
            errors="strict",
        )
    except ValueError:  # UnicodeDecodeError is one
        raise BadRequestError("form_damaged") from None
    fields = dict(pairs)
    if len(fields) != len(pairs) or any("\x00" in text for pair in pairs for text in pair):
        raise BadRequestError("form_damaged")
    return fields
