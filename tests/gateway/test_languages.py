"""Every text of our pages, in every language: complete, saying the same, written as its readers write."""

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

from gateway import pages
from gateway.pages.language import Language
from gateway.pages.languages import LanguagesError, accepted, load_languages, mistakes_of
from gateway.texts import text

FOLDER = Path(pages.__file__).parent
ENGLISH = load_languages().pick(["en"]).messages
NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
LANGUAGES = load_languages()


def language(tag: str) -> Language:
    found = LANGUAGES.get(tag)
    assert found is not None
    return found


def own_messages(tag: str) -> dict[str, object]:
    """What the files of that language say, flat, without what English lends."""
    flat: dict[str, object] = {}

    def flatten(tree: object, key: str) -> None:
        if isinstance(tree, dict) and not set(tree) <= {"zero", "one", "two", "few", "many", "other"}:
            for name, branch in tree.items():
                flatten(branch, f"{key}.{name}")
        else:
            flat[key] = tree

    for path in FOLDER.glob(f"texts/*/{tag}.yaml"):
        flatten(yaml.safe_load(path.read_text("utf-8")), path.parent.name)
    return flat


def test_the_languages() -> None:
    """Six languages come with us, each under its own name; Arabic runs the other way."""
    assert {one.tag: (one.name, one.direction) for one in LANGUAGES} == {
        "ar": ("العربية", "rtl"),
        "de": ("Deutsch", "ltr"),
        "en": ("English", "ltr"),
        "es": ("Español", "ltr"),
        "fr": ("Français", "ltr"),
        "ja": ("日本語", "ltr"),
    }


@pytest.mark.parametrize("tag", ["ar", "de", "es", "fr", "ja"])
def test_a_language_is_complete(tag: str) -> None:
    """It has every message of English, with the same placeholders and the plural forms of its own grammar."""
    written = own_messages(tag)
    own = {key: said for key, said in language(tag).messages.items() if key in written}
    assert list(mistakes_of(tag, own, measure=ENGLISH, complete=True)) == []


@pytest.mark.parametrize("tag", ["ar", "de", "es", "fr", "ja"])
def test_nothing_was_left_in_english(tag: str) -> None:
    """No sentence of two words or more is the English one."""
    same = [
        key
        for key, said in own_messages(tag).items()
        if said == ENGLISH[key] and len(re.findall(r"[A-Za-z]{2,}", re.sub(r"\{.*?\}", "", str(said)))) > 1
    ]
    assert same == []


@pytest.mark.parametrize("path", sorted(FOLDER.glob("templates/**/*.html")), ids=lambda path: path.name)
def test_templates_have_no_words(path: Path) -> None:
    """What a person reads comes from the message files: between the tags of a template there is no letter."""
    source = re.sub(
        r"(?s)\{#.*?#\}|\{%.*?%\}|\{\{.*?\}\}|<script.*?</script>|<style.*?</style>", "", path.read_text()
    )
    assert re.findall(r'\b(?:alt|title|placeholder|aria-label)="[^"]+"', source) == []
    texts = re.sub(r'[a-z-]+="[^"]*"', "", source).replace("\n", " ")
    assert re.findall(r">[^<]*[A-Za-z][^<]*<", f">{texts}<") == []


def test_every_key_of_a_template_is_a_message() -> None:
    """A key that a template writes out stands in the message files."""
    for path in FOLDER.glob("templates/**/*.html"):
        keys = re.findall(
            r'"((?:page|login|errors|terms|profile|idproof|password|stepup)\.[a-z_.]+[a-z_])"',
            path.read_text(),
        )
        assert [key for key in keys if key not in ENGLISH] == [], path.name


@pytest.mark.parametrize(
    ("tag", "count", "expected"),
    [
        ("en", 1, "You have one attempt left."),
        ("en", 5, "You have 5 attempts left."),
        ("de", 2, "Sie haben noch 2 Versuche."),
        ("ja", 1, "あと1回試せます。"),
        ("ar", 2, "بقيت لديك محاولتان."),
        ("ar", 3, "بقيت لديك 3 محاولات."),
        ("ar", 11, "بقيت لديك 11 محاولة."),
    ],
)
def test_plurals(tag: str, count: int, expected: str) -> None:
    """A number is spoken of as the language does."""
    assert language(tag).plain(text("page.attempts", count=count), now=NOW) == expected


