"""What the services say to each other: one frozen dataclass per message and version.

Commands are imperative and go to one service; events are past tense and go to whoever listens. Ids and
outcomes travel in the clear, personal input only as `sealed` (sealing.py), tokens never. A field that a
version got later is left out where it is empty.
Consumers ignore unknown fields; an unknown type or version is an error that the bus dead-letters.

| message             | from          | to            |
|---------------------|---------------|---------------|
| VerifyIdentity      | gateway       | proofing      |
| VerificationChanged | proofing      | gateway       |
| UpdateMetadata      | gateway       | metadata-sync |
| ForgetUser          | gateway       | both others   |
| MetadataApplied     | metadata-sync | gateway       |
| MetadataRejected    | metadata-sync | gateway       |
| UserForgotten       | both others   | gateway       |
"""

import math
import re
import uuid
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from functools import cache
from typing import Annotated, Any, Literal, TypeAlias

import msgspec
from pydantic import (
    AfterValidator,
    AwareDatetime,
    ConfigDict,
    Field,
    StringConstraints,
    TypeAdapter,
    ValidationError,
)
from pydantic_core import ErrorDetails

from common.errors import WaystationError

COMMANDS = "waystation.commands"
EVENTS = "waystation.events"
DEAD = "waystation.dead"

MAX_BODY_BYTES = 64 * 1024

_CONFIG = ConfigDict(extra="ignore", strict=True)

Identifier = Annotated[str, StringConstraints(min_length=1, max_length=255, pattern=r"^[^\x00-\x1f\x7f]+$")]
MetadataKey = Annotated[str, StringConstraints(min_length=1, max_length=100, pattern=r"^[^.$\x00-\x1f]+$")]
Revision = Annotated[int, Field(ge=1)]
Sealed = Annotated[str, StringConstraints(min_length=1)]

_OMITTED_WHEN_EMPTY = Field(exclude_if=lambda value: not value)


def _can_be_sent_on(value: dict[str, Any] | None) -> dict[str, Any] | None:
    if not _is_finite(value):
        raise ValueError("1e999 is JSON, and infinity in Python, which is not JSON again")
    return value


def _is_finite(value: object) -> bool:
    match value:
        case dict():
            return all(map(_is_finite, value.values()))
        case list():
            return all(map(_is_finite, value))
        case float():
            return math.isfinite(value)
        case _:
            return True


class MalformedMessageError(WaystationError):
    """The body is not what its type promises."""


class UnknownMessageError(WaystationError):
    """A type or version that this release does not know; a newer producer was deployed first."""


class Kind(StrEnum):
    """What of a user is written; each kind is a call of its own, and all but app_metadata are personal."""

    APP_METADATA = "app_metadata"
    ROOT = "root"
    USER_METADATA = "user_metadata"


class Outcome(StrEnum):
    """How a verification ended, in the vendors' common words."""

    APPROVED = "approved"
    DECLINED = "declined"
    REVIEW = "review"
    CANCELED = "canceled"
    EXPIRED = "expired"
    ERROR = "error"


PersonalRevisions = Annotated[dict[Kind, dict[MetadataKey, Revision]], _OMITTED_WHEN_EMPTY]


@dataclass(frozen=True, kw_only=True)
class Envelope:
    """What every message carries. `event_id` is the logical id that consumers deduplicate by."""

    event_id: Identifier
    tenant: Identifier
    transaction_id: Identifier
    occurred_at: AwareDatetime
    traceparent: Identifier


@dataclass(frozen=True, kw_only=True)
class DocumentPolicy:
    """What the tenant accepts from the `document` provider; minimum_age in whole years."""

    __pydantic_config__ = _CONFIG
    allow_document_validated: bool
    minimum_age: int | None = None


@dataclass(frozen=True, kw_only=True)
class VerifyIdentity(Envelope):
    """Check one person's typed document; `sealed` is bound to tenant, transaction_id and event_id.

    `previous` is the verification whose document the person only confirms. `rev` is the last that the person
    was given before, 0 for none: whoever forgets them at a later one drops this.
    """

    __pydantic_config__ = _CONFIG
    type: Literal["VerifyIdentity"] = "VerifyIdentity"
    v: Literal[1] = 1
    verification_id: Identifier
    user_id: Identifier
    step: Identifier
    provider: Identifier
    policy: DocumentPolicy
    deadline: AwareDatetime
    sealed: Sealed = field(repr=False)
    previous: Annotated[Identifier | None, _OMITTED_WHEN_EMPTY] = None
    rev: Annotated[int, Field(ge=0), _OMITTED_WHEN_EMPTY] = 0


@dataclass(frozen=True, kw_only=True)
class VerificationChanged(Envelope):
    """A verification reached `outcome`; of two with the same id the higher revision counts."""

    __pydantic_config__ = _CONFIG
    type: Literal["VerificationChanged"] = "VerificationChanged"
    v: Literal[1] = 1
    verification_id: Identifier
    revision: Revision
    outcome: Outcome
    level: Identifier | None
    reason: Identifier | None
    reference: Identifier


@dataclass(frozen=True, kw_only=True)
class DesiredValue:
    """What a metadata key shall hold from `rev` on; None deletes it."""

    __pydantic_config__ = _CONFIG
    rev: Revision
    value: Annotated[dict[str, Any] | None, AfterValidator(_can_be_sent_on)]


