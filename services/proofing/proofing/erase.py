"""Handles `ForgetUser`: deletes what there is of a person from before its rev, in one transaction.

The person may have come back already, and a verification of now may have overtaken the command. It is kept:
what it has is encrypted anew, by another key than the one that is deleted.
"""

import structlog

from common import inbox, outbox
from common.clock import Clock
from common.consumer import Handler
from common.db import Connection, Database
from common.erasure import note_erased, shred
from common.messages import ForgetUser, Message, UserForgotten, envelope_of
from common.relay import Relay
from common.vault import Vault, VaultError
from proofing import erase_store, store
from proofing.evidence import place_of
from proofing.verification import Verification

log = structlog.stdlib.get_logger()


class Eraser:
    """Between the queue and the handler of all other messages."""

    def __init__(
        self, *, database: Database, relay: Relay, vault: Vault, clock: Clock, otherwise: Handler
    ) -> None:
        self._database = database
        self._relay = relay
        self._vault = vault
        self._clock = clock
        self._otherwise = otherwise

    async def handle(self, message: Message) -> None:
        """Forget one person, once in effect, and tell the gateway."""
        if not isinstance(message, ForgetUser):
            await self._otherwise(message)
            return
        async with self._database.transaction(tenant=message.tenant) as connection:
            if not await inbox.record(connection, message):
                return
            count = await self._forget(connection, message)
            await outbox.enqueue(connection, _forgotten(message, clock=self._clock))
        self._relay.wake()
        log.info("user.forgotten", rev=message.rev, verifications=count)

    async def _forget(self, connection: Connection, command: ForgetUser) -> int:
        """How many verifications there were; their rows are locked before the key, as in a review."""
        await erase_store.keep_others_out(connection, command)
        await erase_store.note(connection, command)
        count = await erase_store.delete_verifications(connection, command)
        newer = await self._newer(connection, command)
        shredded = await shred(connection, self._vault, tenant=command.tenant, user_id=command.user_id)
        await note_erased(
            connection, shredded, tenant=command.tenant, erasure=command.transaction_id, rev=command.rev
        )
        for verification, evidence in newer:
            content = await self._vault.encrypt(connection, evidence, place=place_of(verification))
            await store.save_evidence(connection, verification, content=content)
        return count

    async def _newer(self, connection: Connection, command: ForgetUser) -> list[tuple[Verification, bytes]]:
        """What has come of the person since, with the evidence as far as it opens."""
        newer: list[tuple[Verification, bytes]] = []
        for verification in await store.find_of_user(connection, command):
            content = await store.load_evidence(connection, verification)
            if content is None:
                continue
            try:
                evidence = await self._vault.decrypt(connection, content, place=place_of(verification))
            except VaultError:
                log.warning("evidence.does_not_open", verification_id=verification.verification_id)
            else:
                newer.append((verification, evidence))
        return newer


def _forgotten(command: ForgetUser, *, clock: Clock) -> UserForgotten:
    return UserForgotten(
        **envelope_of(command, occurred_at=clock.now()),
        user_id=command.user_id,
        rev=command.rev,
        service="proofing",
    )
