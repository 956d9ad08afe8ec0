"""What holds for every zone and for every text at all."""

import string
from datetime import date

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from common.mrz import Mrz, MrzError, check_digit, parse_mrz
from tests.support.zones import VALUES, Format, Zone

# A busy machine is no reason to fail.
patient = settings(suppress_health_check=[HealthCheck.too_slow])

TODAY = date(2026, 11, 22)
FORMATS: tuple[Format, ...] = ("TD1", "TD2", "TD3", "MRV-A", "MRV-B")
CODES: dict[Format, str] = {"TD1": "ID", "TD2": "AC", "TD3": "P", "MRV-A": "V", "MRV-B": "VN"}
NAME_ROOM: dict[Format, int] = {"TD1": 30, "TD2": 31, "TD3": 39, "MRV-A": 39, "MRV-B": 31}
NUMBER_ROOM: dict[Format, int] = {"TD1": 22, "TD2": 14, "TD3": 9, "MRV-A": 9, "MRV-B": 9}
SIGNS = string.ascii_uppercase + string.digits

names = st.lists(st.text(string.ascii_uppercase, min_size=1, max_size=12), min_size=1, max_size=3)
births = st.dates(min_value=date(1927, 1, 1), max_value=TODAY)
expiries = st.dates(min_value=date(1976, 1, 1), max_value=date(2075, 12, 31))


@st.composite
def zones(draw: st.DrawFn) -> Zone:
    which = draw(st.sampled_from(FORMATS))
    identifiers = "<".join(draw(names)) + "<<" + "<".join(draw(names))
    return Zone(
        format=which,
        code=CODES[which],
        state=draw(st.sampled_from(("D", "FRA", "UTO", "GBD"))),
        names=identifiers[: NAME_ROOM[which]],
        number=draw(st.text(SIGNS, min_size=1, max_size=NUMBER_ROOM[which])),
        nationality=draw(st.sampled_from(("D", "XXA", "UNO"))),
        birth=draw(births).strftime("%y%m%d"),
        sex=draw(st.sampled_from("MF<")),
        expiry=draw(expiries).strftime("%y%m%d"),
    )


def outcome(text: str, *, today: date = TODAY) -> Mrz | MrzError:
    try:
        return parse_mrz(text, today=today)
    except MrzError as exc:
        return exc


@patient
@given(zones())
def test_every_valid_zone_reads_back(zone: Zone) -> None:
    """A zone built by the rules of its format gives back what went into it."""
    mrz = parse_mrz(zone.text(), today=TODAY)
    primary, _, secondary = zone.names.partition("<<")
    assert mrz.format == zone.format
    assert mrz.document_number == zone.number
    assert (mrz.primary_identifier, mrz.secondary_identifier) == (
        primary.replace("<", " ").strip(),
        secondary.replace("<", " ").strip(),
    )
    assert mrz.date_of_birth.complete is not None
    assert mrz.date_of_birth.complete.strftime("%y%m%d") == zone.birth
    assert mrz.date_of_expiry.strftime("%y%m%d") == zone.expiry
    assert mrz.lines == zone.lines()


PROTECTED: dict[Format, tuple[tuple[int, range], ...]] = {
    "TD1": ((1, range(5, 30)), (2, range(7)), (2, range(8, 15)), (2, range(18, 30))),
    "TD2": ((2, range(10)), (2, range(13, 20)), (2, range(21, 36))),
    "TD3": ((2, range(10)), (2, range(13, 20)), (2, range(21, 44))),
    "MRV-A": ((2, range(10)), (2, range(13, 20)), (2, range(21, 28))),
    "MRV-B": ((2, range(10)), (2, range(13, 20)), (2, range(21, 28))),
}


@patient
@given(zones(), st.data())
def test_one_changed_character_is_caught_but_for_the_blind_spots(zone: Zone, data: st.DataObject) -> None:
    """In a field with check digits one wrong character is refused unless its value differs by a ten."""
    number, columns = data.draw(st.sampled_from(PROTECTED[zone.format]))
    at = data.draw(st.sampled_from(columns))
    lines = list(zone.lines())
    original = lines[number - 1][at]
    typed = data.draw(st.sampled_from(sorted(set(SIGNS + "<") - {original})))
    lines[number - 1] = lines[number - 1][:at] + typed + lines[number - 1][at + 1 :]
    caught = isinstance(outcome("\n".join(lines)), MrzError)
    assert caught or (VALUES[typed] - VALUES[original]) % 10 == 0


@patient
@given(st.one_of(st.text(max_size=450), st.text(SIGNS + "<\n", min_size=60, max_size=95)))
def test_no_text_raises_anything_else(text: str) -> None:
    """Whatever is typed, the answer is a document or an MrzError with at least one problem."""
    result = outcome(text)
    assert isinstance(result, Mrz) or result.problems != ()


@patient
@given(
    st.sampled_from(FORMATS),
    st.lists(st.text(SIGNS + "<", min_size=44, max_size=44), min_size=3, max_size=3),
    st.dates(),
)
def test_no_zone_of_the_right_shape_raises_anything_else(
    which: Format, garbage: list[str], today: date
) -> None:
    """The right number of characters and any day of the calendar do not confuse it either."""
    lines = Zone(format=which, code=CODES[which]).lines()
    text = "\n".join(CODES[which][0] + line[1 : len(lines[0])] for line in garbage[: len(lines)])
    result = outcome(text, today=today)
    assert isinstance(result, Mrz) or result.problems != ()


def test_the_published_check_digit_examples() -> None:
    """Doc 9303 part 3 computes these two by hand."""
    assert check_digit("520727") == "3"
    assert check_digit("AB2134<<<") == "5"
