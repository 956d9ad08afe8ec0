"""One tenant as `tenants.yaml` describes it.

`TenantSnapshot` is the part that a transaction keeps from its beginning to its end; `Tenant` adds what is
always taken from the newest file: hosts, the Management API and everything secret.
"""

from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Annotated, Literal, Self, TypeAlias

from pydantic import AfterValidator, BeforeValidator, Field, model_validator
from pydantic_core import PydanticCustomError

from common.rate_profiles import RateProfile, named_profile
from common.tenant_branding import Branding
from common.tenant_connections import Directory
from common.tenant_fields import (
    Duration,
    Host,
    Identifier,
    Label,
    Origin,
    Percentage,
    Section,
    StepRules,
    TenantKey,
    WebUrl,
    lasting,
    matching,
    origin_of,
)
from common.tenant_idproof import IdproofStep
from common.tenant_password import PasswordStep
from common.tenant_profile import ProfileStep
from common.tenant_retention import EVIDENCE, Retention
from common.tenant_secrets import ClientSecret, ContentKey
from common.tenant_stepup import StepupStep
from common.tenant_terms import TermsStep
from common.tenant_tokens import AnswerTokenRules, SessionTokenRules, one_key_twice

MetadataPolicy: TypeAlias = Literal["wait", "carry", "fail", "action"]
# YAML has lists only; tuples keep the model frozen all the way down.
_FROM_LIST = Field(strict=False)
_NAMESPACE = "[a-z][a-z0-9_]{0,39}"
_PARAMETER = "[A-Za-z_][A-Za-z0-9_-]{0,39}"


def _not_empty(value: tuple[object, ...]) -> tuple[object, ...]:
    if not value:
        raise PydanticCustomError("empty", "must not be empty")
    return value


# Pydantic's own min_length also complains about a list whose only item is wrong.
_NOT_EMPTY = AfterValidator(_not_empty)


class Management(Section):
    """Where and as whom metadata-sync writes, and how fast it may."""

    domain: Host
    base_url: Origin | None = None
    client_id: Identifier
    client_secret: ClientSecret = Field(alias="client_secret_file", repr=False)
    rate_profile: Annotated[RateProfile, BeforeValidator(named_profile)]
    reserve: Percentage = 0.2

    @property
    def origin(self) -> str:
        """Where requests go, e.g. https://acme.eu.auth0.com."""
        return self.base_url or origin_of(self.domain)


class MetadataRules(Section):
    """How long the way back waits for the result to be in `app_metadata`, and what happens if it is not."""

    namespace: Annotated[str, matching(_NAMESPACE, f"must match {_NAMESPACE}")] = "waystation"
    policy: MetadataPolicy = "wait"
    deadline: Annotated[Duration, lasting("1s", "5m")] = timedelta(seconds=10)
    quiet: Annotated[Duration, lasting(most="10m")] = timedelta(seconds=2)
    max_wait: Annotated[Duration, lasting(most="1h")] = timedelta(seconds=30)

    @model_validator(mode="after")
    def _quiet_within_max_wait(self) -> Self:
        if self.quiet > self.max_wait:
            raise PydanticCustomError("quiet", "quiet must not be longer than max_wait")
        return self


class TransactionRules(Section):
    """A login at Auth0 lives for an hour, of which the way back needs some minutes."""

    deadline: Annotated[Duration, lasting("3m", "55m")] = timedelta(minutes=45)


class HandBackRules(Section):
    """How the browser carries the answer to the tenant's /continue."""

    method: Literal["post", "get"] = "post"
    state_in: Literal["both", "query", "body"] = "both"
    parameter: Annotated[str, matching(_PARAMETER, f"must match {_PARAMETER}")] = "session_token"


class Application(Section):
    """An application of the tenant: its name on our pages, and where a failed login starts again."""

    name: Label
    login_url: WebUrl


