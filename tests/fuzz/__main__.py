"""`python -m tests.fuzz`: fuzz the readers of foreign bytes, guided by coverage; see `./dev fuzz --help`."""

import argparse
import hashlib
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

from tests.fuzz.corpus import read_corpus, write_corpus
from tests.fuzz.targets import TARGETS

LONGEST_RUN_SECONDS = 10  # of one input: whatever takes longer is a finding


def main() -> int:
    """Returns 1 if something was found."""
    options = _options()
    names = options.targets or list(TARGETS)
    findings: list[Path] = []
    for name in names:
        folder = options.folder / name
        found = _fuzz(name, folder, seconds=max(1, options.seconds // len(names)))
        findings += found
        if options.keep and not found:
            kept = _minimized(name, folder)
            print(f"{name}: the corpus has {kept} inputs now")
    for path in findings:
        print(f"found: {path}\n  again: {path.parents[1] / 'fuzzer'} {path}")
    return 1 if findings else 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="./dev fuzz")
    parser.add_argument(
        "targets", nargs="*", metavar="TARGET", help=f"of {', '.join(TARGETS)}; all by default"
    )
    parser.add_argument("--seconds", type=int, default=60, help="of all targets together; 60 by default")
    parser.add_argument(
        "--keep", action="store_true", help="what widened the coverage goes into tests/fuzz/corpus"
    )
    parser.add_argument("--folder", type=Path, required=True, help=argparse.SUPPRESS)
    options = parser.parse_args()
    for name in options.targets:
        if name not in TARGETS:
            parser.error(f"there is no target {name}; there are {', '.join(TARGETS)}")
    return options


def _fuzz(name: str, folder: Path, *, seconds: int) -> list[Path]:
    """The inputs with which it failed."""
    inputs, findings = folder / "inputs", folder / "findings"
    shutil.rmtree(findings, ignore_errors=True)
    findings.mkdir(parents=True)
    _unpack([*read_corpus(name), *TARGETS[name].seeds()], inputs)
    words = folder / "words"
    words.write_text("".join(f"{_quoted(word)}\n" for word in TARGETS[name].words))
    print(f"== {name}: {seconds} seconds, from {len(list(inputs.iterdir()))} inputs", flush=True)
    _libfuzzer(
        name,
        folder,
        f"-max_total_time={seconds}",
        f"-max_len={TARGETS[name].longest}",
        f"-timeout={LONGEST_RUN_SECONDS}",
        f"-dict={words}",
        f"-artifact_prefix={findings}/",
        "-print_final_stats=1",
        "-verbosity=0",
        str(inputs),
    )
    return sorted(findings.iterdir())


def _minimized(name: str, folder: Path) -> int:
    """Keep the fewest inputs that reach what all of them reach."""
    fewest = folder / "fewest"
    shutil.rmtree(fewest, ignore_errors=True)
    fewest.mkdir()
    _libfuzzer(name, folder, "-merge=1", "-verbosity=0", str(fewest), str(folder / "inputs"))
    kept = [path.read_bytes() for path in fewest.iterdir()]
    write_corpus(name, kept)
    return len(kept)


def _libfuzzer(name: str, folder: Path, *options: str) -> None:
    """Run it by a command of one word, as which it starts itself again where it minimizes."""
    command = folder / "fuzzer"
    argv = shlex.join([sys.executable, "-m", "tests.fuzz.fuzzer", str(command), name])
    command.write_text(f'#!/bin/sh\nexec {argv} "$@"\n')
    command.chmod(0o700)
    subprocess.run([command, *options], check=False)  # its exit status says less than what it leaves


def _unpack(inputs: list[bytes], folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for data in inputs:
        (folder / hashlib.sha256(data).hexdigest()[:20]).write_bytes(data)


def _quoted(word: str) -> str:
    return '"' + "".join(f"\\x{byte:02x}" for byte in word.encode()) + '"'


if __name__ == "__main__":
    sys.exit(main())
