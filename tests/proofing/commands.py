"""Commands as the gateway sends them."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from common.messages import DocumentPolicy, VerifyIdentity, new_event_id
from common.sealing import Sealer
from common.tracing import new_traceparent
from tests.support.zones import Zone

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
SEAL_KEY = bytes(range(32))
PREVIOUS_SEAL_KEY = bytes(range(1, 33))
DATA_KEY = bytes(range(2, 34))

ANNA = {"given_name": "Anna Maria", "family_name": "Eriksson", "birthdate": "1974-08-12"}


def personal_input(zone: Zone, profile: dict[str, Any]) -> bytes:
    return json.dumps({"mrz": zone.lines(), "profile": profile}).encode()


def command(
    *,
    zone: Zone | None = None,
    profile: dict[str, Any] | None = None,
    plaintext: bytes | None = None,
    seal_key: bytes = SEAL_KEY,
    now: datetime = NOW,
    **changes: Any,
) -> VerifyIdentity:
    """A good command, or one whose sealed content, key or fields are as given."""
    content = plaintext or personal_input(zone or Zone(), ANNA if profile is None else profile)
    message = VerifyIdentity(
        event_id=new_event_id(),
        tenant="acme",
        transaction_id="tx-1",
        occurred_at=now,
        traceparent=new_traceparent(),
        verification_id="ver-1",
        user_id="auth0|anna",
        step="idproof",
        provider="document",
        policy=DocumentPolicy(allow_document_validated=True, minimum_age=18),
        deadline=now + timedelta(minutes=45),
        sealed="",
    )
    changed = replace(message, **changes)
    if "sealed" in changes:
        return changed
    bound_to = (changed.tenant, changed.transaction_id, changed.event_id)
    return replace(changed, sealed=Sealer((seal_key,)).seal(content, bound_to=bound_to))
