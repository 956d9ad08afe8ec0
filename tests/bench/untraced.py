"""A service as it would be if nothing were a part of any trace: `python -m tests.bench.untraced gateway`.

What `./dev bench traces` compares with. Lines of the log have no ids then, and messages all the same one.
"""

import runpy
import sys
from typing import Any, ClassVar, Self

from common import tracing

_NOBODY = f"00-{'0' * 31}1-{'0' * 15}1-00"


class _Nothing:
    """Has what a span has, and does nothing."""

    trace_id, span_id, parent_id, flags = _NOBODY[3:35], _NOBODY[36:52], None, 0
    traceparent = _NOBODY
    links: tuple[str, ...] = ()
    error: str | None = None
    log_context: ClassVar[dict[str, str]] = {}
    begun = 0

    def __init__(self, *_: Any, **__: Any) -> None:
        return

    def join(self, *_: Any) -> None:
        return

    note = forget = end = join

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        return


if __name__ == "__main__":
    vars(tracing).update(
        Span=_Nothing, child_of=str, onward=str, new_traceparent=lambda: _NOBODY, log_context=lambda _: {}
    )
    runpy.run_module(sys.argv[1], run_name="__main__")
