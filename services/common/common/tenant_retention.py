"""How long a tenant's data stays, field by field; a job of the service that has it keeps to it."""

from datetime import timedelta
from typing import Annotated, TypeAlias

from common.tenant_fields import Duration, Section, lasting

Days: TypeAlias = Annotated[Duration, lasting("1d")]
# Longer than anything can be delivered once more (common/inbox.py).
AfterRedelivery: TypeAlias = Annotated[Duration, lasting("31d")]


class Retention(Section):
    """What stays how long; docs/security.md says what each holds.

    `evidence` and `verified_claims` are by default what the consent page promises, or `EVIDENCE` where there
    is none.
    """

    evidence: Days | None = None
    verified_claims: Days | None = None
    verifications: Days = timedelta(days=730)
    results: Days = timedelta(days=730)
    consents: Days = timedelta(days=1825)
    transactions: Days = timedelta(days=365)
    writes: AfterRedelivery = timedelta(days=365)
    erasures: AfterRedelivery = timedelta(days=90)


EVIDENCE = timedelta(days=90)
