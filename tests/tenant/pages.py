"""The HTML that people see."""

from pathlib import Path
from typing import Any

from aiohttp import web
from jinja2 import Environment, FileSystemLoader, StrictUndefined

_TEMPLATES = Environment(
    loader=FileSystemLoader(Path(__file__).with_name("templates")), autoescape=True, undefined=StrictUndefined
)
_TEMPLATES.policies["json.dumps_kwargs"] = {"sort_keys": False}  # claims in the order in which they came

NO_SESSION = (
    "You may have pressed the back button, refreshed during login, opened too many login dialogs, or there "
    "is some issue with cookies, since we couldn't find your session. Try logging in again from the "
    "application and if the problem persists please contact the administrator."
)


def page(template: str, *, status: int = 200, **values: Any) -> web.Response:
    """Render one template; nothing of it may be cached."""
    text = _TEMPLATES.get_template(template).render(**values)
    return web.Response(
        body=text.encode(errors="replace"),  # an Action may hand over half a character
        status=status,
        content_type="text/html",
        charset="utf-8",
        headers={"Cache-Control": "no-store"},
    )
