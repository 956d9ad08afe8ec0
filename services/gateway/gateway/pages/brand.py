"""How a tenant looks on our pages: its name, pictures, colours and own texts."""

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from common.contrast import ink_on
from common.tenant_branding import Branding, Colours, OwnLink
from common.tenants import TenantSnapshot

# Media queries cannot stand in a property, so day and night are two rules.
_DAY = ":root{{--accent:{accent};--on-accent:{ink};--ground:{ground}}}"
_NIGHT = "@media (prefers-color-scheme:dark){{{rule}}}"


@dataclass(frozen=True, kw_only=True)
class Look:
    """The look of one page; without a tenant it is ours."""

    name: str | None = None
    branding: Branding | None = None
    key: str = ""

    @classmethod
    def of(cls, tenant: TenantSnapshot | None) -> "Look":
        return cls(name=tenant.name, branding=tenant.branding, key=tenant.key) if tenant else cls()

    @property
    def style(self) -> Markup | None:
        """The tenant's colours as CSS; None where those of the style sheet hold."""
        own = self.branding.colours if self.branding else None
        return Markup(_style(own)) if own else None  # noqa: S704 - `#rrggbb` each

    @property
    def logo_url(self) -> str | None:
        logo = self.branding.logo if self.branding else None
        return f"/brand/{self.key}/logo/{logo.name}" if logo else None

    @property
    def icon_url(self) -> str | None:
        icon = self.branding.favicon if self.branding else None
        return f"/brand/{self.key}/favicon/{icon.name}" if icon else None

    @property
    def links(self) -> Sequence[OwnLink]:
        return self.branding.links if self.branding else ()

    def own_text(self, kind: str, language: str) -> str | None:
        """What the tenant says of its own (`welcome`, `help`) in that language, else in its first one."""
        texts = self.branding.texts if self.branding else {}
        said = texts.get(language) or next(iter(texts.values()), None)
        return getattr(said, kind) if said else None

    def own_language(self, language: str) -> str | None:
        """In which language that is: what `lang` must say around it."""
        texts = self.branding.texts if self.branding else {}
        return language if language in texts else next(iter(texts), None)


def _style(colours: Colours) -> str:
    night = _DAY.format(
        accent=colours.dark_accent, ink=ink_on(colours.dark_accent), ground=colours.background_dark
    )
    day = _DAY.format(accent=colours.accent, ink=ink_on(colours.accent), ground=colours.background)
    return day + _NIGHT.format(rule=night)
