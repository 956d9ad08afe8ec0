"""What is read out of a JSON object that came with a signature: exact types, bounded lengths."""

import re
from collections.abc import Callable
from functools import partial

import pytest

from common.tokens_claims import ClaimError, Claims, read_object

WORD = re.compile(r"[a-z]+")


def name_in(refused: Callable[[], object]) -> str:
    with pytest.raises(ClaimError) as wrong:
        refused()
    return wrong.value.name


def test_an_object() -> None:
    """The members of a JSON object in UTF-8."""
    assert read_object('{"a": [1, true, null, "ü"], "b": {}}'.encode()) == {
        "a": [1, True, None, "ü"],
        "b": {},
    }


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"[]",
        b"7",
        b'{"a": 1, "a": 1}',
        b'{"a": {"b": 1, "b": 2}}',
        b'{"a": NaN}',
        b'{"a": -Infinity}',
        b'\xef\xbb\xbf{"a": 1}',
        '{"a": 1}'.encode("utf-16"),
        b'{"a": "\xff"}',
        b"[" * 100_000,
        b'{"a": ' + b"9" * 5_000 + b"}",
    ],
)
def test_no_object(text: bytes) -> None:
    """Anything else is refused as a whole: no member is to blame."""
    assert name_in(lambda: read_object(text)) == ""


def test_what_an_error_says() -> None:
    """The member's name, and nothing of its value."""
    assert str(ClaimError("iss")) == "iss"
    assert str(ClaimError("")) == "not a JSON object"


def test_texts_of_every_length() -> None:
    """One character is a text, and as many as are allowed; none or one more is not."""
    assert Claims({"a": "x"}).text("a") == "x"
    assert Claims({"a": "x" * 255}).text("a") == "x" * 255
    assert Claims({"a": "x" * 300}).text("a", at_most=300) == "x" * 300
    assert name_in(lambda: Claims({"a": ""}).text("a")) == "a"
    assert name_in(lambda: Claims({"a": "x" * 256}).text("a")) == "a"
    assert name_in(lambda: Claims({"a": "x" * 301}).text("a", at_most=300)) == "a"


@pytest.mark.parametrize(
    "sign", ["\x00", "\x1f", "\x7f", "\x9f", "\u2028", "\u202e", "\u2066", "\u2069", "\ud800"]
)
def test_signs_that_nobody_sees(sign: str) -> None:
    """Controls, separators, bidirectional overrides and half characters are in no text."""
    assert name_in(lambda: Claims({"a": f"x{sign}x"}).text("a")) == "a"
    assert Claims({"a": "x\u2027\u2065ü\U0001f600 "}).text("a")


@pytest.mark.parametrize("value", [None, 7, True, 1.0, ["x"], {"x": "x"}])
def test_other_types(value: object) -> None:
    """A text is a text, a number a number: nothing is taken for something else."""
    claims = Claims({"a": value})
    reads: dict[str, Callable[[], object]] = {
        "text": lambda: claims.text("a"),
        "matching": lambda: claims.matching("a", WORD),
        "integer": lambda: claims.integer("a"),
        "boolean": lambda: claims.boolean("a"),
        "members": lambda: claims.members("a"),
        "texts": lambda: claims.texts("a", pattern=WORD, at_most=3),
        "text_map": lambda: claims.text_map("a", at_most=3),
    }
    good = {int: "integer", bool: "boolean", list: "texts"}.get(type(value))
    for name, read in reads.items():
        if name == good or (isinstance(value, dict) and name in {"members", "text_map"}):
            assert read() in (value, ("x",))
        else:
            assert name_in(read) == "a"


def test_what_is_missing() -> None:
    """It is said which member it is."""
    empty = Claims({})
    assert not empty.has("a")
    assert name_in(lambda: empty.text("a")) == "a"
    assert name_in(lambda: empty.integer("b")) == "b"
    assert Claims({"a": None}).has("a")


def test_lists() -> None:
    """As many texts as are allowed, each of which matches as a whole."""
    assert Claims({"a": ["x", "y", "z"]}).texts("a", pattern=WORD, at_most=3) == ("x", "y", "z")
    assert Claims({"a": []}).texts("a", pattern=WORD, at_most=3) == ()
    for wrong in (["x", "y", "z", "w"], ["x", "Y"], ["x", 1], ["x\n"]):
        assert name_in(partial(Claims({"a": wrong}).texts, "a", pattern=WORD, at_most=3)) == "a"
    assert Claims({"a": "word"}).matching("a", WORD) == "word"
    assert name_in(lambda: Claims({"a": "word\n"}).matching("a", WORD)) == "a"


def test_parameters() -> None:
    """As many as are allowed, by names that a query has, each with a text of up to 2,000 characters."""
    two = {"scope": "x" * 2_000, "redirect_uri": "y"}
    assert Claims({"a": two}).text_map("a", at_most=2) == two
    wrong: list[dict[str, object]] = [
        {**two, "nonce": "z"},
        {"scope": "x" * 2_001},
        {"scope": ""},
        {"scope": 7},
        {"Scope": "x"},
        {"": "x"},
        {"a" * 41: "x"},
    ]
    for parameters in wrong:
        assert name_in(partial(Claims({"a": parameters}).text_map, "a", at_most=2)) == "a"
