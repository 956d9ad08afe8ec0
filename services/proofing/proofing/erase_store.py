"""What there is of an erased person: deleted, and that it was. One function, one statement."""

from common.db import Connection
from common.messages import ForgetUser
from proofing.verification import Verification


async def is_erased(connection: Connection, verification: Verification) -> bool:
    """Whether it was asked for before its person was erased.

    Until this transaction ends, nobody erases the person: what it writes is there for the erasure to find.
    """
    await connection.execute(
        "SELECT pg_advisory_xact_lock_shared(hashtextextended($1, 0))",
        _lock(verification.tenant, verification.user_id),
    )
    erased_at = await connection.fetchval(
        "SELECT rev FROM erasures WHERE tenant = $1 AND user_id = $2",
        verification.tenant,
        verification.user_id,
    )
    return erased_at is not None and verification.rev < erased_at


async def keep_others_out(connection: Connection, command: ForgetUser) -> None:
    """Until this transaction ends, nobody writes a verification of this person."""
    await connection.execute(
        "SELECT pg_advisory_xact_lock(hashtextextended($1, 0))", _lock(command.tenant, command.user_id)
    )


async def note(connection: Connection, command: ForgetUser) -> None:
    await connection.execute(
        """
        INSERT INTO erasures AS known (tenant, user_id, rev) VALUES ($1, $2, $3)
        ON CONFLICT (tenant, user_id) DO UPDATE
            SET rev = greatest(known.rev, excluded.rev), erased_at = excluded.erased_at
        """,
        command.tenant,
        command.user_id,
        command.rev,
    )


async def delete_verifications(connection: Connection, command: ForgetUser) -> int:
    """Those from before the erasure, with all that hangs on them; how many they were."""
    rows = await connection.fetch(
        "DELETE FROM verifications WHERE tenant = $1 AND user_id = $2 AND rev < $3 RETURNING true",
        command.tenant,
        command.user_id,
        command.rev,
    )
    return len(rows)


def _lock(tenant: str, user_id: str) -> str:
    return f"erase {tenant} {user_id}"
