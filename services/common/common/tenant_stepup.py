"""The step `stepup` of a tenants file: a code by e-mail, when a login is unusual."""

from datetime import timedelta
from typing import Annotated, Self

from pydantic import Field, ValidationInfo, model_validator
from pydantic_core import PydanticCustomError

from common.tenant_fields import Duration, StepRules, lasting
from common.tenant_secrets import Reading


class StepupStep(StepRules):
    """Attempts and mails are counted per person within `retry_after`, over all of their logins.

    `code_valid_for`: how long a code can be typed; `resend_after`: how soon there may be another one.
    """

    valid_for: Annotated[Duration, lasting("1m")] = timedelta(days=365)
    retry_after: Annotated[Duration, lasting("10m")] = timedelta(hours=1)
    attempts: Annotated[int, Field(ge=1, le=10)] = 5
    mails: Annotated[int, Field(ge=1, le=20)] = 5
    digits: Annotated[int, Field(ge=6, le=8)] = 6
    code_valid_for: Annotated[Duration, lasting("1m", "30m")] = timedelta(minutes=10)
    resend_after: Annotated[Duration, lasting("10s", "10m")] = timedelta(minutes=1)

    @model_validator(mode="after")
    def _can_mail(self, info: ValidationInfo) -> Self:
        if isinstance(info.context, Reading) and not info.context.can_mail:
            raise PydanticCustomError("no_mail", "sends mail, and the gateway has no SMTP_URL")
        return self
