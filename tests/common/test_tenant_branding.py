"""A tenant's look: only what everybody can read and nothing that could do harm is taken, mistakes by line."""

import struct
import zlib
from pathlib import Path

import pytest

from common.contrast import contrast, ink_on, lightened_until_readable
from common.tenant_branding import Branding, Colours
from common.tenants import TenantSnapshot, load_tenants
from tests.common.tenants_on_disk import mistakes, section, write_tenants

SVG = b'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 9 9"><path d="M0 0h9v9z" fill="#123456"/></svg>'


def png(width: int = 1, height: int = 1) -> bytes:
    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", head)
        + chunk(b"IDAT", zlib.compress(b"\0\0"))
        + chunk(b"IEND", b"")
    )


def branded(folder: Path, **branding: object) -> Path:
    return write_tenants(folder, {"acme": section(branding={"name": "Acme", **branding})})


def branding_of(path: Path) -> Branding:
    acme = load_tenants(path, production=True).get("acme")
    assert acme is not None
    assert acme.branding is not None
    return acme.branding


def test_a_whole_look(tmp_path: Path) -> None:
    """Name, pictures, colours, texts and links are read; pictures get the hash of their content as name."""
    (tmp_path / "logo.svg").write_bytes(SVG)
    (tmp_path / "icon.png").write_bytes(png())
    look = branding_of(
        branded(
            tmp_path,
            logo="logo.svg",
            favicon="icon.png",
            colours={"accent": "#8A1C4D", "background": "#fff5f9"},
            texts={"en": {"welcome": "Good to see you.", "help": "Call 0800 1234."}},
            links=[{"url": "https://acme.example/imprint", "labels": {"en": "Imprint", "de": "Impressum"}}],
        )
    )
    assert look.logo is not None
    assert (look.logo.content, look.logo.content_type) == (SVG, "image/svg+xml")
    assert look.favicon is not None
    assert (look.favicon.content, look.favicon.content_type) == (png(), "image/png")
    assert look.links[0].label("de") == "Impressum"
    assert look.links[0].label("ja") == "Imprint"


def test_what_a_login_keeps(tmp_path: Path) -> None:
    """The copy of a tenant that a login keeps names the pictures and does not hold them."""
    (tmp_path / "logo.svg").write_bytes(SVG)
    acme = load_tenants(branded(tmp_path, logo="logo.svg"), production=True).get("acme")
    assert acme is not None
    kept = TenantSnapshot.from_json(acme.snapshot().to_json()).branding
    assert kept is not None
    assert kept.logo is not None
    assert kept.logo.content is None
    assert kept.logo == branding_of(tmp_path / "tenants.yaml").logo


def test_only_pages_read_pictures(tmp_path: Path) -> None:
    """A service that shows no pages does without the files."""
    acme = load_tenants(branded(tmp_path, logo="nowhere.svg"), production=True, parts={"tokens"}).get("acme")
    assert acme is not None
    assert acme.branding == Branding(name="Acme")


@pytest.mark.parametrize(
    ("picture", "message"),
    [
        (b"GIF89a", "the file must be a PNG or an SVG picture"),
        (png()[:-4], "the file is a damaged PNG"),
        (png(width=5000), "the picture must not be wider or higher than 2048 pixels"),
        (SVG + b" " * 20_000, "the file must not be larger than 12288 bytes"),
        (b"<svg><script>1</script></svg>", "an SVG must hold shapes alone, not <script>"),
        (b"<svg><foreignObject/></svg>", "an SVG must hold shapes alone, not <foreignObject>"),
        (b"<svg><image href='https://x.example/a.png'/></svg>", "an SVG must hold shapes alone, not <image>"),
        (b"<svg><style>*{}</style></svg>", "an SVG must hold shapes alone, not <style>"),
        (b"<html/>", "an SVG must hold shapes alone, not <html>"),
        (
            b"<svg onload='alert(1)'/>",
            "an SVG must hold no script and no reference outside of itself: onload of <svg>",
        ),
        (
            b"<svg><use href='https://x.example/a.svg#b'/></svg>",
            "an SVG must hold no script and no reference outside of itself: href of <use>",
        ),
        (
            b"<svg xmlns:x='http://www.w3.org/1999/xlink'><use x:href='data:image/svg+xml,x'/></svg>",
            "an SVG must hold no script and no reference outside of itself: x:href of <use>",
        ),
        (
            b"<svg><rect style='fill:url(https://x.example/a)'/></svg>",
            "an SVG must hold no script and no reference outside of itself: style of <rect>",
        ),
        (b"<!DOCTYPE svg [<!ENTITY a 'b'>]><svg>&a;</svg>", "an SVG must have no document type"),
        (
            b"<?xml-stylesheet href='https://x.example/a.css'?><svg/>",
            "an SVG must have no processing instruction such as xml-stylesheet",
        ),
    ],
)
def test_pictures_that_are_refused(tmp_path: Path, picture: bytes, message: str) -> None:
    """A picture that is none, too large, or could run or fetch anything is a mistake of its line."""
    (tmp_path / "logo.svg").write_bytes(picture)
    path = branded(tmp_path, logo="logo.svg")
    line = path.read_text().splitlines().index("      logo: logo.svg") + 1
    assert mistakes(path) == (f"tenants.yaml:{line}: tenants.acme.branding.logo: {message}",)