class Steps(Section):
    """The steps that this tenant has configured, by name."""

    password: PasswordStep | None = None
    terms: TermsStep | None = None
    profile: ProfileStep | None = None
    idproof: IdproofStep | None = None
    stepup: StepupStep | None = None

    @model_validator(mode="after")
    def _at_least_one(self) -> Self:
        if not any(self.get(name) for name in Steps.model_fields):
            raise PydanticCustomError("no_step", "needs at least one step")
        return self

    def get(self, name: str) -> StepRules | None:
        """The rules of that step, whichever it is."""
        rules: StepRules | None = getattr(self, name) if name in Steps.model_fields else None
        return rules


class TenantSnapshot(Section):
    """What a transaction keeps of its tenant: nothing secret, and the same after a reload of the file."""

    key: TenantKey
    metadata: MetadataRules = MetadataRules()
    transaction: TransactionRules = TransactionRules()
    hand_back: HandBackRules = Field(default=HandBackRules(), alias="continue")
    applications: Mapping[Identifier, Application] = {}
    steps: Steps
    branding: Branding | None = None

    @property
    def name(self) -> str:
        return self.branding.name if self.branding else self.key

    def to_json(self) -> str:
        return self.model_dump_json(
            include=set(TenantSnapshot.model_fields), by_alias=True, exclude_none=True
        )

    @classmethod
    def from_json(cls, text: str) -> "TenantSnapshot":
        # A release may read what a newer one stored: keys that it does not know are not for it.
        return TenantSnapshot.model_validate_json(text, extra="ignore")


class Tenant(TenantSnapshot):
    """A tenant of the newest file, with its secrets."""

    hosts: Annotated[tuple[Host, ...], _FROM_LIST, _NOT_EMPTY]
    management: Management
    connections: Mapping[Identifier, Directory] = {}
    session_token: SessionTokenRules
    answer_token: AnswerTokenRules
    retention: Retention = Retention()
    profile_keys: Annotated[tuple[ContentKey, ...], _FROM_LIST, _NOT_EMPTY] = Field(alias="profile_key_files")

    @model_validator(mode="after")
    def _one_key_per_direction(self) -> Self:
        if one_key_twice(self.session_token, self.answer_token):
            raise PydanticCustomError(
                "shared_secret", "session_token and answer_token must not share a key (RFC 8725, 3.12)"
            )
        return self

    @model_validator(mode="after")
    def _keys_of_the_action(self) -> Self:
        if self.session_token.asks_one_of({*self.hosts, self.management.domain}):
            raise PydanticCustomError(
                "own_jwks", "session_token.jwks_url must not be the tenant's own: those keys sign ID tokens"
            )
        return self

    @property
    def keeps_evidence(self) -> timedelta:
        """How long a document stays with what it was compared with: never longer than people are told."""
        return self.retention.evidence or self._promised or EVIDENCE

    @property
    def keeps_claims(self) -> timedelta:
        return self.retention.verified_claims or self._promised or EVIDENCE

    @property
    def _promised(self) -> timedelta | None:
        consent = self.steps.idproof.consent if self.steps.idproof else None
        return consent.kept_for if consent else None

    def contradictions(self) -> Iterator[tuple[str, str]]:
        """Keys of `retention` that say something else than the steps do, and in which way."""
        kept, terms = self.retention, self.steps.terms
        for name, period in (("evidence", self.keeps_evidence), ("verified_claims", self.keeps_claims)):
            if self._promised and period > self._promised:
                yield name, "must not be longer than steps.idproof.consent.kept_for"
        if self.keeps_claims < self.keeps_evidence:
            yield "verified_claims", "must not be shorter than evidence"
        if kept.verifications < self.keeps_claims:
            yield "verifications", "must not be shorter than verified_claims"
        if terms and terms.valid_for and kept.consents < terms.valid_for:
            yield "consents", "must not be shorter than steps.terms.valid_for"

    def snapshot(self) -> TenantSnapshot:
        return TenantSnapshot.from_json(self.to_json())
