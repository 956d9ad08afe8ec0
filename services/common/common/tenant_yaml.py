"""YAML that remembers on which line each of its keys stands.

Stricter than YAML itself: a key given twice, a key that is no text and an alias are mistakes, because each
of them makes a file mean something else than what its reader sees.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeAlias

import yaml

Location: TypeAlias = tuple[str | int, ...]


@dataclass(frozen=True, kw_only=True, order=True)
class Mistake:
    """One thing wrong with a file, and where. Its text never repeats a value: that may be a secret."""

    path: str
    line: int
    key: str
    message: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.key + ': ' if self.key else ''}{self.message}"


@dataclass
class YamlFile:
    """One parsed file: plain data, the line of every key and list item, and what was wrong already.

    `unread` has the places whose value is a mistake of its own, so that nothing more is to be said of it.
    """

    path: Path
    data: object = None
    mistakes: list[Mistake] = field(default_factory=list)
    unread: set[Location] = field(default_factory=set)
    _lines: dict[Location, int] = field(default_factory=dict)
    _seen: set[int] = field(default_factory=set)

    def mistake(self, at: Location, message: str) -> Mistake:
        key = ".".join(str(part) for part in at)
        return Mistake(path=str(self.path), line=self.line_of(at), key=key, message=message)

    def line_of(self, at: Location) -> int:
        """The line of that key, or of the nearest one around it that the file has."""
        while at not in self._lines and at:
            at = at[:-1]
        return self._lines.get(at, 1)

    def add(self, root: yaml.Node) -> None:
        self._lines[()] = root.start_mark.line + 1
        self.data = self._value(root, ())

    def _note(self, at: Location, message: str) -> None:
        self.mistakes.append(self.mistake(at, message))

    def _unread(self, at: Location, message: str) -> None:
        self.unread.add(at)
        self._note(at, message)

    def _value(self, node: yaml.Node, at: Location) -> object:
        if id(node) in self._seen:
            self._unread(at, "an alias is not allowed here: write the value out")
            return None
        self._seen.add(id(node))
        if isinstance(node, yaml.MappingNode):
            return dict(self._pairs(node, at))
        if isinstance(node, yaml.SequenceNode):
            return [self._item(item, (*at, index)) for index, item in enumerate(node.value)]
        return self._scalar(node, at)

    def _pairs(self, node: yaml.MappingNode, at: Location) -> Iterator[tuple[str, object]]:
        names: set[str] = set()
        for key, value in node.value:
            name = str(key.value) if isinstance(key, yaml.ScalarNode) else ""
            where = (*at, name)
            self._lines.setdefault(where, key.start_mark.line + 1)
            if key.tag != "tag:yaml.org,2002:str":
                self._note(where, "a key must be text: put it in quotes")
            elif name in names:
                self.mistakes.append(
                    Mistake(
                        path=str(self.path),
                        line=key.start_mark.line + 1,
                        key=".".join(str(part) for part in where),
                        message=f"is given twice, first on line {self._lines[where]}",
                    )
                )
            else:
                names.add(name)
                yield name, self._value(value, where)

    def _item(self, node: yaml.Node, at: Location) -> object:
        self._lines[at] = node.start_mark.line + 1
        return self._value(node, at)

    def _scalar(self, node: yaml.Node, at: Location) -> object:
        try:
            return _plain_scalar(node)
        except (yaml.YAMLError, ValueError):
            self._unread(at, "is not plain YAML data")
            return None


def _plain_scalar(node: yaml.Node) -> object:
    value: object = yaml.constructor.SafeConstructor().construct_object(node)
    return value


def parse_yaml(path: Path, text: bytes) -> YamlFile:
    """Parse one document; what is not YAML at all is one mistake and no data."""
    file = YamlFile(path)
    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
    except (yaml.YAMLError, RecursionError) as exc:
        file.mistakes.append(
            Mistake(path=str(path), line=_problem_line(exc), key="", message="is not well-formed YAML")
        )
        return file
    if root is None:
        file.mistakes.append(file.mistake((), "is empty"))
    else:
        file.add(root)
    return file


def _problem_line(exc: Exception) -> int:
    mark = getattr(exc, "problem_mark", None)
    return mark.line + 1 if isinstance(mark, yaml.Mark) else 1
