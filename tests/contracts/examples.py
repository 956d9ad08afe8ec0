"""Examples of every message and version, as an old release may still send them: once here, never edited.

Beside the body each file names who sends the message and whose queues get it.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from common.messages import Message, decode

_FOLDER = Path(__file__).parent


@dataclass(frozen=True, kw_only=True)
class Example:
    """`name` is the routing key, and what is special about it after a plus; services as on the broker."""

    name: str
    producer: str
    consumers: tuple[str, ...]
    body: dict[str, Any]

    @property
    def routing_key(self) -> str:
        return self.name.partition("+")[0]

    @property
    def json(self) -> bytes:
        return json.dumps(self.body).encode()

    def message(self, **changes: Any) -> Message:
        """The message, with other values where the test cares."""
        return decode(json.dumps(self.body | changes).encode())


def examples() -> list[Example]:
    return [example(path.stem) for path in sorted(_FOLDER.glob("*.json"))]


def example(name: str) -> Example:
    fields = json.loads((_FOLDER / f"{name}.json").read_text())
    return Example(
        name=name, producer=fields["producer"], consumers=tuple(fields["consumers"]), body=fields["body"]
    )
