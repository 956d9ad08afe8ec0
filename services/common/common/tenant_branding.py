"""How a tenant looks on our pages: `branding` of the tenants file."""

from collections.abc import Mapping
from typing import Annotated, Self, TypeAlias

from pydantic import AfterValidator, Field, model_validator
from pydantic_core import PydanticCustomError

from common.contrast import TEXT, contrast, lightened_until_readable
from common.tenant_fields import Label, Section, Sentence, WebUrl, matching
from common.tenant_pictures import Favicon, Logo

PAPER, DARK_PAPER = "#ffffff", "#1b212a"  # what our pages are written on, by day and by night
SOFT_INK, DARK_SOFT_INK = "#566070", "#a7b1c0"  # their palest text, which also stands on the background


def readable(*, on: str) -> AfterValidator:
    """A colour that text may have on that ground."""

    def check(value: str | None) -> str | None:
        if value is not None and contrast(value, on) < TEXT:
            raise PydanticCustomError(
                "contrast",
                "has a contrast of {found}:1 with {ground}, and text needs 4.5:1 (WCAG 2.2, 1.4.3)",
                {"found": f"{contrast(value, on):.1f}", "ground": on},
            )
        return value

    return AfterValidator(check)


Colour: TypeAlias = Annotated[
    str, matching("#[0-9a-fA-F]{6}", "must be a colour such as '#2f5bd8' (in quotes)")
]
LanguageTag: TypeAlias = Annotated[
    str, matching(r"[a-z]{2,3}(-[a-z0-9]{2,8})*", "must be a language such as en")
]


class Colours(Section):
    """`accent` is the colour of buttons and links, `background` what lies around the page."""

    accent: Annotated[Colour, readable(on=PAPER)] = "#2f5bd8"
    accent_dark: Annotated[Colour | None, readable(on=DARK_PAPER)] = None
    background: Annotated[Colour, readable(on=SOFT_INK)] = "#f3f4f7"
    background_dark: Annotated[Colour, readable(on=DARK_SOFT_INK)] = "#12161c"

    @property
    def dark_accent(self) -> str:
        """That of the dark pages: given, or the same colour as light as it must be there."""
        return self.accent_dark or lightened_until_readable(self.accent, on=DARK_PAPER)


class OwnTexts(Section):
    """What the tenant says itself: `welcome` on the first page, `help` (whom to ask) at the foot of all."""

    welcome: Sentence | None = None
    help: Sentence | None = None


class OwnLink(Section):
    """A link at the foot of every page, for instance an imprint; one label for each language, or for all."""

    url: WebUrl
    labels: Annotated[Mapping[LanguageTag, Label], Field(min_length=1)]

    def label(self, language: str) -> str:
        return self.labels.get(language) or next(iter(self.labels.values()))


class Branding(Section):
    """What our pages call the tenant, and how they look for it."""

    name: Label
    logo: Logo = None
    favicon: Favicon = None
    colours: Colours | None = None
    texts: Mapping[LanguageTag, OwnTexts] = {}
    links: Annotated[tuple[OwnLink, ...], Field(strict=False, max_length=5)] = ()

    @model_validator(mode="after")
    def _texts_say_something(self) -> Self:
        if any(texts == OwnTexts() for texts in self.texts.values()):
            raise PydanticCustomError("texts_empty", "each language of texts needs welcome or help")
        return self
