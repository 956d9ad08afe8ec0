"""YAML read strictly: every mistake with its line, none of them fatal to the reading of the rest."""

import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from tests.tenant.errors import ConfigError

_TIMESTAMP = "tag:yaml.org,2002:timestamp"


class _Loader(yaml.SafeLoader):
    """Dates stay text, as they would in JSON."""


_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != _TIMESTAMP]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


class Section:
    """One mapping of the file; take each key once, then `finish` reports what nobody took."""

    def __init__(self, node: yaml.Node, *, where: str, mistakes: list[str], loader: _Loader) -> None:
        self._where = where
        self._mistakes = mistakes
        self._loader = loader
        self._line = _line(node)
        self._items: dict[str, tuple[yaml.Node, int]] = {}
        self._index(node)

    def _index(self, node: yaml.Node) -> None:
        if not isinstance(node, yaml.MappingNode):
            self._mistake(self._line, "must be a mapping")
            return
        for key, value in node.value:
            name = str(key.value)
            if name in self._items:
                self._mistake(_line(key), f"{name} is given twice")
            self._items[name] = (value, _line(key))

    def _mistake(self, line: int, text: str) -> None:
        self._mistakes.append(f"line {line}: {self._where}: {text}")

    def _take(self, key: str, *, required: bool) -> tuple[yaml.Node, int] | None:
        found = self._items.pop(key, None)
        if found is None and required:
            self._mistake(self._line, f"{key} is missing")
        return found

    def _value(self, key: str, kinds: tuple[type, ...], *, named: str, required: bool) -> Any:
        found = self._take(key, required=required)
        if found is None:
            return None
        node, line = found
        try:
            value = self._loader.construct_object(node, deep=True)
        except (yaml.YAMLError, ValueError):
            self._mistake(line, f"{key} cannot be read")
            return None
        if value is None and not required:
            return None
        if not isinstance(value, kinds) or (isinstance(value, bool) and bool not in kinds):
            self._mistake(line, f"{key} must be {named}")
            return None
        return value

    def text(self, key: str) -> str:
        """A required text; empty after a mistake."""
        value: str | None = self._value(key, (str,), named="text", required=True)
        return value or ""

    def optional_text(self, key: str) -> str | None:
        """A text or nothing."""
        value: str | None = self._value(key, (str,), named="text", required=False)
        return value

    def choice(self, key: str, variants: tuple[str, ...], *, default: str) -> str:
        """One of `variants`."""
        line = self.line_of(key)
        value = self.optional_text(key)
        if value is not None and value not in variants:
            self._mistake(line, f"{key} must be one of {', '.join(variants)}")
            return default
        return default if value is None else value

    def number(self, key: str, *, default: float) -> float:
        """A number that is not negative."""
        line = self.line_of(key)
        value: float | None = self._value(key, (int, float), named="a number", required=False)
        if value is not None and not 0 <= value < math.inf:
            self._mistake(line, f"{key} must be a number that is not negative")
            return default
        return default if value is None else value

    def optional_number(self, key: str) -> float | None:
        """A number or nothing."""
        value: float | None = self._value(key, (int, float), named="a number", required=False)
        return value

    def flag(self, key: str) -> bool | None:
        """True, false or nothing."""
        value: bool | None = self._value(key, (bool,), named="true or false", required=False)
        return value

    def texts(self, key: str, *, default: tuple[str, ...] = ()) -> tuple[str, ...]:
        """A list of texts."""
        line = self.line_of(key)
        value: list[Any] | None = self._value(key, (list,), named="a list of texts", required=False)
        if value is None:
            return default
        if not all(isinstance(item, str) for item in value):
            self._mistake(line, f"{key} must be a list of texts")
            return default
        return tuple(value)

    def plain(self, key: str) -> dict[str, Any]:
        """A mapping of anything that JSON can hold."""
        line = self.line_of(key)
        value: dict[str, Any] | None = self._value(key, (dict,), named="a mapping", required=False)
        if value is not None and not _is_json(value):
            self._mistake(line, f"{key} must hold what JSON can hold")
            return {}
        return value or {}

    def text_map(self, key: str) -> dict[str, str]:
        """A mapping from text to text."""
        line = self.line_of(key)
        value = self.plain(key)
        wrong = [name for name, item in value.items() if not isinstance(item, str)]
        for name in wrong:
            self._mistake(line, f"{key}.{name} must be text")
        return {name: item for name, item in value.items() if name not in wrong}

    def section(self, key: str, *, required: bool = False) -> "Section | None":
        """The mapping below `key`."""
        found = self._take(key, required=required)
        return None if found is None else self._child(found[0], key)

    def sections(self, key: str) -> Iterator["Section"]:
        """The mappings of the list below `key`."""
        found = self._take(key, required=False)
        if found is None:
            return
        node, line = found
        if not isinstance(node, yaml.SequenceNode):
            self._mistake(line, f"{key} must be a list")
            return
        for index, item in enumerate(node.value):
            yield self._child(item, f"{key}[{index}]")

    def values(self, key: str) -> Iterator[tuple[Any, int]]:
        """What stands in the list below `key`, each with its line."""
        found = self._take(key, required=False)
        if found is None:
            return
        node, line = found
        if not isinstance(node, yaml.SequenceNode):
            self._mistake(line, f"{key} must be a list")
            return
        for item in node.value:
            try:
                yield self._loader.construct_object(item, deep=True), _line(item)
            except (yaml.YAMLError, ValueError):
                self._mistake(_line(item), f"{key} cannot be read")

    def _child(self, node: yaml.Node, key: str) -> "Section":
        where = key if self._where == "file" else f"{self._where}.{key}"
        return Section(node, where=where, mistakes=self._mistakes, loader=self._loader)

    def line_of(self, key: str) -> int:
        """Where `key` stands, or the section where it is missing."""
        return self._items[key][1] if key in self._items else self._line

    def mistake(self, text: str, *, line: int | None = None) -> None:
        """Report something that only the caller can judge."""
        self._mistake(self._line if line is None else line, text)

    def finish(self) -> None:
        """Report every key that nobody asked for."""
        for name, (_, line) in self._items.items():
            self._mistake(line, f"unknown key {name}")


def open_document(path: Path, mistakes: list[str]) -> Section:
    """The root of a YAML or JSON file.

    Raises:
        ConfigError: the file cannot be read as one YAML document.
    """
    try:
        loader = _Loader(path.read_text(encoding="utf-8"))
        node = loader.get_single_node()
    except OSError as exc:
        raise ConfigError((f"cannot read {path.name}: {exc.strerror}",)) from exc
    except (yaml.YAMLError, UnicodeDecodeError) as exc:
        raise ConfigError((f"{path.name} is not YAML: {' '.join(str(exc).split())}",)) from exc
    if node is None:
        raise ConfigError((f"{path.name} is empty",))
    return Section(node, where="file", mistakes=mistakes, loader=loader)


def _is_json(value: Any) -> bool:
    try:
        json.dumps(value, allow_nan=False)
    except (TypeError, ValueError):
        return False
    return True


def _line(node: yaml.Node) -> int:
    return int(node.start_mark.line) + 1
