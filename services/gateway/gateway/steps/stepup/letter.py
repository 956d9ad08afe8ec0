"""The mail with the code: who asks for it, until when it is good, and what to do if it is not expected."""

from datetime import datetime, timedelta

from gateway.login import Login
from gateway.mail.message import Mail
from gateway.mail.writing import Letter, write
from gateway.pages.languages import Languages
from gateway.texts import text


class CodeLetter:
    """Writes it in the person's language; its link leads to the page that asks for the code."""

    def __init__(self, *, languages: Languages, public_base_url: str) -> None:
        self._languages = languages
        self._public_base_url = public_base_url

    def write(self, login: Login, code: str, *, to: str, now: datetime, valid_for: timedelta) -> Mail:
        names = {"tenant": login.settings.name, "application": login.application_name}
        letter = Letter(
            subject=text("stepup.mail.subject", application=login.application_name),
            before=(text("stepup.mail.asked", **names),),
            code=code,
            after=(
                text("stepup.mail.valid", duration=valid_for),
                text("stepup.mail.nobody_asks"),
                text("stepup.mail.not_you", tenant=login.settings.name),
            ),
            link=f"{self._public_base_url}/t/{login.id}",
            link_words=text("stepup.mail.open"),
        )
        language = self._languages.get(login.transaction.language) or self._languages.pick(login.ui_locales)
        return write(letter, to=to, language=language, now=now)
