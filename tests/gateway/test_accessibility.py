"""Every page in Chromium: nothing that axe-core finds, the keyboard alone, small, nothing cut off."""

import re
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Browser, async_playwright
from playwright.async_api import Page as Window

from gateway import errors
from gateway.pages.assets import ICON, SHEET
from tests.gateway.gallery import GALLERY, LANGUAGES, NONCE, ORIGIN, TEMPLATES, Shown, hang
from tests.gateway.made import NOW
from tests.support.chromium import launch

# For whom the pages look different. Each page is read by one of them, and with --all in turn by each.
READERS = [("en", "light"), ("en", "dark"), ("ar", "light")]
TURNS = [0, *(pytest.param(turn, marks=pytest.mark.thorough) for turn in range(1, len(READERS)))]
_CUT_OFF = "() => document.documentElement.scrollWidth - document.documentElement.clientWidth"
# Where Tab stops: once for all radio buttons of a group.
_STOP = """at => {
    const first = at.type === "radio" ? document.querySelector(`[name="${at.name}"]`) : at;
    return [...document.querySelectorAll("*")].indexOf(first);
}"""
_REACHABLE = f"""() => [...document.querySelectorAll(
    "a[href], button, summary, textarea, select, input:not([type=hidden])"
)].filter(at => at.checkVisibility({{visibilityProperty: true}})).map({_STOP})"""
_NOTE_STOPS = f"""() => {{
    document.activeElement.blur();
    window.stops = [];
    document.addEventListener("keyup", () => {{
        const at = document.activeElement;
        if (at !== document.body) window.stops.push([({_STOP})(at), getComputedStyle(at).outlineStyle]);
    }});
}}"""


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    async with async_playwright() as playwright, await launch(playwright) as launched:
        yield launched


async def window_of(browser: Browser, *, scripts: bool = True) -> Window:
    context = await browser.new_context(
        viewport={"width": 375, "height": 740}, java_script_enabled=scripts, reduced_motion="reduce"
    )
    window = await context.new_page()
    await hang(window)
    return window


def quiet(name: str) -> bool:
    """Whether the page stays where it is: some post themselves at once."""
    return name not in {"passed", "saved-later", "hand-back"}


def test_the_gallery_is_whole() -> None:
    """Every template, and every error with a page of its own, hangs in the gallery."""
    shown = {sample.partition("-")[0] for sample in GALLERY} | {"hand_back", "ready"}
    for template in TEMPLATES.glob("**/*.html"):
        folder = template.parent.name
        assert (template.stem if folder == "templates" else folder) in shown | {"base", "ui"}, template.name
    kinds = [kind for kind in vars(errors).values() if isinstance(kind, type)]
    named = {kind.page for kind in kinds if issubclass(kind, errors.PageError) and hasattr(kind, "page")}
    for name in named | set(errors._PAGES.values()):
        assert f"error-{name.replace('_', '-')}" in GALLERY


@pytest.mark.parametrize("turn", TURNS)
async def test_no_violation(browser: Browser, turn: int) -> None:
    """axe-core finds nothing on any page on a phone: by day, by night or from right to left."""
    window, found = await window_of(browser), {}
    for number, name in enumerate(filter(quiet, GALLERY), turn):
        language, scheme = READERS[number % len(READERS)]
        await window.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
        await window.goto(ORIGIN + Shown(name=name, language=language).path)
        await window.evaluate("document.querySelectorAll('details').forEach(one => one.open = true)")
        violations = (await Axe().run(window)).response["violations"]
        if violations:
            found[name] = [(one["id"], [node["html"] for node in one["nodes"]]) for one in violations]
    assert found == {}
    await window.context.close()


@pytest.mark.parametrize("language", ["de", pytest.param("ar", marks=pytest.mark.thorough)])
async def test_nothing_is_cut_off(browser: Browser, language: str) -> None:
    """On the narrowest phone, in larger text and in long words, no page is wider than the screen."""
    window = await window_of(browser)
    await window.set_viewport_size({"width": 320, "height": 740})
    wide = []
    for name in filter(quiet, GALLERY):
        await window.goto(ORIGIN + Shown(name=name, language=language).path)
        await window.evaluate("document.documentElement.style.fontSize = '150%'")
        if await window.evaluate(_CUT_OFF) > 0:
            wide.append(name)
    assert wide == []
    await window.context.close()


async def test_the_keyboard(browser: Browser) -> None:
    """Tab reaches everything that can be pressed, in the order of the page, and shows where it is."""
    window = await window_of(browser)
    for name in filter(quiet, GALLERY):
        await window.goto(ORIGIN + Shown(name=name).path)
        await window.evaluate(_NOTE_STOPS)
        wanted = await window.evaluate(_REACHABLE)
        for _ in range(len(wanted) + 5):  # Tab also leaves the page and comes back, and a date has parts
            await window.keyboard.press("Tab")
        seen: dict[int, str] = dict(await window.evaluate("window.stops"))
        assert set(seen.values()) <= {"solid"}, name
        assert seen.keys() == set(wanted), name
    await window.context.close()


async def test_a_page_without_scripts(browser: Browser) -> None:
    """Where no script runs, every page shows the same words, and all of them can be pressed."""
    window = await window_of(browser, scripts=False)
    for name in GALLERY:
        await window.goto(ORIGIN + Shown(name=name).path)
        assert await window.locator("main h1").inner_text() != ""
    await window.context.close()


@pytest.mark.parametrize(
    ("language", "today", "later"),
    [
        ("en", "This login stays open until 21:45 GMT+9.", "22 November 2026 at 21:45 GMT+9."),
        ("ar", "يبقى تسجيل الدخول هذا مفتوحًا حتى 21:45 غرينتش+9.", "22 نوفمبر 2026 في 21:45 غرينتش+9."),
        ("ja", "21:45 JST", "2026年11月22日 21:45 JST"),
    ],
)
async def test_times_in_the_readers_zone(browser: Browser, language: str, today: str, later: str) -> None:
    """A script writes times in the reader's own zone, with the day where that is not theirs today."""
    context = await browser.new_context(timezone_id="Asia/Tokyo")
    window = await context.new_page()
    await hang(window)
    for now, expected in ((NOW, today), (NOW - timedelta(days=1), later)):
        await window.clock.set_fixed_time(now)
        await window.goto(ORIGIN + Shown(name="idproof-document", language=language).path)
        assert expected in await window.locator("footer").inner_text()
    await context.close()


@pytest.mark.parametrize("name", GALLERY)
@pytest.mark.parametrize("language", ["en", "ar", "ja"])
def test_weight(name: str, language: str) -> None:
    """A page asks for one style sheet, and is under 30 KB with what all share; journeys weigh a first one."""
    html = Shown(name=name, language=language).html
    assert len(re.findall(r'<link rel="stylesheet"', html)) == 1
    assert len(html.encode()) + len(SHEET.gzipped) + len(ICON.gzipped) < 30_000


@pytest.mark.parametrize("name", GALLERY)
def test_languages_of_a_page(name: str) -> None:
    """A page says its language and direction, and never falls back to English for a word of ours."""
    for language in LANGUAGES:
        html = Shown(name=name, language=language.tag).html
        assert f'<html lang="{language.tag}" dir="{language.direction}">' in html
        assert f'nonce="{NONCE}"' in html
        assert str(Path(SHEET.url)) in html
