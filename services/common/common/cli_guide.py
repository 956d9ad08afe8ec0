"""What `--help` and docs/commands.md say of a command: what for, which settings, examples, exit statuses."""

import argparse
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from common.schema import queue_of, schemas

WIDTH = 100
_DATABASE = "DATABASE_URL"
ALTERNATIVES = {name: f"{name} (or {name}_FILE)" for name in (_DATABASE, "AMQP_URL", "MIGRATE_DATABASE_URL")}


@dataclass(frozen=True, kw_only=True)
class Guide:
    """Of one command.

    Attributes:
        text: what it does, as a phrase without a full stop.
        more: sentences about what is not obvious.
        reads: the settings that it needs, by name.
        of: whose settings these are: a service's, or those of the service that it is about.
        examples: whole lines, as they are typed.
        shape: the JSON value of `--json`, empty where a command has none.
        fails: when its exit status is 1, besides a server that does not answer.
    """

    text: str
    more: str = ""
    reads: tuple[str, ...] = ()
    of: str = "the service that it is about"
    examples: tuple[str, ...] = ()
    shape: str = ""
    fails: str = "it could not be done"

    @property
    def settings(self) -> str:
        """A sentence; empty for a command that needs none."""
        if not self.reads:
            return ""
        names = ", ".join(ALTERNATIVES.get(name, name) for name in self.reads)
        return f"{names}; as {self.of} has them."

    @property
    def service(self) -> str | None:
        """Whose settings it reads, where that is always the same service."""
        name = self.of.removeprefix("the ")
        return name if name in map(queue_of, schemas()) else None

    @property
    def statuses(self) -> tuple[tuple[int, str], ...]:
        return (
            (0, "done"),
            (1, self.fails),
            (2, "the command or a setting is wrong; every mistake is listed"),
            (130, "interrupted by Ctrl-C"),
        )

    def epilog(self) -> str:
        return "\n\n".join(
            f"{title}:\n{textwrap.indent(body, '  ')}" for title, body in self._parts() if body
        )

    def _parts(self) -> Iterator[tuple[str, str]]:
        yield "settings", textwrap.fill(self.settings, WIDTH - 2)
        yield "examples", "\n".join(self.examples)
        yield "--json", textwrap.fill(self.shape, WIDTH - 2)
        yield "exit status", "\n".join(f"{status:<3}  {text}" for status, text in self.statuses)


class CommandParser(argparse.ArgumentParser):
    """A parser whose help is made of a guide."""

    def __init__(self, *, guide: Guide, **options: Any) -> None:
        text = f"{guide.text[:1].upper()}{guide.text[1:]}."
        description = "\n\n".join(textwrap.fill(part, WIDTH) for part in (text, guide.more) if part)
        super().__init__(
            description=description,
            epilog=guide.epilog(),
            formatter_class=argparse.RawDescriptionHelpFormatter,
            **options,
        )
        self.guide = guide
