"""The oracle that looks for slips finds them."""

import base64
import json
from urllib.parse import quote, quote_plus

import pytest

from tests.journeys.canaries import seen

_VALUE = "Quackenbush & Söhne"
_BYTES = _VALUE.encode()


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ('{"code": "471147"}', True),
        ("code=471147&x", True),
        ("\\x0a471147", False),
        ("12.471147", False),
        ("4711471", False),
    ],
)
def test_a_code_is_found_where_it_stands_alone(text: str, *, found: bool) -> None:
    """Six digits inside a digest or behind a decimal point are no code."""
    assert seen({"code": "471147"}, [text]) == (["code"] if found else [])


@pytest.mark.parametrize(
    "text",
    [
        f"Dear {_VALUE}!",
        json.dumps({"name": _VALUE}),
        f"/x?name={quote(_VALUE)}",
        f"/x?name={quote_plus(_VALUE)}",
        f"/x?name={quote(_VALUE).replace('%C3', '%c3').replace('%B6', '%b6')}",
        f"/x?to={quote(quote(_VALUE, safe=''), safe='')}",
        f"{_BYTES!r}",
        f"\\x00{_BYTES.hex()}00",
        f"\\x00{_BYTES.hex().upper()}00",
        *(base64.b64encode(b"?" * lead + _BYTES + b"?").decode() for lead in range(6)),
        *(base64.urlsafe_b64encode(b"?" * lead + _BYTES).decode() for lead in range(3)),
    ],
)
def test_a_canary_is_found_in_every_form(text: str) -> None:
    """As it is, escaped, in hex, in base64 wherever it begins."""
    assert seen({"name": _VALUE, "other": "Zephyrine"}, ["nothing", text]) == ["name"]
