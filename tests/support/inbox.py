"""What a stack's mail server (tests/mail) keeps for one person."""

import re
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default

import aiohttp

from tests.mail.kept import text_of
from tests.support.waiting import wait_until

_MAIL_SECONDS = 30.0
_CODE = re.compile(r"^ {4}([0-9]{6,8})$", re.MULTILINE)


def codes_in(text: str) -> list[str]:
    """Codes of the step stepup; other mails have none."""
    return _CODE.findall(text)


class Inbox:
    """The mails to `owner` at the server whose pages are at `origin`."""

    def __init__(self, owner: str, *, origin: str) -> None:
        self._owner = owner
        self._origin = origin

    async def mails(self) -> list[EmailMessage]:
        """What has come so far, the oldest first."""
        async with (
            aiohttp.ClientSession() as session,
            session.get(f"{self._origin}/mails", params={"to": self._owner}) as answer,
        ):
            answer.raise_for_status()
            contents: list[str] = (await answer.json())["mails"]
        return [
            message_from_bytes(text.encode(errors="surrogateescape"), policy=default) for text in contents
        ]

    async def texts(self) -> list[str]:
        """The plain part of each mail."""
        return [text_of(mail) for mail in await self.mails()]

    async def codes(self) -> list[str]:
        """Every code that has come, the newest last."""
        return [code for text in await self.texts() for code in codes_in(text)]

    async def code_that_comes(self) -> str:
        """The newest code, once there is one."""
        codes: list[str] = await wait_until(
            self.codes, _MAIL_SECONDS, what="the mail with the code", every=0.1
        )
        return codes[-1]

    async def mail_that_comes(self) -> EmailMessage:
        """The newest mail, once there is one."""
        mails: list[EmailMessage] = await wait_until(self.mails, _MAIL_SECONDS, what="a mail", every=0.1)
        return mails[-1]
