"""From texts to a mail: the same sentences once plain and once as HTML, in one language."""

from dataclasses import dataclass, field
from datetime import datetime

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from gateway.mail.message import Mail
from gateway.pages.language import Language
from gateway.texts import Text

_ENVIRONMENT = Environment(
    loader=PackageLoader(__package__),
    autoescape=True,
    undefined=StrictUndefined,
    auto_reload=False,
    trim_blocks=True,
    lstrip_blocks=True,
)


@dataclass(frozen=True, kw_only=True)
class Letter:
    """What a mail says: sentences, a code between them, and a link at the end."""

    subject: Text
    before: tuple[Text, ...]
    code: str | None = field(default=None, repr=False)
    after: tuple[Text, ...] = ()
    link: str | None = None
    link_words: Text | None = None


def write(letter: Letter, *, to: str, language: Language, now: datetime) -> Mail:
    """The mail in that language; `now` decides how a time is written."""
    return Mail(
        to=to,
        subject=language.plain(letter.subject, now=now),
        text=_plain(letter, language, now=now),
        html=_html(letter, language, now=now),
        language=language.tag,
    )


def _plain(letter: Letter, language: Language, *, now: datetime) -> str:
    parts = [language.plain(said, now=now) for said in letter.before]
    parts += [f"    {letter.code}"] if letter.code else []
    parts += [language.plain(said, now=now) for said in letter.after]
    if letter.link and letter.link_words:
        parts.append(f"{language.plain(letter.link_words, now=now)}\n{letter.link}")
    return "\n\n".join(parts) + "\n"


def _html(letter: Letter, language: Language, *, now: datetime) -> str:
    def say(said: Text) -> Markup:
        return language.html(said, now=now)

    subject = language.plain(letter.subject, now=now)
    return _ENVIRONMENT.get_template("mail.html").render(
        letter=letter, language=language, say=say, subject=subject
    )
