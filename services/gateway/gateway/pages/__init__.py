"""Server-rendered pages: Jinja templates with autoescape, one style sheet, no script that a page needs."""

from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

_ENVIRONMENT = Environment(
    loader=PackageLoader(__name__), autoescape=True, undefined=StrictUndefined, auto_reload=False
)


def render(template: str, *, nonce: str, **values: Any) -> str:
    """The page as HTML; every value is escaped."""
    return _ENVIRONMENT.get_template(f"{template}.html").render(nonce=nonce, **values)
