"""Where a mail is posted: in the transaction of what it tells, encrypted, for the postman to carry off."""

import uuid
from datetime import datetime

from common.db import Connection
from common.vault import Place, Vault
from gateway.login import Login
from gateway.mail import store
from gateway.mail.message import Mail, address_of
from gateway.mail.store import StoredMail


class Postbox:
    """Takes mails; whether and when they arrive, nobody who posts one learns."""

    def __init__(self, *, vault: Vault) -> None:
        self._vault = vault

    async def post(self, connection: Connection, login: Login, mail: Mail, *, expires_at: datetime) -> None:
        """Have the mail sent, unless that is not possible until `expires_at`.

        Raises:
            UnmailableError: its address is none.
        """
        address_of(mail.to)
        mail_id, transaction = str(uuid.uuid4()), login.transaction
        place = place_of(tenant=transaction.tenant, subject=transaction.subject, mail_id=mail_id)
        content = await self._vault.encrypt(connection, mail.to_json(), place=place)
        stored = StoredMail(
            id=mail_id,
            tenant=transaction.tenant,
            subject=transaction.subject,
            transaction_id=transaction.id,
            attempts=0,
            content=content,
        )
        await store.insert(connection, stored, expires_at=expires_at)

    async def open(self, connection: Connection, stored: StoredMail) -> Mail:
        """The mail that was posted.

        Raises:
            VaultError: the person's data key is gone, or no file has the key around it.
            UnmailableError: another release posted it, in a form that this one does not know.
        """
        place = place_of(tenant=stored.tenant, subject=stored.subject, mail_id=stored.id)
        return Mail.from_json(await self._vault.decrypt(connection, stored.content, place=place))


def place_of(*, tenant: str, subject: str, mail_id: str) -> Place:
    return Place(tenant=tenant, subject=subject, field="mail", row=mail_id)
