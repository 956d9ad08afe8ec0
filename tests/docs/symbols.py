"""Which names a source file defines."""

import ast
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

_JAVASCRIPT = re.compile(
    r"^(?:async )?function (\w+)|^(?:const|let|class) (\w+)|^exports\.(\w+) =", flags=re.MULTILINE
)


def defined_in(path: Path) -> set[str]:
    """`name`, `Class` and `Class.member` of a Python file; functions, classes and constants of JavaScript."""
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".py":
        return set(_python(ast.parse(text).body))
    return {name for names in _JAVASCRIPT.findall(text) for name in names if name}


def _python(body: Iterable[ast.stmt]) -> Iterator[str]:
    for statement in body:
        match statement:
            case ast.ClassDef(name=name):
                yield name
                yield from (f"{name}.{member}" for member in _python(statement.body))
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
                yield name
            case ast.AnnAssign(target=ast.Name(id=name)):
                yield name
            case ast.Assign(targets=targets):
                yield from (target.id for target in targets if isinstance(target, ast.Name))
            case _:
                continue
