"""The mails that have come, as long as there is room."""

from collections import deque
from dataclasses import dataclass
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default

from aiosmtpd.smtp import SMTP, Envelope, Session

_MOST = 1000


@dataclass(frozen=True, kw_only=True)
class KeptMail:
    """One mail, and whom the server was told that it is for."""

    recipients: tuple[str, ...]
    content: bytes

    @property
    def message(self) -> EmailMessage:
        return message_from_bytes(self.content, policy=default)


class Kept:
    """Takes every mail (a handler of aiosmtpd) and forgets the oldest when there are too many."""

    def __init__(self) -> None:
        self._mails: deque[KeptMail] = deque(maxlen=_MOST)

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802 - the server's name for it
        content = envelope.content
        assert isinstance(content, bytes)
        self._mails.append(KeptMail(recipients=tuple(envelope.rcpt_tos), content=content))
        return "250 OK"

    def mails(self, *, to: str | None) -> list[KeptMail]:
        """Those for this address, or all; the oldest first."""
        return [mail for mail in self._mails if to is None or to in mail.recipients]


def text_of(mail: EmailMessage) -> str:
    """The plain part, with newlines as Python has them."""
    body = mail.get_body(("plain",))
    return str(body.get_content()).replace("\r\n", "\n") if body else ""
