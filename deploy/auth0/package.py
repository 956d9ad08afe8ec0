"""Makes everything that installs the Action from the Action's own source, actions/waystation/code.js.

| made | for |
|---|---|
| deploy-cli/ | auth0-deploy-cli, directory format |
| terraform/ | Terraform, a module |
| integration/ | the Auth0 marketplace, in the layout of its template; media/ in it is drawn by hand |
| the settings table in README.md | people |

What the settings are called and mean is read from the `@secret` and `@setting` lines of the source; what has
no place there stands in templates/. `./dev package` writes; with `--check` it only says what is stale, and
ends with exit code 1.
"""

import argparse
import json
import re
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
SOURCE = HERE / "actions" / "waystation" / "code.js"
TESTS = HERE.parent.parent / "tests" / "auth0_action"

_NAME = "waystation"
_RUNTIME = "node22"
_TRIGGER = {"id": "post-login", "version": "v3"}
_SETTING = re.compile(r"^@(secret|setting) ([A-Z_]+) \(([^)]+)\) ([^:]+): (.+)$")
_SPECS = ("login", "redirect", "resume", "outcome", "profile", "password", "stepup", "rs256")
_UNLESS = "required unless "
_TABLE = re.compile(
    r"(?<=<!-- settings: made by ./dev package -->\n).*?(?=<!-- end of settings -->)", re.DOTALL
)


@dataclass(frozen=True, kw_only=True)
class Setting:
    """One setting of the Action; `choices` are its only values, the first of them the default.

    With `unless`, it is required where that other setting is not given.
    """

    name: str
    is_secret: bool
    is_required: bool
    unless: str | None
    default: str | None
    choices: tuple[str, ...]
    label: str
    meaning: str


def read_settings(source: str) -> tuple[Setting, ...]:
    """The settings that the source documents, in its order.

    Raises:
        ValueError: a line is not of their form, or the source reads other settings than it documents.
    """
    settings = tuple(_setting(line) for line in _documented(source))
    read = set(re.findall(r'(?:\bread\(|settingText\(event, )"([A-Z_]+)"', source))
    names = [setting.name for setting in settings]
    if read != set(names) or len(read) != len(names):
        raise ValueError(f"read and documented differ: {sorted(read.symmetric_difference(names))}")
    return settings


def _documented(source: str) -> Iterator[str]:
    for block in re.findall(r"/\*\*.*?\*/", source, re.DOTALL):
        text = re.sub(r"\n \*   (?=\S)", " ", block)
        yield from (line.removeprefix(" * ") for line in text.splitlines() if line.startswith(" * @s"))


def _setting(line: str) -> Setting:
    form = _SETTING.match(line)
    if form is None:
        raise ValueError(f"not of the form '@setting NAME (default) Label: meaning': {line}")
    kind, name, default, label, meaning = form.groups()
    choices = tuple(default.split(", ")) if ", " in default else ()
    unless = default.removeprefix(_UNLESS) if default.startswith(_UNLESS) else None
    is_open = default in ("required", "none") or unless is not None
    return Setting(
        name=name,
        is_secret=kind == "secret",
        is_required=default == "required",
        unless=unless,
        default=None if is_open else choices[0] if choices else default,
        choices=choices,
        label=label,
        meaning=meaning,
    )


def make(source: str) -> Mapping[Path, str]:
    """The text of every file that is made, by its place below deploy/auth0."""
    settings = read_settings(source)
    return {
        Path("deploy-cli/actions/waystation/code.js"): source,
        Path("deploy-cli/actions/waystation.json"): _json(_deploy_cli(settings)),
        Path("terraform/code.js"): source,
        Path("terraform/main.tf"): _main_tf(settings),
        Path("terraform/variables.tf"): _variables_tf(settings),
        Path("integration/integration.action.js"): source,
        Path("integration/integration.action.spec.js"): _spec(),
        Path("integration/configuration.json"): _json(_configuration(settings)),
        Path("integration/installation_guide.md"): _guide(settings),
        Path("README.md"): _readme(settings),
    }


def _filled(template: str, words: Mapping[str, str]) -> str:
    text = (HERE / "templates" / template).read_text(encoding="utf-8")
    return re.sub("@([A-Z]+)@", lambda word: words[word[1]], text)


def _json(value: object) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False) + "\n"


# ---- auth0-deploy-cli ------------------------------------------------------------------------------------


def _deploy_cli(settings: tuple[Setting, ...]) -> Mapping[str, object]:
    """Only what must be given where nothing else is: an empty placeholder would be a setting too."""
    required = [setting.name for setting in settings if setting.is_required or setting.unless]
    return {
        "name": _NAME,
        "code": "./actions/waystation/code.js",
        "runtime": _RUNTIME,
        "dependencies": [],
        "secrets": [{"name": name, "value": f"##WAYSTATION_{name}##"} for name in required],
        "supported_triggers": [_TRIGGER],
        "deployed": True,
    }


# ---- Terraform -------------------------------------------------------------------------------------------


