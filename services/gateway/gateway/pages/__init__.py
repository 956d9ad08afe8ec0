"""Server-rendered pages: Jinja templates with autoescape, one style sheet, no script that a page needs.

A template has no words of its own: `t(text)` says a `Text`, or the message of a key, in the reader's language
as HTML, `plain(text)` the same without markup, for attributes and titles.
"""

from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from gateway.pages.assets import ICON, SCRIPT, SHEET
from gateway.pages.brand import Look
from gateway.pages.page import PAGE, Page
from gateway.texts import Text, Value

__all__ = ["PAGE", "Page", "render"]

_ENVIRONMENT = Environment(
    loader=PackageLoader(__name__),
    autoescape=True,
    undefined=StrictUndefined,
    auto_reload=False,
    trim_blocks=True,
    lstrip_blocks=True,
)
# What the frame of every page looks at, and a page may leave out.
_FRAME: dict[str, object] = {
    "application": None,
    "progress": None,
    "deadline": None,
    "can_stop": False,
}


def render(template: str, *, page: Page, **values: Any) -> str:
    """The page as HTML; every value is escaped.

    Args:
        template: its name below templates/, without `.html`.
        page: for whom.
        values: what the template speaks of; `application` (its name), `progress` (this step, of how many),
            `deadline` (an aware time) and `can_stop` are shown by the frame where they are given.
    """

    def said(text: Text | str, values: dict[str, Value]) -> Text:
        return Text(key=text, values=values) if isinstance(text, str) else text

    def t(text: Text | str, /, **values: Value) -> Markup:
        return page.language.html(said(text, values), now=page.now)

    def plain(text: Text | str, /, **values: Value) -> str:
        return page.language.plain(said(text, values), now=page.now)

    return _ENVIRONMENT.get_template(f"{template}.html").render(
        {**_FRAME, **values},
        page=page,
        look=Look.of(page.tenant),
        t=t,
        plain=plain,
        text=lambda key, /, **values: Text(key=key, values=values),
        sheet_url=SHEET.url,
        icon_url=ICON.url,
        script=Markup(SCRIPT),  # noqa: S704 - a file of ours
    )
