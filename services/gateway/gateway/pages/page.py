"""For whom a page is rendered: their language, the tenant's look, the time, the nonce of this answer."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from aiohttp import web

from common.tenants import TenantSnapshot
from gateway.pages.language import Language
from gateway.pages.languages import Languages
from gateway.texts import Text


@dataclass(frozen=True, kw_only=True)
class Page:
    """What every page needs besides its own content; one for each request."""

    nonce: str
    now: datetime
    languages: Languages
    chosen: str | None = None
    accepted: Sequence[str] = ()
    tenant: TenantSnapshot | None = None
    ui_locales: Sequence[str] = field(default=())
    address: str | None = None  # where a choice of another language leads back to

    @property
    def language(self) -> Language:
        """The reader's own choice, then the login's `ui_locales`, then what the browser accepts."""
        return self.languages.get(self.chosen) or self.languages.pick((*self.ui_locales, *self.accepted))

    def of(self, tenant: TenantSnapshot, *, ui_locales: Sequence[str], address: str) -> "Page":
        """The page within a login at that tenant, which is shown at that address."""
        return replace(self, tenant=tenant, ui_locales=ui_locales, address=address)

    def say(self, text: Text | str) -> str:
        """The text in the reader's language, without markup."""
        return self.language.plain(text, now=self.now)


PAGE = web.RequestKey("page", Page)
