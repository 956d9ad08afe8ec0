"""A passport's machine-readable zone with valid check digits (ICAO Doc 9303, parts 3 and 4)."""

from datetime import date

_WEIGHTS = (7, 3, 1)


def passport_mrz(
    *,
    surname: str,
    given_names: str,
    birth_date: date,
    expiry: date,
    number: str = "XR5830417",
    state: str = "SWE",
    sex: str = "F",
) -> tuple[str, str]:
    """Both lines of a TD3 zone; names in the letters A to Z and blanks."""
    names = f"{surname}<<{given_names}".upper().replace(" ", "<")
    number_field = _with_digit(number.ljust(9, "<"))
    birth_field = _with_digit(birth_date.strftime("%y%m%d"))
    expiry_field = _with_digit(expiry.strftime("%y%m%d"))
    optional_field = _with_digit("<" * 14)
    composite = _digit(number_field + birth_field + expiry_field + optional_field)
    return (
        f"P<{state}{names}".ljust(44, "<")[:44],
        f"{number_field}{state}{birth_field}{sex}{expiry_field}{optional_field}{composite}",
    )


def _with_digit(text: str) -> str:
    return text + _digit(text)


def _digit(text: str) -> str:
    return str(sum(_value(char) * _WEIGHTS[place % 3] for place, char in enumerate(text)) % 10)


def _value(char: str) -> int:
    return 0 if char == "<" else int(char, 36)
