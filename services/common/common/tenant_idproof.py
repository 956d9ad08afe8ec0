"""How a tenant wants identities proofed."""

from datetime import timedelta
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from common.tenant_fields import Duration, Section, StepRules, WebUrl, lasting


class CheckConsent(Section):
    """Ask before a check begins. `revision` counts the tenant's wording behind `policy_url`.

    `kept_for` is what the page says about how long the evidence is kept; `retention` may not say more.
    """

    revision: Annotated[int, Field(ge=1, le=1_000_000)]
    policy_url: WebUrl
    kept_for: Annotated[Duration, lasting("1d")]


class IdproofStep(StepRules):
    """Identity proofing. `attempts` are counted per person within `retry_after`.

    `retry_declined`: what could be a slip of the keyboard may be tried again while attempts are left.
    `review_within` is what people are promised about a review, `review_wait` how long a login waits.
    `compare_with`: what the account has, or what the person told the step `profile`, where they did.
    `reverify_within`: so near to the end of a result, before or after, a shorter second pass is enough.
    """

    valid_for: Annotated[Duration, lasting("1m")]
    retry_after: Annotated[Duration, lasting("1m")] = timedelta(hours=1)
    attempts: Annotated[int, Field(ge=1, le=20)] = 5
    provider: Literal["document"] = "document"
    allow_document_validated: bool = False
    compare_with: Literal["account", "told"] = "account"
    minimum_age: Annotated[int, Field(ge=1, le=120)] | None = None
    consent: CheckConsent | None = None
    retry_declined: bool = False
    review_within: Annotated[Duration, lasting("1m", "90d")] | None = None
    review_wait: Annotated[Duration, lasting(most="45m")] = timedelta()
    reverify_within: Annotated[Duration, lasting("1d", "365d")] | None = None

    @model_validator(mode="after")
    def _waits_no_longer_than_promised(self) -> Self:
        if self.review_within is not None and self.review_wait > self.review_within:
            raise PydanticCustomError("review_wait", "review_wait must not be longer than review_within")
        return self