@dataclass(frozen=True, kw_only=True)
class UpdateMetadata(Envelope):
    """Bring keys of a user to these values; `waiting` says that a browser waits for it until `deadline`.

    `keys` are those of app_metadata. `sealed` holds the personal ones (personal_values.py), bound to tenant,
    transaction_id and event_id. At least one of both is there.
    """

    __pydantic_config__ = _CONFIG
    type: Literal["UpdateMetadata"] = "UpdateMetadata"
    v: Literal[1] = 1
    user_id: Identifier
    waiting: bool
    deadline: AwareDatetime
    keys: Annotated[dict[MetadataKey, DesiredValue], Field(max_length=20)]
    sealed: Annotated[Sealed | None, _OMITTED_WHEN_EMPTY] = field(default=None, repr=False)

    def __post_init__(self) -> None:
        if not self.keys and not self.sealed:
            raise ValueError("neither keys nor sealed")


@dataclass(frozen=True, kw_only=True)
class MetadataApplied(Envelope):
    """The tenant answered 200 for these keys at these revisions: app_metadata's, and those of other kinds."""

    __pydantic_config__ = _CONFIG
    type: Literal["MetadataApplied"] = "MetadataApplied"
    v: Literal[1] = 1
    user_id: Identifier
    keys: dict[MetadataKey, Revision]
    personal: PersonalRevisions = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class MetadataRejected(Envelope):
    """The tenant will never take these keys at these revisions; `reason` is one of a closed set of codes.

    `keys` are those of app_metadata, `personal` those of other kinds.
    """

    __pydantic_config__ = _CONFIG
    type: Literal["MetadataRejected"] = "MetadataRejected"
    v: Literal[1] = 1
    user_id: Identifier
    keys: dict[MetadataKey, Revision]
    reason: Identifier
    personal: PersonalRevisions = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class ForgetUser(Envelope):
    """Delete what there is of a user from before `rev`; `transaction_id` is that of the erasure.

    `keys` of app_metadata are deleted at the tenant, and once more at `settle_at`, where there is one: until
    then an answer of ours that is still out may bring them back.
    """

    __pydantic_config__ = _CONFIG
    type: Literal["ForgetUser"] = "ForgetUser"
    v: Literal[1] = 1
    user_id: Identifier
    rev: Revision
    keys: Annotated[tuple[MetadataKey, ...], Field(max_length=200)]
    settle_at: Annotated[AwareDatetime | None, _OMITTED_WHEN_EMPTY] = None


@dataclass(frozen=True, kw_only=True)
class UserForgotten(Envelope):
    """This service has nothing left of a user from before `rev`, and will write nothing of it any more."""

    __pydantic_config__ = _CONFIG
    type: Literal["UserForgotten"] = "UserForgotten"
    v: Literal[1] = 1
    user_id: Identifier
    rev: Revision
    service: Literal["proofing", "metadata-sync"]


Command: TypeAlias = VerifyIdentity | UpdateMetadata | ForgetUser
Event: TypeAlias = VerificationChanged | MetadataApplied | MetadataRejected | UserForgotten
Message: TypeAlias = Command | Event

_ADAPTERS: dict[tuple[str, int], TypeAdapter[Message]] = {
    (message.type, message.v): TypeAdapter(message)
    for message in (
        *(VerifyIdentity, VerificationChanged),
        *(UpdateMetadata, MetadataApplied, MetadataRejected),
        *(ForgetUser, UserForgotten),
    )
}


def encode(message: Message) -> bytes:
    """The JSON body of a message."""
    return _ADAPTERS[(message.type, message.v)].dump_json(message)


def decode(body: bytes) -> Message:
    """The message in a JSON body.

    Raises:
        MalformedMessageError: not JSON of the promised shape; the text names fields, never values.
        UnknownMessageError: its type or version is not ours.
    """
    if len(body) > MAX_BODY_BYTES:
        raise MalformedMessageError("body too large")
    adapter = _adapter(_named(body))
    try:
        return adapter.validate_json(body)
    except ValidationError as exc:
        errors = exc.errors(include_input=False)
        if any(error["type"] == "json_invalid" for error in errors):
            raise MalformedMessageError("not JSON") from None
        places = sorted(set(map(_place, errors)))
        raise MalformedMessageError(f"wrong fields: {', '.join(places)}"[:200]) from None


class _Named(msgspec.Struct):
    """What a body says that it is; the rest of it is only looked over."""

    type: Any = None
    v: Any = None


_NAMED = msgspec.json.Decoder(_Named)


def _named(body: bytes) -> _Named:
    try:
        return _NAMED.decode(body)
    except msgspec.ValidationError:
        raise MalformedMessageError("not a JSON object") from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise MalformedMessageError("not JSON") from None


def _place(error: ErrorDetails) -> str:
    """Where it is wrong; a rule about several fields (`__post_init__`) has no place, but words of ours."""
    return ".".join(map(str, error["loc"])) or error["msg"].removeprefix("Value error, ")


def _adapter(named: _Named) -> TypeAdapter[Message]:
    if not isinstance(named.type, str) or type(named.v) is not int:
        raise MalformedMessageError("no type and version")
    try:
        return _ADAPTERS[(named.type, named.v)]
    except KeyError:
        raise UnknownMessageError("unknown type or version") from None


def exchange_of(message: Message) -> str:
    return COMMANDS if isinstance(message, Command) else EVENTS


def routing_key_of(message: Message) -> str:
    """`VerifyIdentity` version 1 travels as `verify-identity.v1`."""
    return _routing_key(message.type, message.v)


@cache
def _routing_key(name: str, version: int) -> str:
    return f"{re.sub(r'(?<!^)(?=[A-Z])', '-', name).lower()}.v{version}"


def new_event_id() -> str:
    return str(uuid.uuid4())


def envelope_of(cause: Message, *, occurred_at: datetime) -> dict[str, Any]:
    """Fields of a new message in the same login and trace as `cause`."""
    return {
        "event_id": new_event_id(),
        "tenant": cause.tenant,
        "transaction_id": cause.transaction_id,
        "occurred_at": occurred_at,
        "traceparent": cause.traceparent,
    }
