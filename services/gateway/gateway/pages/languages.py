"""All languages of our pages: read from files, and chosen for a reader.

`texts/<area>/<language>.yaml` has the messages of one area (a step, the errors, the way of a login) in one
language; a message is a text, or a mapping from CLDR plural category to text. English is the measure of all.
An operator adds a language, or says something otherwise, by `<language>.yaml` in a folder of their own, where
the areas are the first level of keys.
"""

import functools
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import yaml
from babel import Locale, UnknownLocaleError

from common.settings import SettingsError
from gateway.pages.language import Language, Message, placeholders

DEFAULT = "en"
PLURALS = frozenset({"zero", "one", "two", "few", "many", "other"})
MAX_TAGS = 20
_BUILT_IN = Path(__file__).parent / "texts"
_TAG = re.compile(r"[A-Za-z]{2,3}(?:-[A-Za-z0-9]{2,8}){0,3}")
_QUALITY = re.compile(r"q=(0(?:\.[0-9]{1,3})?|1(?:\.0{1,3})?)")


class LanguagesError(SettingsError):
    """A message file is wrong; `mistakes` lists everything as `path: key: message`."""


class Languages:
    """What there is to choose from; English is the last resort."""

    def __init__(self, messages: Mapping[str, Mapping[str, Message]]) -> None:
        english = messages[DEFAULT]
        self._languages = {
            tag: Language(tag=tag, messages={**english, **own}) for tag, own in sorted(messages.items())
        }

    def __iter__(self) -> Iterator[Language]:
        return iter(self._languages.values())

    def get(self, tag: str | None) -> Language | None:
        """The language of exactly this tag."""
        return self._languages.get(tag or "")

    def pick(self, wanted: Sequence[str]) -> Language:
        """The first of these tags that we have, each looked up by ever fewer subtags (RFC 4647, 3.4)."""
        for tag in wanted[:MAX_TAGS]:
            subtags = tag.split("-")
            for length in range(len(subtags), 0, -1):
                found = self._languages.get("-".join(subtags[:length]).lower())
                if found is not None:
                    return found
        return self._languages[DEFAULT]


def accepted(header: str) -> tuple[str, ...]:
    """The tags of Accept-Language (RFC 9110, 12.5.4), the most wanted first; malformed ones are dropped."""
    ranked: list[tuple[float, str]] = []
    for part in header[:1000].split(",")[:MAX_TAGS]:
        tag, _, parameter = (piece.strip() for piece in part.partition(";"))
        quality = _QUALITY.fullmatch(parameter) if parameter else None
        weight = float(quality[1]) if quality else 0.0 if parameter else 1.0
        if weight and _TAG.fullmatch(tag):
            ranked.append((-weight, tag))
    return tuple(tag for _, tag in sorted(ranked, key=lambda entry: entry[0]))


def load_languages(folder: Path | None = None) -> Languages:
    """Ours, and those of an operator's folder over them.

    Raises:
        LanguagesError: a file is no YAML, or has a message that ours do not have, or lacks one.
    """
    messages = {tag: dict(own) for tag, own in _built_in().items()}
    for path in sorted(folder.glob("*.yaml")) if folder else ():
        own = _read(path, "")
        _check(path, own, measure=messages[DEFAULT], complete=path.stem not in messages)
        messages.setdefault(path.stem, {}).update(own)
    return Languages(messages)


@functools.cache
def _built_in() -> Mapping[str, Mapping[str, Message]]:
    messages: dict[str, dict[str, Message]] = {}
    for path in sorted(_BUILT_IN.glob("*/*.yaml")):
        messages.setdefault(path.stem, {}).update(_read(path, path.parent.name))
    return messages


def _read(path: Path, area: str) -> dict[str, Message]:
    try:
        tree = yaml.load(path.read_text("utf-8"), Loader=yaml.CSafeLoader)
    except (OSError, ValueError, yaml.YAMLError):
        raise LanguagesError((f"{path}: cannot be read as YAML",)) from None
    return dict(_flat(tree, area))


def _flat(tree: object, key: str) -> Iterator[tuple[str, Message]]:
    if not isinstance(tree, Mapping):
        yield key, str(tree)
    elif tree and set(tree) <= PLURALS:
        yield key, {str(form): str(said) for form, said in tree.items()}
    else:
        for name, branch in tree.items():
            yield from _flat(branch, f"{key}.{name}" if key else str(name))


def _check(path: Path, own: Mapping[str, Message], *, measure: Mapping[str, Message], complete: bool) -> None:
    mistakes = list(mistakes_of(path.stem, own, measure=measure, complete=complete))
    if mistakes:
        raise LanguagesError(tuple(f"{path}: {mistake}" for mistake in mistakes))


def mistakes_of(
    tag: str, own: Mapping[str, Message], *, measure: Mapping[str, Message], complete: bool
) -> Iterator[str]:
    """Where a language's messages do not fit the English ones, as `key: message`."""
    try:
        forms = {*Locale.parse(tag.replace("-", "_")).plural_form.tags, "other"}
    except (ValueError, UnknownLocaleError):
        yield "the file's name is not a language that we know how to write times and numbers in"
        return
    if complete:
        yield from (f"{key}: is missing" for key in measure if key not in own)
    for key, message in own.items():
        if key not in measure:
            yield f"{key}: is not a message of ours"
        elif placeholders(message) - {"count"} != placeholders(measure[key]) - {"count"}:
            yield f"{key}: must speak of {sorted(placeholders(measure[key])) or 'nothing else'}"
        elif isinstance(measure[key], str) != isinstance(message, str):
            yield f"{key}: has plural forms in one language only"
        elif not isinstance(message, str) and set(message) != forms:
            yield f"{key}: must have the plural forms {sorted(forms)}"
