"""Changes that keep JSON being JSON: bytes changed at random hardly ever do."""

import json
import random
from typing import Any

_VALUES: tuple[Any, ...] = (
    *(None, True, False, 0, 1, -1, 2**31, 2**63, -(2**63) - 1, 10**400, 0.5, 1e308, -0.0),
    *("", "x", "\x00", "\u202e", "\ud800", "a" * 256, "0", "1e999", "2026-11-22T12:00:00Z", "../..", "é"),
    *([], {}, [[]], [{}], [None], {"": None}, ["x"] * 21),
)


def mutate_json(data: bytes, *, seed: int) -> bytes | None:
    """The same with one member, at any depth, changed, doubled, taken out or added; None if it is no JSON."""
    try:
        value = json.loads(data)
    except (ValueError, RecursionError):
        return None
    dice = random.Random(seed)  # noqa: S311 - for a fuzzer, who wants the same again
    holders = _holders(value)
    if not holders:
        return None
    _change(dice.choice(holders), dice)
    return json.dumps(value).encode()


def _holders(value: Any) -> list[dict[str, Any] | list[Any]]:
    """Every object and array in it that has members."""
    found: list[dict[str, Any] | list[Any]] = []
    rest = [value]
    while rest:
        one = rest.pop()
        if isinstance(one, dict | list) and one:
            found.append(one)
            rest += one.values() if isinstance(one, dict) else one
    return found


def _change(holder: dict[str, Any] | list[Any], dice: random.Random) -> None:
    key: Any = dice.choice(list(holder)) if isinstance(holder, dict) else dice.randrange(len(holder))
    way = dice.randrange(4)
    if way == 0:
        del holder[key]
    elif way == 1 and isinstance(holder, dict):
        holder[str(key) + dice.choice(("", "x", "_"))] = dice.choice(_VALUES)
    elif way == 1 and isinstance(holder, list):
        holder.append(holder[key])
    elif isinstance(holder[key], str) and dice.randrange(2):
        holder[key] = _typed(holder[key], dice)
    else:
        holder[key] = dice.choice(_VALUES)


def _typed(text: str, dice: random.Random) -> str:
    begin = dice.randint(0, len(text))
    end = begin + dice.randint(0, 2)
    return text[:begin] + dice.choice(("", "\n", "\x00", "%", ".", "/", "A", "=", "\u0663")) + text[end:]
