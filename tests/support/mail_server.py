"""A real SMTP server inside of a test, which refuses when told to. Beside a stack there is `tests/mail`."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from email import message_from_bytes
from email.policy import default
from typing import TYPE_CHECKING

from aiosmtpd.smtp import SMTP, Envelope, Session

from tests.mail.kept import text_of
from tests.support.inbox import codes_in

if TYPE_CHECKING:
    from email.message import EmailMessage


class Mailbox:
    """What arrived. `refuse` answers the next recipients so, one each.

    `on_mail` is called for each mail, before it is taken.
    """

    def __init__(self) -> None:
        self.mails: list[EmailMessage] = []
        self.refuse: list[str] = []
        self.on_mail: Callable[[], None] = lambda: None
        self.port = 0

    async def handle_RCPT(  # noqa: N802 - the server's name for it
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, _options: list[str]
    ) -> str:
        if self.refuse:
            return self.refuse.pop(0)
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802 - as above
        content = envelope.content
        assert isinstance(content, bytes)
        self.on_mail()
        self.mails.append(message_from_bytes(content, policy=default))
        return "250 OK"

    def texts(self) -> list[str]:
        """The plain part of each mail."""
        return [text_of(mail) for mail in self.mails]

    def codes(self) -> list[str]:
        """Every code that was sent, the newest last; other mails have none."""
        return [code for text in self.texts() for code in codes_in(text)]

    def code(self) -> str:
        """The newest code."""
        return self.codes()[-1]


@asynccontextmanager
async def serving_mail(
    *, tls: ssl.SSLContext | None = None, starttls: ssl.SSLContext | None = None
) -> AsyncIterator[Mailbox]:
    """A server on a free port; `tls` from the first byte on, or after STARTTLS."""
    mailbox = Mailbox()

    def connection() -> SMTP:
        return SMTP(mailbox, hostname="127.0.0.1", enable_SMTPUTF8=True, tls_context=starttls)

    server = await asyncio.get_running_loop().create_server(connection, "127.0.0.1", 0, ssl=tls)
    mailbox.port = server.sockets[0].getsockname()[1]
    try:
        yield mailbox
    finally:
        server.close()
        await server.wait_closed()
