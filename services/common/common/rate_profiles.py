"""How many user writes the Management API of a tenant allows.

Auth0 publishes burst and sustained numbers per plan (Rate Limit Configurations: Free, Self Service,
Enterprise, Private Cloud). They change and they differ by contract, so a tenant may also give its own
numbers.
"""

from datetime import timedelta
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError

Requests = Annotated[int, Field(ge=1, le=100_000)]


class Bucket(BaseModel):
    """A bucket of `burst` requests, refilled by exactly one of `per_second` and `per_minute`."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    burst: Requests
    per_second: Requests | None = None
    per_minute: Requests | None = None

    @model_validator(mode="after")
    def _one_rate(self) -> Self:
        if (self.per_second is None) == (self.per_minute is None):
            raise PydanticCustomError("one_rate", "needs exactly one of per_second and per_minute")
        return self

    @property
    def sustained(self) -> int:
        """Requests that each `period` adds to the bucket."""
        return self.per_second or self.per_minute or 0

    @property
    def period(self) -> timedelta:
        return timedelta(seconds=1) if self.per_second else timedelta(minutes=1)


class RateProfile(Bucket):
    """The bucket that every write takes from, and the one that writes of users have besides, if any.

    Auth0 asks the limit of the whole API first and that of the endpoint then; a write needs both.
    """

    write_users: Bucket | None = None

    @property
    def buckets(self) -> tuple[Bucket, ...]:
        return (self, self.write_users) if self.write_users else (self,)


RATE_PROFILES = {
    "free": RateProfile(burst=2, per_second=2),
    # Self-service plans: the row "Write Users" (POST and PATCH) is narrower than all others.
    "essentials": RateProfile(burst=20, per_minute=200),
    "enterprise": RateProfile(burst=50, per_second=16),
    "enterprise-nonprod": RateProfile(burst=10, per_second=2),
    "private-cloud-dev": RateProfile(burst=20, per_second=20),
    "private-cloud-100": RateProfile(burst=50, per_second=50),
}


def named_profile(value: object) -> object:
    """The profile of that name, or `value` itself where it is not a name."""
    if not isinstance(value, str):
        return value
    if value not in RATE_PROFILES:
        raise PydanticCustomError(
            "rate_profile", "must be one of {names}, or numbers", {"names": ", ".join(RATE_PROFILES)}
        )
    return RATE_PROFILES[value]
