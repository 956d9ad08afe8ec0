"""The personal fields of a login, encrypted as they are here. One function, one statement."""

from common.db import Connection


async def load_state(connection: Connection, transaction_id: str) -> bytes | None:
    state: bytes | None = await connection.fetchval(
        "SELECT state FROM transactions WHERE id = $1", transaction_id
    )
    return state


async def load_profile(connection: Connection, transaction_id: str) -> bytes | None:
    profile: bytes | None = await connection.fetchval(
        "SELECT profile FROM transactions WHERE id = $1", transaction_id
    )
    return profile


async def load_authorize(connection: Connection, transaction_id: str) -> bytes | None:
    authorize: bytes | None = await connection.fetchval(
        "SELECT authorize FROM transactions WHERE id = $1", transaction_id
    )
    return authorize


async def load_network(connection: Connection, transaction_id: str) -> bytes | None:
    network: bytes | None = await connection.fetchval(
        "SELECT network FROM transactions WHERE id = $1", transaction_id
    )
    return network


async def keep_changes(connection: Connection, transaction_id: str, changes: bytes) -> None:
    await connection.execute("UPDATE transactions SET changes = $2 WHERE id = $1", transaction_id, changes)


async def load_changes(connection: Connection, transaction_id: str) -> bytes | None:
    changes: bytes | None = await connection.fetchval(
        "SELECT changes FROM transactions WHERE id = $1", transaction_id
    )
    return changes


async def take_changes(connection: Connection, transaction_id: str) -> bytes | None:
    """What was kept, which is kept no longer."""
    changes: bytes | None = await connection.fetchval(
        """
        UPDATE transactions AS login SET changes = NULL
        FROM (SELECT id, changes FROM transactions WHERE id = $1 FOR NO KEY UPDATE) AS kept
        WHERE login.id = kept.id RETURNING kept.changes
        """,
        transaction_id,
    )
    return changes


async def forget_personal(connection: Connection, transaction_id: str) -> None:
    """A login that is over needs neither the person's data nor the way back."""
    await connection.execute(
        """
        UPDATE transactions
        SET profile = NULL, state = NULL, changes = NULL, authorize = NULL, network = NULL WHERE id = $1
        """,
        transaction_id,
    )
