"""The way of a mail in tests: a postman, and a real server that he goes to."""

from dataclasses import dataclass
from email.headerregistry import Address

from common.vault import Vault
from gateway.mail.postbox import Postbox
from gateway.mail.postman import Postman
from gateway.mail.settings import MailSettings, Security
from tests.gateway.rig import DATA_KEY, Rig
from tests.support.mail_server import Mailbox

SENDER = Address(display_name="Acme", username="no-reply", domain="acme.example")


def postbox() -> Postbox:
    return Postbox(vault=Vault((DATA_KEY,)))


def postman(rig: Rig, *, port: int, security: Security = "none") -> Postman:
    """A postman for the rig's mails; he works when told to `sweep`."""
    return Postman(
        MailSettings(host="127.0.0.1", port=port, security=security, sender=SENDER),
        database=rig.database,
        all_tenants=rig.all_tenants,
        postbox=postbox(),
        clock=rig.clock,
        local_hostname="steps.example",
    )


@dataclass(frozen=True, kw_only=True)
class PostOffice:
    """A gateway whose mails arrive in `mailbox` as soon as somebody looks."""

    rig: Rig
    mailbox: Mailbox

    async def delivered(self) -> Mailbox:
        await postman(self.rig, port=self.mailbox.port).sweep()
        return self.mailbox
