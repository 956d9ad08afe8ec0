"""What `waystation doctor` looks at for proofing: nothing that the other services do not have as well."""

from collections.abc import Mapping
from typing import Final

from common.doctor import Check, Patient
from common.messages import COMMANDS, DEAD, EVENTS
from common.tenant_secrets import TenantPart
from proofing.settings import PARTS, Settings


class ProofingExamination:
    """See `common.doctor.Examination`."""

    parts: frozenset[TenantPart] = PARTS
    exchanges = (EVENTS, DEAD)
    bindings = frozenset({
        (COMMANDS, "verify-identity.*"),
        (COMMANDS, "forget-user.*"),
        (DEAD, "proofing.again"),
    })  # fmt: skip

    def read_settings(self, environ: Mapping[str, str]) -> Settings:
        return Settings.from_env(environ)

    def checks(self, _patient: Patient) -> Mapping[str, Check]:
        return {}


EXAMINATION: Final = ProofingExamination()
