"""The kinds of value that a tenants file is made of: durations, hosts, addresses, short texts."""

import re
from datetime import timedelta
from typing import Annotated, TypeAlias
from urllib.parse import urlsplit

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    StringConstraints,
    ValidationInfo,
)
from pydantic_core import PydanticCustomError

from common.tenant_secrets import Reading

_DURATION = re.compile(r"([0-9]{1,9})([smhd])")
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}
_LABEL = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
# The last label begins with a letter: 127.0.0.1, 0x7f.1 and 2130706433 are no names.
_NAME = re.compile(rf"(?=.{{4,253}}\Z)(?:{_LABEL}\.)+[a-z](?:[a-z0-9-]{{0,61}}[a-z0-9])")
_LOOPBACK = re.compile(rf"(?:127\.0\.0\.([1-9][0-9]{{0,2}})|{_LABEL}\.localhost):([1-9][0-9]{{0,4}})")
_INSIDE = ("localhost", "local", "internal")
_LARGEST_PORT = 65_535
_BROADCAST = 255


class Section(BaseModel):
    """Part of the file: every key known, every type exact, nothing changed afterwards."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class StepRules(Section):
    """What every step has: the newest revision of it, which a result answers."""

    revision: Annotated[int, Field(ge=1, le=1_000_000)]


def _duration(value: object) -> object:
    if isinstance(value, timedelta):
        return value
    if not isinstance(value, str) or not _DURATION.fullmatch(value):
        raise PydanticCustomError("duration", "must be a duration such as 10s, 45m, 1h or 365d")
    return _parsed(value)


def _parsed(duration: str) -> timedelta:
    return timedelta(**{_UNITS[duration[-1]]: int(duration[:-1])})


def _duration_text(value: timedelta) -> str:
    return f"{value // timedelta(seconds=1)}s"


def lasting(least: str = "0s", most: str = "36500d") -> AfterValidator:
    """Bounds of a duration, written as the file writes them."""

    def check(value: timedelta) -> timedelta:
        if not _parsed(least) <= value <= _parsed(most):
            raise PydanticCustomError("duration_range", f"must be from {least} to {most}")
        return value

    return AfterValidator(check)


def matching(pattern: str, message: str) -> AfterValidator:
    """Text that matches as a whole; the message says in words what that means."""

    def check(value: str) -> str:
        if not re.fullmatch(pattern, value):
            raise PydanticCustomError("text_form", message)
        return value

    return AfterValidator(check)


Duration: TypeAlias = Annotated[timedelta, BeforeValidator(_duration), PlainSerializer(_duration_text)]
Label: TypeAlias = Annotated[
    str,
    matching(
        r"[^\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]{1,80}",
        "must be one line of 1 to 80 characters, none of them invisible",
    ),
]
Sentence: TypeAlias = Annotated[
    str,
    matching(
        r"[^\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]{1,400}",
        "must be one line of 1 to 400 characters, none of them invisible",
    ),
]
Identifier: TypeAlias = Annotated[
    str, matching(r"[\x21-\x7e]{1,128}", "must be 1 to 128 ASCII characters without blanks")
]
TenantKey: TypeAlias = Annotated[str, StringConstraints(pattern=r"^[a-z0-9-]{1,40}$")]
Percentage: TypeAlias = Annotated[float, Field(ge=0, le=0.9)]


def is_loopback(authority: str) -> bool:
    """Whether that is `127.0.0.n:PORT` or `NAME.localhost:PORT`, the forms of every host of a local stack.

    Names below localhost are loopback by RFC 6761, 6.3; among containers they are aliases on a network.
    """
    match = _LOOPBACK.fullmatch(authority)
    return match is not None and int(match[1] or 1) < _BROADCAST and int(match[2]) <= _LARGEST_PORT


def origin_of(host: str) -> str:
    """The origin of a tenant's host: https, except on the loopback addresses of a local stack."""
    return f"{'http' if is_loopback(host) else 'https'}://{host}"


def _is_public_name(name: str) -> bool:
    return bool(_NAME.fullmatch(name)) and name.rpartition(".")[2] not in _INSIDE


def _in_production(info: ValidationInfo) -> bool:
    return isinstance(info.context, Reading) and info.context.production


def _is_host(value: str, info: ValidationInfo) -> bool:
    return _is_public_name(value) or (is_loopback(value) and not _in_production(info))


def _host(value: str, info: ValidationInfo) -> str:
    if _is_host(value, info):
        return value
    raise PydanticCustomError(
        "host",
        "must be a bare public host name in lower case such as acme.eu.auth0.com,"
        " without scheme, port, path or IP address"
        " (127.0.0.n:PORT or NAME.localhost:PORT only in development)",
    )


def _web_url(value: str, info: ValidationInfo) -> str:
    if not _is_web_url(value, production=_in_production(info)):
        raise PydanticCustomError(
            "web_url",
            "must be an https address with a public host name and without user, fragment or spaces"
            " (http://127.0.0.n:PORT or http://NAME.localhost:PORT only in development)",
        )
    return value


def _is_web_url(value: str, *, production: bool) -> bool:
    if not re.fullmatch(r"[\x21-\x7e]{1,2000}", value) or re.search(r"[\\#@]", value):
        return False
    try:
        parts = urlsplit(value)
        name, port = parts.hostname or "", parts.port
    except ValueError:
        return False
    if parts.scheme == "https" and _is_public_name(name):
        return port != 0
    return not production and parts.scheme == "http" and is_loopback(parts.netloc)


def _origin(value: str, info: ValidationInfo) -> str:
    host = value.partition("://")[2]
    if not _is_host(host, info) or value != origin_of(host):
        raise PydanticCustomError(
            "origin",
            "must be an origin alone such as https://acme.eu.auth0.com"
            " (http://127.0.0.n:PORT or http://NAME.localhost:PORT only in development)",
        )
    return value


Host: TypeAlias = Annotated[str, AfterValidator(_host)]
WebUrl: TypeAlias = Annotated[str, AfterValidator(_web_url)]
Origin: TypeAlias = Annotated[str, AfterValidator(_origin)]
