"""What `UpdateMetadata.sealed` holds: attributes and user_metadata of a person, for metadata-sync alone.

Values are JSON, None deletes. A root attribute that the tenant keeps as the person's identity provider sends
it goes to user_metadata under the same name; therefore no key of user_metadata may have such a name.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, TypeAlias

from pydantic import ConfigDict, Field, JsonValue, TypeAdapter, ValidationError

from common.messages import Kind, MetadataKey, Revision
from common.sealing import Sealer, SealError

# Auth0, Management API v2, Update a user: the attributes of the normalised profile and their longest values.
ROOT_ATTRIBUTES: Mapping[str, int] = {
    "given_name": 150,
    "family_name": 150,
    "name": 300,
    "nickname": 300,
    "picture": 2048,
}


@dataclass(frozen=True, kw_only=True)
class PersonalValue:
    """What a key shall hold from `rev` on; None deletes it."""

    __pydantic_config__ = ConfigDict(extra="ignore", strict=True)
    rev: Revision
    value: JsonValue = field(repr=False)


PersonalValues: TypeAlias = dict[Kind, dict[str, PersonalValue]]
_Keys: TypeAlias = Annotated[dict[MetadataKey, PersonalValue], Field(max_length=20)]
_VALUES: TypeAdapter[Any] = TypeAdapter(dict[Kind, _Keys], config=ConfigDict(strict=True))


def seal_personal(values: PersonalValues, *, sealer: Sealer, bound_to: tuple[str, str, str]) -> str:
    """`UpdateMetadata.sealed`, bound to the message's tenant, transaction_id and event_id."""
    return sealer.seal(_VALUES.dump_json(values), bound_to=bound_to)


def open_personal(sealed: str, *, sealer: Sealer, bound_to: tuple[str, str, str]) -> PersonalValues:
    """What was sealed.

    Raises:
        SealError: it does not open here, or holds something else; the text tells nothing of it.
    """
    try:
        values: PersonalValues = _VALUES.validate_json(sealer.open(sealed, bound_to=bound_to))
    except ValidationError:
        raise SealError("holds something else") from None
    if Kind.APP_METADATA in values or not any(values.values()):
        raise SealError("holds something else")
    return values
