"""Every variant of every row of the settings table, one at a time."""

from tests.tenant.settings import table

# Another value for rows that take any: unlike the default, and one that a login survives.
_OTHERS: dict[str, float | str] = {
    "transactions_per_browser": 3,
    "session_cookie": "session",
}


def other_variants() -> list[tuple[str, str]]:
    """(row, variant) for each variant that is not the default."""
    return [(row.name, variant) for row in table() for variant in row.variants[1:]]


def other_variants_of_the_suite() -> list[tuple[str, str]]:
    """The same without the row that every test sets, since it reads by it what Actions throw."""
    return [(name, variant) for name, variant in other_variants() if name != "action_error_text"]


def other_values() -> list[tuple[str, str | float]]:
    """(row, value) with one other value for each row that takes any."""
    return [(row.name, _other(row.name, row.default)) for row in table() if not row.variants]


def _other(name: str, default: str | float) -> str | float:
    if name in _OTHERS:
        return _OTHERS[name]
    return "other-words" if isinstance(default, str) else default + 7
