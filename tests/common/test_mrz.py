"""Published specimens of Doc 9303, and every kind of text that is not a zone."""

from datetime import date

import pytest

from common.mrz import Mrz, MrzError, MrzField, MrzFormat, MrzProblem, MrzProblemCode, PartialDate, parse_mrz
from tests.support.zones import Zone

TODAY = date(2026, 11, 22)

TD1 = ("I<UTOD231458907<<<<<<<<<<<<<<<", "7408122F1204159UTO<<<<<<<<<<<6", "ERIKSSON<<ANNA<MARIA<<<<<<<<<<")
TD2 = ("I<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<", "D231458907UTO7408122F1204159<<<<<<<6")
TD3 = ("P<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<", "L898902C36UTO7408122F1204159ZE184226B<<<<<10")
MRV_A = ("V<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<", "L8988901C4XXX4009078F96121096ZE184226B<<<<<<")
MRV_B = ("V<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<", "L8988901C4XXX4009078F9612109<<<<<<<<")
LONG_TD1 = (
    "I<UTOD23145890<7349<<<<<<<<<<<",
    "3407127M9507122UTO<<<<<<<<<<<2",
    "STEVENSON<<PETER<JOHN<<<<<<<<<",
)
LONG_TD2 = ("I<UTOSTEVENSON<<PETER<JOHN<<<<<<<<<<", "D23145890<UTO3407127M95071227349<<<8")


def problems_of(text: str) -> tuple[MrzProblem, ...]:
    with pytest.raises(MrzError) as caught:
        parse_mrz(text, today=TODAY)
    return caught.value.problems


def specimen(lines: tuple[str, ...]) -> Mrz:
    return parse_mrz("\n".join(lines), today=TODAY)


def test_the_passport_of_part_4() -> None:
    """The specimen passport reads field by field as Doc 9303 part 4 describes it."""
    assert specimen(TD3) == Mrz(
        format=MrzFormat.TD3,
        document_code="P",
        issuing_state="UTO",
        primary_identifier="ERIKSSON",
        secondary_identifier="ANNA MARIA",
        names_truncated=False,
        document_number="L898902C3",
        nationality="UTO",
        date_of_birth=PartialDate(year=1974, month=8, day=12),
        sex="F",
        date_of_expiry=date(2012, 4, 15),
        optional_data=("ZE184226B",),
        lines=TD3,
    )


@pytest.mark.parametrize(
    ("lines", "expected_format", "number", "expiry", "optional"),
    [
        (TD1, MrzFormat.TD1, "D23145890", date(2012, 4, 15), ()),
        (TD2, MrzFormat.TD2, "D23145890", date(2012, 4, 15), ()),
        (TD3, MrzFormat.TD3, "L898902C3", date(2012, 4, 15), ("ZE184226B",)),
        (MRV_A, MrzFormat.MRV_A, "L8988901C", date(1996, 12, 10), ("6ZE184226B",)),
        (MRV_B, MrzFormat.MRV_B, "L8988901C", date(1996, 12, 10), ()),
    ],
)
def test_specimens_of_every_format(
    lines: tuple[str, ...],
    expected_format: MrzFormat,
    number: str,
    expiry: date,
    optional: tuple[str, ...],
) -> None:
    """Each format's published specimen is recognised and read."""
    mrz = specimen(lines)
    assert (mrz.format, mrz.document_number, mrz.date_of_expiry, mrz.optional_data) == (
        expected_format,
        number,
        expiry,
        optional,
    )
    assert (mrz.primary_identifier, mrz.secondary_identifier) == ("ERIKSSON", "ANNA MARIA")


@pytest.mark.parametrize("lines", [LONG_TD1, LONG_TD2])
def test_a_long_document_number_is_joined(lines: tuple[str, ...]) -> None:
    """Part 11's card number of twelve characters is whole again, and leaves no optional data behind."""
    mrz = specimen(lines)
    assert (mrz.document_number, mrz.optional_data) == ("D23145890734", ())


def test_optional_data_after_a_long_number_stay() -> None:
    """What follows the end of a long number in its field is still read as optional data."""
    mrz = parse_mrz(Zone(format="TD1", code="ID", number="ABC123456789", optional="XY7").text(), today=TODAY)
    assert (mrz.document_number, mrz.optional_data) == ("ABC123456789", ("XY7",))


@pytest.mark.parametrize(
    "typed",
    [
        "\r\n".join(TD3),
        "\u2028".join(TD3),
        "\n\n".join(TD3) + "\n",
        "  " + "\n\t".join(TD3).lower(),
        "".join(TD3),
        "\n".join(" ".join(line) for line in TD3),
        "\ufeff" + "\n".join(TD3).replace("<<", "\N{LEFT-POINTING DOUBLE ANGLE QUOTATION MARK}"),
        "\n".join(TD3).replace("<", "\N{SINGLE LEFT-POINTING ANGLE QUOTATION MARK}"),
        "\n".join("".join(chr(ord(sign) + 0xFEE0) for sign in line) for line in TD3),
    ],
    ids=["crlf", "u2028", "blank", "lower", "joined", "spaced", "guillemets", "single", "full-width"],
)
def test_ways_of_typing_the_same_zone(typed: str) -> None:
    """Case, white space, lost line breaks and look-alikes of the filler change nothing."""
    assert parse_mrz(typed, today=TODAY).lines == TD3