def _main_tf(settings: tuple[Setting, ...]) -> str:
    width = max(len(setting.name) for setting in settings)
    lines = [f"    {setting.name:<{width}} = var.{setting.name.lower()}" for setting in settings]
    words = {
        "SETTINGS": "\n".join(lines),
        "NAME": _NAME,
        "RUNTIME": _RUNTIME,
        "TRIGGER": _TRIGGER["id"],
        "VERSION": _TRIGGER["version"],
    }
    return _filled("main.tf.in", words)


def _variables_tf(settings: tuple[Setting, ...]) -> str:
    return _filled("variables.tf.in", {"SETTINGS": "\n".join(_variable(setting) for setting in settings)})


def _variable(setting: Setting) -> str:
    described = json.dumps(f"{setting.label}: {setting.meaning}.", ensure_ascii=False)
    lines = [
        f'variable "{setting.name.lower()}" {{',
        f"  description = {described}",
        "  type        = string",
    ]
    lines += [] if setting.is_required else ["  default     = null"]
    lines += ["  sensitive   = true"] if setting.is_secret else []
    return "\n".join((*lines, "}", ""))


# ---- marketplace -----------------------------------------------------------------------------------------


def _configuration(settings: tuple[Setting, ...]) -> Mapping[str, object]:
    return {
        "secrets": [_field(setting) for setting in settings if setting.is_secret],
        "configuration": [_field(setting) for setting in settings if not setting.is_secret],
        "dependencies": [],
    }


def _field(setting: Setting) -> Mapping[str, Any]:
    field: dict[str, Any] = {
        "name": setting.name,
        "label": setting.label,
        "description": _sentence(setting.meaning),
    }
    if setting.default is not None:
        field["default_value"] = setting.default
    if setting.choices:
        field["options"] = [{"value": choice, "label": choice.capitalize()} for choice in setting.choices]
    return field


def _guide(settings: tuple[Setting, ...]) -> str:
    """For a reader who does not have the README."""
    table = _table(settings).replace(", below", ", in the project's deploy/auth0/README.md")
    return _filled("installation_guide.md.in", {"SETTINGS": table})


def _spec() -> str:
    """The Action's tests as one file, for Jest as well as for Node's own runner."""
    support = (TESTS / "support.js").read_text(encoding="utf-8")
    support = support.replace("../../deploy/auth0/actions/waystation/code.js", "./integration.action.js")
    parts = [
        '"use strict";',
        "// Made by ./dev package from tests/auth0_action. Runs with Jest, and with `node --test` alone.",
        "",
        'const { test } = globalThis.expect ? globalThis : require("node:test");',
        "",
        _block(support.replace("module.exports = {", "return {"), "const support = "),
    ]
    for name in _SPECS:
        text = (TESTS / f"{name}.test.js").read_text(encoding="utf-8")
        text = text.replace('const { test } = require("node:test");\n', "")
        parts.append(_block(text.replace('require("./support.js")', "support")))
    return "\n".join(parts)


def _block(text: str, before: str = "") -> str:
    body = text.removeprefix('"use strict";\n').strip("\n")
    return f"{before}(() => {{\n{body}\n}})();\n"


# ---- README ----------------------------------------------------------------------------------------------


def _readme(settings: tuple[Setting, ...]) -> str:
    text = (HERE / "README.md").read_text(encoding="utf-8")
    return _TABLE.sub(lambda _: _table(settings), text)


def _table(settings: tuple[Setting, ...]) -> str:
    rows = [f"| `{setting.name}` | {_default(setting)} | {setting.meaning} |" for setting in settings]
    return "\n".join(("| setting | default | meaning |", "|---|---|---|", *rows, ""))


def _default(setting: Setting) -> str:
    if setting.is_required:
        return "required"
    if setting.unless:
        return f"required without `{setting.unless}`"
    return "none" if setting.default is None else f"`{setting.default}`"


def _sentence(text: str) -> str:
    """Without Markdown; a value at the beginning stays as it is written."""
    return (text if text.startswith("`") else text[:1].upper() + text[1:]).replace("`", "") + "."


# ---- command ---------------------------------------------------------------------------------------------


def stale(made: Mapping[Path, str]) -> list[Path]:
    """Those that are not on disk as they should be."""
    return [place for place, text in made.items() if _on_disk(HERE / place) != text]


def _on_disk(path: Path) -> str | None:
    return path.read_text(encoding="utf-8") if path.exists() else None


def main() -> int:
    """Write what is stale, or with --check only name it."""
    parser = argparse.ArgumentParser(description="Make what installs the Action from its source.")
    parser.add_argument("--check", action="store_true", help="only say what is stale; exit code 1")
    is_check = parser.parse_args().check
    made = make(SOURCE.read_text(encoding="utf-8"))
    places = stale(made)
    for place in places:
        if not is_check:
            (HERE / place).parent.mkdir(parents=True, exist_ok=True)
            (HERE / place).write_text(made[place], encoding="utf-8")
        print(f"{'stale' if is_check else 'written'}: deploy/auth0/{place}")
    return 1 if is_check and places else 0


if __name__ == "__main__":
    sys.exit(main())
