"""What metadata-sync keeps how long: users at rest, what the tenant refused, and who was erased.

A user's age is no matter of an index, so every user is looked at: some of them each time, and then the next.
"""

from common.db import Connection
from common.tenants import Tenant
from metadata_sync import retention_store as store

LOOKS = 20


class Users:
    """The rule for users; it remembers how far it is, and begins again after the last of a tenant."""

    def __init__(self) -> None:
        self._after: dict[str, str] = {}

    async def __call__(self, connection: Connection, tenant: Tenant) -> int:
        deleted = 0
        for _ in range(LOOKS):
            look = await store.delete_users(
                connection,
                tenant=tenant.key,
                after=self._after.get(tenant.key, ""),
                at_rest_for=tenant.retention.writes,
                erased_for=tenant.retention.erasures,
            )
            self._after[tenant.key] = look.last or ""
            deleted += look.deleted
            if look.last is None:
                break
        return deleted
