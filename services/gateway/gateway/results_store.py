"""What people have passed in which browser, and which login answered last. One function, one statement."""

from pydantic import TypeAdapter

from common.db import Connection
from gateway.transaction import Transaction
from gateway.transaction_step import Conclusion, Step

_CONCLUSION = TypeAdapter(Conclusion)


async def keep_result(
    connection: Connection, transaction: Transaction, step: Step, *, conclusion: Conclusion, device: bytes
) -> None:
    """Keep a passed step for the next login of the same person in the same browser."""
    await connection.execute(
        """
        INSERT INTO step_results (tenant, subject, step, device, revision, conclusion)
        VALUES ($1, $2, $3, $4, $5, $6)
        ON CONFLICT (tenant, subject, step, device)
        DO UPDATE SET revision = excluded.revision, conclusion = excluded.conclusion,
            kept_at = excluded.kept_at
        """,
        transaction.tenant,
        transaction.subject,
        step.name,
        device,
        step.revision,
        _CONCLUSION.dump_json(conclusion).decode(),
    )


async def kept_result(
    connection: Connection, transaction: Transaction, step: Step, *, device: bytes
) -> Conclusion | None:
    """What this browser has earned for this person and step, at this revision or a later one."""
    found: str | None = await connection.fetchval(
        """
        SELECT conclusion FROM step_results
        WHERE tenant = $1 AND subject = $2 AND step = $3 AND device = $4 AND revision >= $5
        """,
        transaction.tenant,
        transaction.subject,
        step.name,
        device,
        step.revision,
    )
    return None if found is None else _CONCLUSION.validate_json(found)


async def drop_results(connection: Connection, transaction: Transaction, *, step: str) -> None:
    """What was taken back counts in no browser of this person."""
    await connection.execute(
        "DELETE FROM step_results WHERE tenant = $1 AND subject = $2 AND step = $3",
        transaction.tenant,
        transaction.subject,
        step,
    )


async def note_answer(connection: Connection, transaction: Transaction, *, step: str) -> None:
    """This login answers for the step from now on."""
    await connection.execute(
        """
        INSERT INTO last_answers (tenant, subject, step, jti) VALUES ($1, $2, $3, $4)
        ON CONFLICT (tenant, subject, step) DO UPDATE SET jti = excluded.jti, noted_at = excluded.noted_at
        """,
        transaction.tenant,
        transaction.subject,
        step,
        transaction.jti,
    )


async def last_answer(connection: Connection, *, tenant: str, subject: str, step: str) -> str | None:
    """The jti of the login that answered for the step last."""
    jti: str | None = await connection.fetchval(
        "SELECT jti FROM last_answers WHERE tenant = $1 AND subject = $2 AND step = $3",
        tenant,
        subject,
        step,
    )
    return jti