@pytest.mark.parametrize("sign", ["\N{LATIN SMALL LETTER DOTLESS I}", "\N{SUPERSCRIPT TWO}", "\0", "É", "٣"])
def test_letters_and_digits_are_never_corrected(sign: str) -> None:
    """A character that merely resembles one of the alphabet is refused, not replaced."""
    assert problems_of("\n".join((TD3[0], sign + TD3[1][1:]))) == (
        MrzProblem(code=MrzProblemCode.BAD_CHARACTER, line=2),
    )


def test_sharp_s_does_not_become_two_letters() -> None:
    """A letter whose upper case is longer than itself is refused as well."""
    typed = "\n".join((TD3[0].replace("SS", "ß"), TD3[1]))
    assert problems_of(typed) == (
        MrzProblem(code=MrzProblemCode.BAD_CHARACTER, line=1),
        MrzProblem(code=MrzProblemCode.WRONG_LENGTH, line=1, expected=44, found=43),
    )


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", MrzProblem(code=MrzProblemCode.WRONG_LINE_COUNT, found=0)),
        (" \n\t\n", MrzProblem(code=MrzProblemCode.WRONG_LINE_COUNT, found=0)),
        ("P<UTO", MrzProblem(code=MrzProblemCode.WRONG_LINE_COUNT, found=1)),
        ("A\nB\nC\nD", MrzProblem(code=MrzProblemCode.WRONG_LINE_COUNT, found=4)),
        ("<" * 401, MrzProblem(code=MrzProblemCode.TOO_LONG)),
        (
            "\n".join((TD3[0], TD3[1][:-1])),
            MrzProblem(code=MrzProblemCode.WRONG_LENGTH, line=2, expected=44, found=43),
        ),
        (
            "\n".join((TD1[0] + "<", *TD1[1:])),
            MrzProblem(code=MrzProblemCode.WRONG_LENGTH, line=1, expected=30, found=31),
        ),
        (
            "\n".join(("X" + TD3[0][1:], TD3[1])),
            MrzProblem(code=MrzProblemCode.UNKNOWN_FORMAT, line=1, field=MrzField.DOCUMENT_CODE),
        ),
    ],
)
def test_shapes_that_no_document_has(text: str, expected: MrzProblem) -> None:
    """A wrong number of lines, a wrong length and an unknown kind of document are named as such."""
    assert problems_of(text) == (expected,)


def replaced(lines: tuple[str, ...], line: int, at: int, sign: str) -> str:
    changed = lines[line - 1][:at] + sign + lines[line - 1][at + len(sign) :]
    return "\n".join((*lines[: line - 1], changed, *lines[line:]))


@pytest.mark.parametrize(
    ("text", "code", "line", "field"),
    [
        (replaced(TD3, 2, 9, "7"), MrzProblemCode.CHECK_DIGIT, 2, MrzField.DOCUMENT_NUMBER),
        (replaced(TD3, 2, 19, "3"), MrzProblemCode.CHECK_DIGIT, 2, MrzField.DATE_OF_BIRTH),
        (replaced(TD3, 2, 27, "0"), MrzProblemCode.CHECK_DIGIT, 2, MrzField.DATE_OF_EXPIRY),
        (replaced(TD3, 2, 42, "2"), MrzProblemCode.CHECK_DIGIT, 2, MrzField.OPTIONAL_DATA),
        (replaced(TD3, 2, 42, "<"), MrzProblemCode.CHECK_DIGIT, 2, MrzField.OPTIONAL_DATA),
        (replaced(TD3, 2, 43, "1"), MrzProblemCode.CHECK_DIGIT, 2, MrzField.COMPOSITE),
        (replaced(TD1, 1, 14, "8"), MrzProblemCode.CHECK_DIGIT, 1, MrzField.DOCUMENT_NUMBER),
        (replaced(TD1, 1, 14, "<"), MrzProblemCode.CHECK_DIGIT, 1, MrzField.DOCUMENT_NUMBER),
        (replaced(LONG_TD1, 1, 18, "8"), MrzProblemCode.CHECK_DIGIT, 1, MrzField.DOCUMENT_NUMBER),
        (replaced(TD3, 1, 2, "QQQ"), MrzProblemCode.UNKNOWN_STATE, 1, MrzField.ISSUING_STATE),
        (replaced(TD3, 1, 2, "D2<"), MrzProblemCode.BAD_CHARACTER, 1, MrzField.ISSUING_STATE),
        (replaced(TD3, 2, 10, "<<<"), MrzProblemCode.BAD_CHARACTER, 2, MrzField.NATIONALITY),
        (replaced(TD3, 1, 8, "0"), MrzProblemCode.BAD_CHARACTER, 1, MrzField.NAMES),
        (replaced(TD3, 1, 5, "<"), MrzProblemCode.MISSING, 1, MrzField.NAMES),
        (replaced(TD3, 2, 0, "<"), MrzProblemCode.MISSING, 2, MrzField.DOCUMENT_NUMBER),
        (replaced(TD3, 2, 20, "X"), MrzProblemCode.BAD_CHARACTER, 2, MrzField.SEX),
        (replaced(TD3, 2, 13, "O"), MrzProblemCode.BAD_CHARACTER, 2, MrzField.DATE_OF_BIRTH),
        (replaced(TD3, 2, 21, "<<"), MrzProblemCode.BAD_CHARACTER, 2, MrzField.DATE_OF_EXPIRY),
        (Zone(birth="741312").text(), MrzProblemCode.BAD_DATE, 2, MrzField.DATE_OF_BIRTH),
        (Zone(expiry="320431").text(), MrzProblemCode.BAD_DATE, 2, MrzField.DATE_OF_EXPIRY),
    ],
)
def test_fields_that_do_not_hold_together(
    text: str, code: MrzProblemCode, line: int, field: MrzField
) -> None:
    """Each kind of mistake in a field is reported once, with its line and its field."""
    assert problems_of(text) == (MrzProblem(code=code, line=line, field=field),)


