"""One target under atheris, in a process of its own: libFuzzer ends the process when it ends.

`python -m tests.fuzz.fuzzer COMMAND TARGET [libFuzzer options] FOLDER…`; COMMAND starts the same again.
"""

import sys

import atheris

with atheris.instrument_imports(include=["common", "gateway", "jwt"]):
    from tests.fuzz.mutating import mutate_json
    from tests.fuzz.targets import TARGETS


def mutate(data: bytes, longest: int, seed: int) -> bytes:
    """Every other time what is left of a line that is JSON stays JSON."""
    if seed % 2:
        first, line, last = data.rpartition(b"\n")
        changed = mutate_json(last, seed=seed)
        if changed is not None and len(first + line + changed) <= longest:
            return first + line + changed
    mutated: bytes = atheris.Mutate(data, longest)
    return mutated


def main() -> None:
    command, name, *options = sys.argv[1:]
    atheris.Setup([command, *options], TARGETS[name].run, custom_mutator=mutate)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