def test_a_picture_that_is_not_there(tmp_path: Path) -> None:
    """A path that names no file is a mistake, and is not repeated."""
    (told,) = mistakes(branded(tmp_path, favicon="nowhere.png"))
    assert told.endswith("branding.favicon: the file that it names (relative to this file) cannot be read")


@pytest.mark.parametrize(
    ("colours", "told"),
    [
        (
            {"accent": "#ffcc00"},
            "accent: has a contrast of 1.5:1 with #ffffff, and text needs 4.5:1 (WCAG 2.2, 1.4.3)",
        ),
        (
            {"accent_dark": "#00318f"},
            "accent_dark: has a contrast of 1.4:1 with #1b212a, and text needs 4.5:1 (WCAG 2.2, 1.4.3)",
        ),
        (
            {"background": "#8899aa"},
            "background: has a contrast of 2.2:1 with #566070, and text needs 4.5:1 (WCAG 2.2, 1.4.3)",
        ),
        ({"accent": "blue"}, "accent: must be a colour such as '#2f5bd8' (in quotes)"),
        ({"accent": "#2f5bd8}</style>"}, "accent: must be a colour such as '#2f5bd8' (in quotes)"),
        ({"ink": "#000000"}, "ink: is not a known key"),
    ],
)
def test_colours_that_are_refused(tmp_path: Path, colours: dict[str, str], told: str) -> None:
    """A colour that text cannot be read in is a mistake of its own line, with its contrast."""
    path = branded(tmp_path, colours=colours)
    (name,) = colours
    line = 1 + next(index for index, text in enumerate(path.read_text().splitlines()) if f" {name}: " in text)
    assert mistakes(path) == (f"tenants.yaml:{line}: tenants.acme.branding.colours.{told}",)


def test_colours_of_the_night() -> None:
    """Who gives one colour gets the same for dark pages, as light as text there must be."""
    assert Colours(accent="#8a1c4d").dark_accent == "#b87592"
    assert contrast("#b87592", "#1b212a") >= 4.5
    assert Colours(accent="#8a1c4d", accent_dark="#ffaacc").dark_accent == "#ffaacc"


@pytest.mark.parametrize(
    ("one", "other", "ratio"),
    [("#000000", "#ffffff", 21.0), ("#777777", "#ffffff", 4.48), ("#1a2029", "#1a2029", 1.0)],
)
def test_contrast(one: str, other: str, ratio: float) -> None:
    """Contrast is that of WCAG, whichever colour is named first."""
    assert round(contrast(one, other), 2) == round(contrast(other, one), 2) == ratio


def test_ink() -> None:
    """On every grey black or white can be read, and on a ground too light no colour is lightened for ever."""
    for grey in range(256):
        colour = f"#{grey:02x}{grey:02x}{grey:02x}"
        assert contrast(ink_on(colour), colour) >= 4.5
    assert lightened_until_readable("#000000", on="#ffffff") == "#000000"
    assert lightened_until_readable("#ffffff", on="#ffffff") == "#ffffff"


@pytest.mark.parametrize(
    ("branding", "told"),
    [
        ({"texts": {"English": {"help": "x"}}}, "must be a language such as en"),
        ({"texts": {"en": {}}}, "each language of texts needs welcome or help"),
        (
            {"texts": {"en": {"help": "x" * 401}}},
            "must be one line of 1 to 400 characters, none of them invisible",
        ),
        (
            {"texts": {"en": {"help": "a\u202eb"}}},
            "must be one line of 1 to 400 characters, none of them invisible",
        ),
        ({"links": [{"url": "javascript:alert(1)", "labels": {"en": "x"}}]}, "must be an https address"),
        ({"links": [{"url": "https://acme.example/", "labels": {}}]}, "must not be empty"),
    ],
)
def test_own_texts(tmp_path: Path, branding: dict[str, object], told: str) -> None:
    """Texts and links of the tenant's own are short, in a language, and lead to the web."""
    (mistake,) = mistakes(branded(tmp_path, **branding))
    assert told in mistake