def test_all_mistakes_are_listed_by_line() -> None:
    """Mistakes in several fields come together, in the order of the lines."""
    text = replaced(tuple(replaced(TD3, 2, 19, "3").split("\n")), 1, 2, "QQQ")
    assert problems_of(text) == (
        MrzProblem(code=MrzProblemCode.UNKNOWN_STATE, line=1, field=MrzField.ISSUING_STATE),
        MrzProblem(code=MrzProblemCode.CHECK_DIGIT, line=2, field=MrzField.DATE_OF_BIRTH),
    )


@pytest.mark.parametrize(
    ("birth", "expected"),
    [
        ("261122", PartialDate(year=2026, month=11, day=22)),
        ("261123", PartialDate(year=1926, month=11, day=23)),
        ("270101", PartialDate(year=1927, month=1, day=1)),
        ("000229", PartialDate(year=2000, month=2, day=29)),
        ("74<<<<", PartialDate(year=1974, month=None, day=None)),
        ("7408<<", PartialDate(year=1974, month=8, day=None)),
        ("<<<<<<", PartialDate(year=None, month=None, day=None)),
        ("<<0229", PartialDate(year=None, month=2, day=29)),
    ],
)
def test_the_century_of_a_birth(birth: str, expected: PartialDate) -> None:
    """A birth lies in the latest year that is not after today; parts may be unknown."""
    assert parse_mrz(Zone(birth=birth).text(), today=TODAY).date_of_birth == expected


def test_a_leap_day_finds_its_leap_year() -> None:
    """A twenty-ninth of February falls back a century when the later year has none."""
    birth = parse_mrz(Zone(birth="000229").text(), today=date(2101, 1, 1)).date_of_birth
    assert birth == PartialDate(year=2000, month=2, day=29)


@pytest.mark.parametrize(
    ("expiry", "expected"),
    [
        ("760101", date(1976, 1, 1)),
        ("751231", date(2075, 12, 31)),
        ("261121", date(2026, 11, 21)),
    ],
)
def test_the_century_of_an_expiry(expiry: str, expected: date) -> None:
    """An expiry lies in the hundred years from fifty years ago."""
    assert parse_mrz(Zone(expiry=expiry).text(), today=TODAY).date_of_expiry == expected


def test_one_letter_germany_and_names_that_fill_their_field() -> None:
    """Codes shorter than three letters lose their fillers, and a full name field counts as truncated."""
    mrz = parse_mrz(
        Zone(state="D", nationality="D", names="NILAVADHANANANDA<<CHAYAPA<DEJTHAMRONG<K").text(),
        today=TODAY,
    )
    assert (mrz.issuing_state, mrz.nationality, mrz.names_truncated) == ("D", "D", True)


def test_a_single_name_has_no_secondary_identifier() -> None:
    """A document with one name only has an empty secondary identifier."""
    mrz = parse_mrz(Zone(names="ARKFREITH").text(), today=TODAY)
    assert (mrz.primary_identifier, mrz.secondary_identifier) == ("ARKFREITH", "")


def test_neither_error_nor_value_shows_what_was_typed() -> None:
    """The text forms of a zone and of an error hold nothing personal."""
    assert repr(specimen(TD3)) == (
        "Mrz(format=<MrzFormat.TD3: 'TD3'>, document_code='P', issuing_state='UTO')"
    )
    with pytest.raises(MrzError, match=r"^check_digit$"):
        parse_mrz(replaced(TD3, 2, 19, "3"), today=TODAY)
