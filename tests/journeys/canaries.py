"""Values that may never be seen, in every form in which they could slip out."""

import base64
import json
import re
from collections.abc import Callable, Iterable
from urllib.parse import quote, quote_plus

_SHORTEST = 6
_SIGN = re.compile(r"%[0-9A-F]{2}")


def forms(value: str) -> set[str]:
    """The value itself, escaped for JSON and URLs, once or twice, as hex, in base64 wherever it may begin."""
    raw = value.encode()
    found = {value, value.lower(), value.upper(), json.dumps(value)[1:-1], repr(value)[1:-1], repr(raw)[2:-1]}
    for once in (quote(value, safe=""), quote(value), quote_plus(value)):
        found |= {once, _SIGN.sub(lambda sign: sign[0].lower(), once), quote(once, safe="")}
    found |= {raw.hex(), raw.hex().upper()}
    for lead in range(3):
        found |= _inside_base64(raw, lead=lead)
    return {form for form in found if len(form) >= _SHORTEST}


def _inside_base64(raw: bytes, *, lead: int) -> set[str]:
    """The letters that this value alone decides, when `lead` bytes stand before it in a group of three."""
    standard = base64.b64encode(b"\0" * lead + raw).decode()
    first, last = -(-lead * 8 // 6), (lead + len(raw)) * 8 // 6
    inside = standard[first:last]
    return {inside, inside.replace("+", "-").replace("/", "_")}


def seen(canaries: dict[str, str], texts: Iterable[str]) -> list[str]:
    """Names of those that stand in one of the texts."""
    texts = list(texts)
    return [name for name, value in canaries.items() if any(map(_finder(value), texts))]


def _finder(value: str) -> Callable[[str], object]:
    if value.isdecimal():
        # A few digits stand by chance inside a digest and behind a decimal point.
        return re.compile(rf"(?<![\w.]){value}(?!\w)").search
    looks = forms(value)
    return lambda text: any(form in text for form in looks)
