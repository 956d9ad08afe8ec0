"""The settings of services as files, for commands that look at several services at once.

A file has a line NAME=VALUE for each variable, as `docker run --env-file`, systemd and the shell take it:
`export` before a name, quotes around a value, comments and empty lines are fine.
"""

import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from common.schema import queue_of, schema_of, schemas
from common.settings import SettingsError, SettingsReader


@dataclass(frozen=True, kw_only=True)
class Environment:
    """The settings of one service; `schema` is its name in Python.

    `is_own`: they are this process's, so that the service runs here if anywhere.
    """

    schema: str
    variables: Mapping[str, str] = field(repr=False)
    is_own: bool = True

    @property
    def service(self) -> str:
        return queue_of(self.schema)


def read_environments(
    environ: Mapping[str, str], files: list[Path], *, service: str | None = None
) -> list[Environment]:
    """One for each file; without files that of this process, of `service` if the role does not say whose.

    Raises:
        SettingsError: a file cannot be read, or does not say whose settings it has.
    """
    mistakes: list[str] = []
    found: list[Environment] = []
    own = [] if files else [("the environment", environ, service or "")]
    for place, variables, hint in [*own, *_files(files, mistakes)]:
        schema = _schema(variables, hint)
        if schema is None:
            mistakes.append(f"{place}: DATABASE_URL names no role of a service; {_HOW_TO_SAY[bool(files)]}")
        else:
            found.append(Environment(schema=schema, variables=variables, is_own=not files))
    if mistakes:
        raise SettingsError(tuple(mistakes))
    return found


_HOW_TO_SAY = {
    True: "name the file after it, such as gateway.env",
    False: "say --service, or give the services' settings as files by --env",
}


def _files(paths: list[Path], mistakes: list[str]) -> list[tuple[str, Mapping[str, str], str]]:
    found: list[tuple[str, Mapping[str, str], str]] = []
    for path in paths:
        try:
            found.append((str(path), _variables(path.read_text(encoding="utf-8")), path.stem))
        except OSError:
            mistakes.append(f"{path}: cannot be read")
        except ValueError:
            mistakes.append(f"{path}: has a line that is not NAME=VALUE")
    return found


def _variables(text: str) -> dict[str, str]:
    """Raises ValueError where a line is none."""
    lines = [line.strip() for line in text.splitlines()]
    return dict(_variable(line) for line in lines if line and not line.startswith("#"))


def _variable(line: str) -> tuple[str, str]:
    name, equals, value = line.removeprefix("export ").partition("=")
    if not equals or not name.strip().isidentifier():
        raise ValueError(name)
    is_quoted = value[:1] in {"'", '"'}
    return name.strip(), "".join(shlex.split(value)) if is_quoted else value


def _schema(variables: Mapping[str, str], hint: str) -> str | None:
    """By the role of its database, else by what somebody said."""
    reader = SettingsReader({"ENVIRONMENT": "development", **variables})
    url = reader.secret_url("DATABASE_URL", schemes=("postgresql", "postgres"))
    hinted = hint.replace("-", "_")
    return schema_of(url) or (hinted if hinted in schemas() else None)
