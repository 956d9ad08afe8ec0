"""docs/commands.md, made of what `waystation --help` is made of.

```sh
python -m tests.docs.commands_page   # writes it
```
"""

import argparse
from collections.abc import Iterator

from common.cli import create_parser
from common.cli_guide import CommandParser
from tests.support.run_folder import ROOT

PAGE = ROOT / "docs" / "commands.md"
_TOP = """# Commands

What operators do by hand, with one command: `waystation`. It comes with the wheel and is in the image. This
page is made from its `--help`: `python -m tests.docs.commands_page` writes it.

It reads the settings of a service from the environment, as the service does; so it is run where one runs:

```sh
kubectl exec deploy/waystation-gateway -- waystation doctor
docker compose exec gateway waystation transactions list --state open
. .run/up/env/proofing.sh && .venv/bin/waystation reviews list   # beside ./dev up
```

Answers go to stdout as tables for people, or with `--json` as one JSON value on a line for programs, and
everything else to stderr. All commands have the same exit statuses; each says when its is 1. `waystation
--version` tells the release.

| exit status | meaning |
|---|---|
| 0 | done; a list that is empty says so |
| 1 | it could not be done, or there was nothing to do |
| 2 | the command or a setting is wrong: every mistake is listed with its name, what is wrong and an example |
| 130 | interrupted by Ctrl-C |
"""


def page() -> str:
    """The whole page."""
    parser = create_parser()
    listed = "\n".join(
        f"| [`{leaf.prog}`](#{_anchor(leaf)}) | {leaf.guide.text} |" for leaf in leaves(parser)
    )
    parts = [_TOP, f"| command | what it does |\n|---|---|\n{listed}\n", *map(_section, leaves(parser))]
    return "\n".join(parts)


def leaves(parser: CommandParser) -> Iterator[CommandParser]:
    """Every command that can be run, in the order of the help."""
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for choice in action.choices.values():
                yield from leaves(choice)
            return
    yield parser


def _anchor(leaf: CommandParser) -> str:
    return leaf.prog.replace(" ", "-")


def _section(leaf: CommandParser) -> str:
    guide = leaf.guide
    text = f"{guide.text[:1].upper()}{guide.text[1:]}. {guide.more}".rstrip()
    parts = [f"## {leaf.prog}", text]
    if guide.settings:
        parts.append(f"Settings: {guide.settings}")
    parts.append("```sh\n" + "\n".join(guide.examples) + "\n```")
    rows = [_row(action) for action in leaf._actions if action.dest not in {"help", "json"}]
    if rows:
        parts.append("\n".join(["| | |", "|---|---|", *rows]))
    if guide.shape:
        parts.append(f"`--json`: `{guide.shape}`")
    parts.append(f"Status 1: {guide.fails}.")
    return "\n\n".join(parts) + "\n"


def _row(action: argparse.Action) -> str:
    name = action.option_strings[0] if action.option_strings else ""
    value = action.metavar or action.dest.upper()
    choices = "\\|".join(map(str, action.choices)) if action.choices else ""
    takes_value = action.nargs != 0
    said = f"{name} {choices or value}".strip() if takes_value else name
    if not name and action.nargs in {"?", "*"}:
        said = f"[{said}]"
    shown = said.replace("|", "\\|").replace("\\\\|", "\\|")
    text = (action.help or "") % {"default": action.default}
    needed = "; required" if name and action.required else ""
    return f"| `{shown}` | {text}{needed} |"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
