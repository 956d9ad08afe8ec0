"""mutmut in a copy of the tree, where packages lie as they are imported."""

import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from tests.mutations.groups import Group

_ROOT = Path(__file__).parents[2]
_PACKAGES = ("common/common", "gateway/gateway", "proofing/proofing", "metadata-sync/metadata_sync")
_COPIED = ("tests", "deploy")
_KILLED = ("killed", "timeout", "caught by type check")


@dataclass(frozen=True, kw_only=True)
class Mutant:
    """A change of a function: the lines that it takes out and puts in, without their indentation."""

    function: str
    status: str
    was: str = ""
    becomes: str = ""

    @property
    def is_killed(self) -> bool:
        return self.status in _KILLED


def mutants_of(group: Group, folder: Path) -> list[Mutant]:
    """Every mutant of the group, tried; what is in the folder is replaced."""
    _prepare(group, folder)
    _mutmut(folder, "run", "--max-children", "1", check=True)
    lines = [
        line.strip().rpartition(": ") for line in _mutmut(folder, "results", "--all", "true").splitlines()
    ]
    return [_mutant(name, status, folder) for name, _, status in lines if name]


def _prepare(group: Group, folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    without = shutil.ignore_patterns("__pycache__", ".mypy_cache")
    for package in _PACKAGES:
        shutil.copytree(_ROOT / "services" / package, folder / Path(package).name, ignore=without)
    for name in _COPIED:
        shutil.copytree(_ROOT / name, folder / name, ignore=without)
    pytest_settings = re.search(
        r"(?ms)^\[tool\.pytest\.ini_options\]\n.*?(?=^\[)", (_ROOT / "pyproject.toml").read_text()
    )
    assert pytest_settings is not None
    settings = {
        "source_paths": sorted({module.partition("/")[0] for module in group.modules}),
        "only_mutate": list(group.modules),
        "also_copy": [Path(package).name for package in _PACKAGES] + list(_COPIED),
        "pytest_add_cli_args_test_selection": list(group.tests),
        "pytest_add_cli_args": ["-p", "no:cacheprovider"],
        "use_git_change_detection": False,
    }
    written = "".join(f"{name} = {_toml(value)}\n" for name, value in settings.items())
    (folder / "pyproject.toml").write_text(f"[tool.mutmut]\n{written}\n{pytest_settings[0]}")


def _toml(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _mutant(name: str, status: str, folder: Path) -> Mutant:
    """`common.tokens.xǁClaimsǁtext__mutmut_3` is a change of `common.tokens.Claims.text`."""
    function = re.sub(r"__mutmut_\d+$", "", name)
    module, _, last = function.rpartition(".")
    own = last.removeprefix("xǁ").replace("ǁ", ".") if "ǁ" in last else last.removeprefix("x_")
    found = Mutant(function=f"{module}.{own}", status=status)
    if found.is_killed:
        return found
    diff = [
        line for line in _mutmut(folder, "show", name).splitlines() if not line.startswith(("---", "+++"))
    ]
    return Mutant(
        function=found.function,
        status=status,
        was="\n".join(line[1:].strip() for line in diff if line.startswith("-")),
        becomes="\n".join(line[1:].strip() for line in diff if line.startswith("+")),
    )


def _mutmut(folder: Path, *arguments: str, check: bool = False) -> str:
    argv = [sys.executable, "-m", "mutmut", *arguments]
    # It draws a wheel that turns; a file keeps what it says when it fails.
    with (folder / "mutmut.log").open("w+") as log:
        subprocess.run(
            argv, cwd=folder, stdout=log, stderr=subprocess.STDOUT, check=check, env=_environment()
        )
        log.seek(0)
        return log.read()


def _environment() -> dict[str, str]:
    """Nobody's own settings decide what is found."""
    return {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
