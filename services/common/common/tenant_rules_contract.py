"""What a tenants file says of tokens in the form of Auth0's former Rules; see docs/migrate-from-rules.md."""

from typing import Annotated

from pydantic import Field

from common.tenant_fields import Identifier, Section, matching

_STEP = "[a-z][a-z0-9-]{0,31}:[1-9][0-9]{0,5}"
_ENTRY = "[a-z0-9-]{1,32}"


class RulesContract(Section):
    """Who such a token is from, and what it leaves unsaid. `client_id` counts where the token has none."""

    issuer: Identifier
    steps: Annotated[
        tuple[Annotated[str, matching(_STEP, f"must match {_STEP}")], ...],
        Field(strict=False, min_length=1, max_length=10),
    ]
    client_id: Identifier
    entry: Annotated[str, matching(_ENTRY, f"must match {_ENTRY}")] = "login"
