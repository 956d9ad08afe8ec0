"""Connections of a tenant whose passwords a directory keeps: Active Directory, or another LDAP server."""

import ssl
from typing import Annotated, Literal, Self, TypeAlias

from pydantic import AfterValidator, Field, PlainValidator, ValidationInfo, model_validator
from pydantic_core import PydanticCustomError

from common.tenant_fields import Section, matching
from common.tenant_secrets import ClientSecret, Reading

_LARGEST_PORT = 65_535
_LARGEST_CA = 256 * 1024
_ID, _GUID = "{id}", "{guid}"
_FILTERS = {"ad": f"(objectGUID={_GUID})", "ldap": f"(uid={_ID})"}


def _port(value: str) -> str:
    if int(value.rpartition("//")[2].partition(":")[2] or 636) > _LARGEST_PORT:
        raise PydanticCustomError("port", "must have a port up to 65535")
    return value


def _authorities(value: object, info: ValidationInfo) -> str:
    """The text of the PEM file; empty where a service does not read that part of the tenants file."""
    if not isinstance(value, str) or not value or "\0" in value:
        raise PydanticCustomError("ca_path", "must be the path of a PEM file")
    reading = info.context
    if not isinstance(reading, Reading) or "management" not in reading.parts:
        return ""
    path = reading.folder / value
    reading.note(path)
    try:
        with path.open(encoding="ascii") as file:
            text = file.read(_LARGEST_CA)
        ssl.create_default_context(cadata=text)
    except (OSError, ValueError) as exc:  # an SSLError is an OSError
        raise PydanticCustomError("ca_file", "names no PEM file with certificates") from exc
    return text


LdapsUrl: TypeAlias = Annotated[
    str,
    matching(r"ldaps://[A-Za-z0-9.-]{1,253}(:[1-9][0-9]{0,4})?", "must be ldaps://HOST or ldaps://HOST:PORT"),
    AfterValidator(_port),
]
_Line: TypeAlias = Annotated[str, matching(r"[^\x00-\x1f\x7f]{1,500}", "must be one line of text")]


class Directory(Section):
    """Where the people of a connection have their passwords, and as whom they are changed there.

    `filter` finds one person below `base`: `{id}` is what Auth0's user id ends with, escaped, and `{guid}`
    the same as the bytes of a GUID. Without `ca_file` the authorities of the system are trusted.
    """

    kind: Literal["ad", "ldap"]
    url: LdapsUrl
    bind_dn: _Line
    bind_password: ClientSecret = Field(alias="bind_password_file", repr=False)
    base: _Line
    filter: _Line = ""
    authorities: Annotated[str | None, PlainValidator(_authorities)] = Field(
        default=None, alias="ca_file", repr=False
    )

    @property
    def person_filter(self) -> str:
        return self.filter or _FILTERS[self.kind]

    @model_validator(mode="after")
    def _finds_one_person(self) -> Self:
        if self.person_filter.count(_ID) + self.person_filter.count(_GUID) != 1:
            raise PydanticCustomError("filter", "filter must have {id} or {guid} once", {})
        return self
