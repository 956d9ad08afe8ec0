"""The mail that says that a password was changed: to whoever has the mailbox, and never with the password."""

from datetime import datetime, timedelta

import structlog

from common.db import Connection
from gateway.login import Login
from gateway.mail.message import UnmailableError
from gateway.mail.postbox import Postbox
from gateway.mail.writing import Letter, write
from gateway.pages.languages import Languages
from gateway.texts import text

# A notice that comes later than this frightens more than it helps.
WORTH_SENDING = timedelta(days=2)

log = structlog.stdlib.get_logger()


class Notices:
    """Posts them in the person's language."""

    def __init__(self, *, languages: Languages, postbox: Postbox) -> None:
        self._languages = languages
        self._postbox = postbox

    async def post(self, connection: Connection, login: Login, *, to: str, now: datetime) -> None:
        """Have it sent, where the address can be written to at all."""
        language = self._languages.get(login.transaction.language) or self._languages.pick(login.ui_locales)
        letter = Letter(
            subject=text("password.mail.subject", tenant=login.settings.name),
            before=(
                text("password.mail.changed", tenant=login.settings.name, day=now.date(), at=now),
                text("password.mail.by_you"),
                text("password.mail.not_you", tenant=login.settings.name),
            ),
        )
        mail = write(letter, to=to, language=language, now=now)
        try:
            await self._postbox.post(connection, login, mail, expires_at=now + WORTH_SENDING)
        except UnmailableError:
            log.warning("password.notice_not_sent")