@pytest.mark.parametrize(
    ("tag", "today", "later"),
    [
        ("en", "13:05 UTC", "22 December 2026, 12:05 UTC"),
        ("de", "13:05 UTC", "22. Dezember 2026, 12:05 UTC"),
        ("es", "13:05 UTC", "22 de diciembre de 2026, 12:05 UTC"),
        ("fr", "13:05 UTC", "22 décembre 2026, 12:05 UTC"),
        ("ja", "13:05 UTC", "2026年12月22日 12:05 UTC"),
        ("ar", "\u206613:05 UTC\u2069", "22 ديسمبر 2026، \u206612:05 UTC\u2069"),
    ],
)
def test_times(tag: str, today: str, later: str) -> None:
    """A time says its zone, and its day where that is not today."""
    assert language(tag).time(NOW + timedelta(hours=1, minutes=5), now=NOW) == today
    assert language(tag).time(NOW + timedelta(days=30, minutes=5), now=NOW) == later


@pytest.mark.parametrize(
    ("value", "english", "arabic"),
    [
        (timedelta(seconds=1), "1 minute", "دقيقة"),
        (timedelta(minutes=42, seconds=1), "43 minutes", "43 دقيقة"),
        (timedelta(days=3), "3 days", "3 أيام"),
    ],
)
def test_durations(value: timedelta, english: str, arabic: str) -> None:
    """A duration is rounded up to whole minutes."""
    assert language("en").duration(value) == english
    assert language("ar").duration(value) == arabic


def test_names_are_islands() -> None:
    """A name is escaped and set apart: its direction of writing does not disturb the sentence around it."""
    said = text("page.for", application="<b>אקמה</b>")
    assert language("en").html(said, now=NOW) == "for <bdi>&lt;b&gt;אקמה&lt;/b&gt;</bdi>"
    assert language("en").plain(said, now=NOW) == "for \u2068<b>אקמה</b>\u2069"
    assert language("en").plain(text("page.for", application="Acme"), now=NOW) == "for Acme"


def test_times_in_a_page_can_be_read_by_scripts() -> None:
    """In HTML a time is a `time` element, which a script writes in the reader's own zone."""
    said = language("en").html(text("page.until", deadline=NOW), now=NOW)
    assert '<time datetime="2026-11-22T12:00:00+00:00">12:00 UTC</time>' in said


@pytest.mark.parametrize(
    ("wanted", "tag"),
    [
        (["de-CH-1996"], "de"),
        (["DE"], "de"),
        (["nl", "fr-CA"], "fr"),
        (["zh-Hant", "xx"], "en"),
        ([], "en"),
        (["-", "", "*"], "en"),
    ],
)
def test_a_language_is_picked(wanted: list[str], tag: str) -> None:
    """The first wanted language that we have, however finely it is given; else English."""
    assert LANGUAGES.pick(wanted).tag == tag


@pytest.mark.parametrize(
    ("header", "tags"),
    [
        ("de-DE,de;q=0.9,en;q=0.8", ("de-DE", "de", "en")),
        ("en;q=0.1, ja ;q=0.9", ("ja", "en")),
        ("fr;q=0, es", ("es",)),
        ("*, <script>, de;q=x, \x00, " + "a" * 4000, ()),
        ("", ()),
    ],
)
def test_accept_language(header: str, tags: tuple[str, ...]) -> None:
    """The header is read by its weights; whatever is malformed counts for nothing."""
    assert accepted(header) == tags


def write(folder: Path, name: str, messages: object) -> Path:
    path = folder / name
    path.write_text(yaml.safe_dump(messages, allow_unicode=True), "utf-8")
    return path


def test_an_operators_words(tmp_path: Path) -> None:
    """A file of the operator's says single things otherwise, in a language that we have."""
    write(tmp_path, "de.yaml", {"page": {"stop": "Abbrechen"}})
    found = load_languages(tmp_path).pick(["de"])
    assert found.plain("page.stop", now=NOW) == "Abbrechen"
    assert found.plain("page.choose", now=NOW) == "Bitte auswählen"


def test_an_operators_language(tmp_path: Path) -> None:
    """A whole new language is one file; it is offered and picked like ours."""
    tree: dict[str, Any] = {}
    for key, said in ENGLISH.items():
        *areas, name = key.split(".")
        branch = tree
        for area in areas:
            branch = branch.setdefault(area, {})
        branch[name] = said if isinstance(said, str) else dict(said)
    write(tmp_path, "nl.yaml", tree)
    assert load_languages(tmp_path).pick(["nl-BE"]).tag == "nl"


def test_mistakes_of_an_operator(tmp_path: Path) -> None:
    """All mistakes of a file are told at once: unknown keys, other placeholders, missing plural forms."""
    write(tmp_path, "de.yaml", {"page": {"stop": "{who}", "nothing": "x", "attempts": {"other": "x"}}})
    with pytest.raises(LanguagesError) as wrong:
        load_languages(tmp_path)
    told = [mistake.replace(f"{tmp_path}/", "") for mistake in wrong.value.mistakes]
    assert told == [
        "de.yaml: page.attempts: must have the plural forms ['one', 'other']",
        "de.yaml: page.nothing: is not a message of ours",
        "de.yaml: page.stop: must speak of nothing else",
    ]
