from datetime import date

from tests.support.passport import passport_mrz


def test_specimen_of_the_standard() -> None:
    """The zone of the specimen in ICAO Doc 9303 part 4 comes out letter by letter, save its optional data."""
    first, second = passport_mrz(
        surname="Eriksson",
        given_names="Anna Maria",
        birth_date=date(1974, 8, 12),
        expiry=date(2012, 4, 15),
        number="L898902C3",
        state="UTO",
    )
    assert first == "P<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<"
    assert second[:28] == "L898902C36UTO7408122F1204159"
    assert len(second) == 44
