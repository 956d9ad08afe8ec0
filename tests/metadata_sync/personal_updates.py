"""Updates with personal values, as the gateway seals them."""

from typing import Any

from common.messages import Kind, UpdateMetadata, new_event_id
from common.personal_values import PersonalValue, seal_personal
from common.sealing import Sealer
from tests.metadata_sync.rig import SEAL_KEY
from tests.metadata_sync.updates import update


def personal_update(
    rev: int = 1,
    *,
    user_id: str,
    root: dict[str, Any] | None = None,
    user_metadata: dict[str, Any] | None = None,
    **changes: Any,
) -> UpdateMetadata:
    """An update of these attributes and these keys of user_metadata; of app_metadata if `keys` says so."""
    event_id = new_event_id()
    values = {Kind.ROOT: root or {}, Kind.USER_METADATA: user_metadata or {}}
    sealed = seal_personal(
        {
            kind: {name: PersonalValue(rev=rev, value=value) for name, value in wishes.items()}
            for kind, wishes in values.items()
        },
        sealer=Sealer((SEAL_KEY,)),
        bound_to=("acme", f"tx-{rev}", event_id),
    )
    return update(rev, user_id=user_id, **({"keys": {}, "sealed": sealed, "event_id": event_id} | changes))
