import re
import subprocess

from tests.docs.markdown import Page, code_blocks, pages
from tests.support.demo import log_in
from tests.support.journey import Hop
from tests.support.run_folder import ROOT
from tests.support.stack import Stack

README = Page(ROOT / "README.md")
_WITH_FOLDERS = ("services", "deploy", "docs", "tests")


def help_of(*command: str) -> str:
    done = subprocess.run(
        ["/bin/sh", "dev", *command, "--help"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return done.stdout


def folders_of_tree() -> set[str]:
    """Folders that the README's tree names, as `top` and `top/inner`."""
    (tree,) = code_blocks(README.section("Where things are"))
    found = set()
    top = ""
    for indent, name in re.findall(r"^( *)([\w-]+)/(?: |$)", tree, re.MULTILINE):
        top = top if indent else name
        found.add(f"{top}/{name}" if indent else top)
    return found


def folders() -> set[str]:
    tops = {path for path in ROOT.iterdir() if is_folder_of_ours(path.name) and path.is_dir()}
    inner = {
        f"{top.name}/{path.parts[len(top.parts)]}"
        for top in tops
        if top.name in _WITH_FOLDERS
        for path in top.rglob("*")
        if path.is_file() and path.parent != top and is_folder_of_ours(path.parts[len(top.parts)])
    }
    return {top.name for top in tops} | inner


def is_folder_of_ours(name: str) -> bool:
    return not name.startswith((".", "__"))


def test_tree() -> None:
    """The tree has every folder of the first two levels, and no other."""
    assert folders_of_tree() == folders()


def test_commands() -> None:
    """The commands of `./dev --help` are those of the README's table."""
    helped = re.findall(r"^  (\w+) +", help_of().partition("./dev COMMAND --help")[0], re.MULTILINE)
    assert re.findall(r"^\| `\./dev (\w+)` \|", README.section("Commands"), re.MULTILINE) == helped


def test_options() -> None:
    """Every `./dev` command line on any page is one that its help knows, options included."""
    command = re.compile(r"\./dev ([a-z]+(?:-[a-z]+)*(?: --?[\w-]+)*)")
    lines = {line for page in pages() for line in command.findall(page.text)}
    assert {line for line in lines if not is_in_help(*line.split())} == set()


def is_in_help(command: str, *options: str) -> bool:
    known = help_of(command)
    return known.startswith(f"./dev {command}") and all(option in known for option in options)


async def test_hops_of_the_demo(stack: Stack) -> None:
    """The README shows the demo as it is: what the person does, and every hop but the waiting."""
    acts: list[str] = []
    hops: list[tuple[str, str, str, str]] = []

    def note(hop: Hop) -> None:
        acts.append(hop.act)
        hops.append((hop.who, hop.method, hop.path, str(hop.status)))

    await log_in(stack, on_hop=note)
    (shown,) = code_blocks(README.section("Try it"), "text")
    assert re.findall(r"^The person (.+)\.$", shown, re.MULTILINE) == list(dict.fromkeys(acts))
    shown_hops = re.findall(r"^ *\d+ +\d+ ms  (\w+) +([A-Z]+) +(\S+) +(\d{3}) ", shown, re.MULTILINE)
    assert without_waiting(shown_hops) == without_waiting(hops)


def without_waiting(hops: list[tuple[str, str, str, str]]) -> list[tuple[str, str, str, str]]:
    """Ids masked, event streams left out, and repeated looks at one page counted once."""
    found: list[tuple[str, str, str, str]] = []
    for who, method, path, status in hops:
        hop = (who, method, re.sub(r"^/t/[\w-]{22}", "/t/{id}", path), status)
        if hop[2] != "/t/{id}/events" and hop not in found[-1:]:
            found.append(hop)
    return found
