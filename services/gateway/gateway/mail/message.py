"""A mail as it goes out: plain text with simple HTML beside it, to one person."""

import re
from dataclasses import dataclass, field
from datetime import datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP, SMTPUTF8
from email.utils import format_datetime

from pydantic import TypeAdapter, ValidationError

from common.errors import WaystationError

# As the tenant's directory writes addresses; none of the characters that mean something in a header.
_ADDRESS = re.compile(
    r"([^\s<>()\[\],;:\\\"@\x00-\x20\x7f]{1,64})@([^\s<>()\[\],;:\\\"@/\x00-\x20\x7f]{1,253})"
)


class UnmailableError(WaystationError):
    """That is no address that a mail can go to, or no mail."""


@dataclass(frozen=True, kw_only=True)
class Mail:
    """What one person is told; `language` is the tag of what it is written in."""

    to: str = field(repr=False)
    subject: str = field(repr=False)
    text: str = field(repr=False)
    html: str = field(repr=False)
    language: str

    def to_json(self) -> bytes:
        return _MAIL.dump_json(self)

    @staticmethod
    def from_json(content: bytes) -> "Mail":
        try:
            return _MAIL.validate_json(content)
        except ValidationError:
            # From none: the validation error repeats the mail.
            raise UnmailableError("not a mail of this release") from None


_MAIL = TypeAdapter(Mail)


def address_of(text: str) -> Address:
    """The address, its domain as the domain name system has it.

    Raises:
        UnmailableError: it is none.
    """
    found = _ADDRESS.fullmatch(text)
    if found is None:
        raise UnmailableError("not an address")
    try:
        return Address(username=found[1], domain=found[2].encode("idna").decode("ascii"))
    except UnicodeError:
        raise UnmailableError("not a domain name") from None


def compose(mail: Mail, *, sender: Address, message_id: str, at: datetime) -> EmailMessage:
    """The message; sent twice, it has the same `message_id`, by which mailboxes tell that it is one.

    Raises:
        UnmailableError: its address is none.
    """
    to = address_of(mail.to)
    message = EmailMessage(policy=SMTP if to.username.isascii() else SMTPUTF8)
    message["From"], message["To"], message["Subject"] = sender, to, mail.subject
    message["Date"] = format_datetime(at)
    message["Message-ID"] = f"<{message_id}@{sender.domain}>"
    message["Auto-Submitted"] = "auto-generated"  # RFC 3834: nobody on holiday shall answer it
    message["X-Auto-Response-Suppress"] = "All"
    message.set_content(mail.text)
    message.add_alternative(mail.html, subtype="html")
    message["Content-Language"] = mail.language  # after the content, which takes such headers away
    return message
