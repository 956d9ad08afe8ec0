"""A real SMTP server on loopback that keeps what it takes, and refuses when told to."""

import asyncio
import re
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from email import message_from_bytes
from email.policy import default
from typing import TYPE_CHECKING

from aiosmtpd.smtp import SMTP, Envelope, Session

from tests.support.waiting import wait_until

if TYPE_CHECKING:
    from email.message import EmailMessage

_MAIL_SECONDS = 20.0


class Mailbox:
    """What arrived for `owner`, or for anybody. `refuse` answers the next recipients so, one each.

    `on_mail` is called for each mail, before it is taken.
    """

    def __init__(self, owner: str | None = None) -> None:
        self._owner = owner
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
        if self._owner is None or self._owner in envelope.rcpt_tos:
            self.mails.append(message_from_bytes(content, policy=default))
        return "250 OK"

    def texts(self) -> list[str]:
        """The plain part of each mail."""
        bodies = [body for mail in self.mails if (body := mail.get_body(("plain",)))]
        return [str(body.get_content()).replace("\r\n", "\n") for body in bodies]

    def codes(self) -> list[str]:
        """Every code that was sent, the newest last; other mails have none."""
        return [
            code for text in self.texts() for code in re.findall(r"^ {4}([0-9]{6,8})$", text, re.MULTILINE)
        ]

    def code(self) -> str:
        """The newest code."""
        return self.codes()[-1]

    async def code_that_comes(self) -> str:
        """The newest code, once there is one."""
        await wait_until(self.codes, _MAIL_SECONDS, what="the mail with the code")
        return self.code()


@asynccontextmanager
async def serving_mail(
    *,
    port: int = 0,
    owner: str | None = None,
    tls: ssl.SSLContext | None = None,
    starttls: ssl.SSLContext | None = None,
) -> AsyncIterator[Mailbox]:
    """A server, on a free port unless told which; `tls` from the first byte on, or after STARTTLS.

    On a stack that several tests share, a mail of an earlier one may come only now: name the `owner`.
    """
    mailbox = Mailbox(owner)

    def connection() -> SMTP:
        return SMTP(mailbox, hostname="127.0.0.1", enable_SMTPUTF8=True, tls_context=starttls)

    server = await asyncio.get_running_loop().create_server(connection, "127.0.0.1", port, ssl=tls)
    mailbox.port = server.sockets[0].getsockname()[1]
    try:
        yield mailbox
    finally:
        server.close()
        await server.wait_closed()
