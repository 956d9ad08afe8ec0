"""The step `password` of a tenants file: a new password, then a new login."""

from datetime import timedelta
from typing import Annotated, Literal, Self

from pydantic import Field, ValidationInfo, model_validator
from pydantic_core import PydanticCustomError

from common.tenant_fields import Duration, Identifier, StepRules, lasting
from common.tenant_secrets import Reading


class PasswordStep(StepRules):
    """Refused passwords are counted per person within `retry_after`, over all of their logins.

    `mode`: with `change` the new password is typed here, with `ticket` on the tenant's own page, where its
    database has it; a directory's is always typed here. `notice`: whether a mail tells the person that their
    password was changed. `connection` is the database of people whose token names none, as a Rule's does not.
    """

    connection: Identifier | None = None
    mode: Literal["change", "ticket"] = "change"
    retry_after: Annotated[Duration, lasting("10m")] = timedelta(hours=1)
    attempts: Annotated[int, Field(ge=1, le=50)] = 10
    notice: bool = True

    @model_validator(mode="after")
    def _can_be_done(self, info: ValidationInfo) -> Self:
        if not isinstance(info.context, Reading):
            return self
        if not info.context.can_call:
            raise PydanticCustomError(
                "no_call", "needs metadata-sync, and the gateway has no PASSWORD_CALL_URL"
            )
        if self.notice and not info.context.can_mail:
            raise PydanticCustomError("no_mail", "sends mail, and the gateway has no SMTP_URL")
        return self
