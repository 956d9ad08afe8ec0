"""Names of profiles against names of documents."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.mrz import Mrz, parse_mrz
from proofing.providers.names import DIFFERENT, SAME, name_score
from proofing.providers.transliteration import words_of
from tests.support.zones import Zone

TODAY = date(2026, 11, 22)
LONG = "A<B<<" + 34 * "C"


def document(names: str) -> Mrz:
    return parse_mrz(Zone(names=names).text(), today=TODAY)


def band(given_name: str, family_name: str, names: str) -> str:
    score = name_score(document(names), given_name=given_name, family_name=family_name)
    if score is None:
        return "incomparable"
    return "same" if score >= SAME else "unclear" if score >= DIFFERENT else "different"


@pytest.mark.parametrize(
    ("given_name", "family_name", "names"),
    [
        ("Anna Maria", "Eriksson", "ERIKSSON<<ANNA<MARIA"),
        ("Anna", "Eriksson", "ERIKSSON<<ANNA<MARIA"),
        ("maria anna", "ERIKSSON", "ERIKSSON<<ANNA<MARIA"),
        ("Jürgen", "Müller", "MUELLER<<JUERGEN"),
        ("Jürgen", "Müller", "MUXXLLER<<JUXXRGEN"),
        ("Jürgen", "Müller", "MULLER<<JURGEN"),
        ("Juergen", "Mueller", "MULLER<<JURGEN"),
        ("Jurgen", "Muller", "MUELLER<<JUERGEN"),
        ("Ju\u0308rgen", "Mu\u0308ller", "MUELLER<<JUERGEN"),
        ("Søren", "Ågård", "AAGAARD<<SOEREN"),
        ("Begoña", "Núñez", "NUNEZ<<BEGONA"),
        ("Begoña", "Núñez", "NUNXXEZ<<BEGONXXA"),
        ("Björk", "Guðmundsdóttir", "GUDMUNDSDOTTIR<<BJORK"),
        ("Þór", "Strauß", "STRAUSS<<THOR"),
        ("Łukasz", "Wałęsa", "WALESA<<LUKASZ"),
        ("İbrahim", "I\u015f\u0131k", "ISIK<<IBRAHIM"),
        ("Jean-Pierre", "d'Artagnan", "DARTAGNAN<<JEAN<PIERRE"),
        ("Sinéad", "O\N{RIGHT SINGLE QUOTATION MARK}Connor", "OCONNOR<<SINEAD"),
        ("Ronald", "Mc Donald", "MCDONALD<<RONALD"),
        ("Ludwig", "van Beethoven", "VAN<BEETHOVEN<<LUDWIG"),
        ("María", "García", "GARCIA<LOPEZ<<MARIA<JOSE"),
        (
            "\u041d\u0430\u0442\u0430\u043b\u044c\u044f",
            "\u0429\u0443\u043a\u0438\u043d\u0430",
            "SHCHUKINA<<NATALIA",
        ),
        ("Chayapa Dejthamrong Krasuang", "Nilavadhanananda", "NILAVADHANANANDA<<CHAYAPA<DEJTHAMRONG<K"),
        ("Dingo Potoroo", "Bennelong Wooloomooloo Warrandyte", "BENNELONG<WOOLOOMOOLOO<WARRAN<<DINGO<PO"),
        ("Anna", "Arkfreith", "ARKFREITH<ANNA"),
    ],
)
def test_the_same_person(given_name: str, family_name: str, names: str) -> None:
    """Fewer names, other letters, other spacing and names cut off are still the same person."""
    assert band(given_name, family_name, names) == "same"


@pytest.mark.parametrize(
    ("given_name", "family_name", "names"),
    [
        ("Jon", "Eriksson", "ERIKSSON<<JOHN"),
        ("Anne", "Eriksson", "ERIKSSON<<ANNA"),
        ("Anna", "Smyth", "SMITH<<ANNA"),
        ("Anna Maria Louise", "Eriksson", "ERIKSSON<<ANNA"),
        ("Anna", "Smith-Jones", "SMITH<<ANNA"),
        ("Eriksson", "Anna", "ERIKSSON<<ANNA"),
    ],
)
def test_for_a_person_to_decide(given_name: str, family_name: str, names: str) -> None:
    """A different letter, a name that the document lacks and swapped names are neither yes nor no."""
    assert band(given_name, family_name, names) == "unclear"


@pytest.mark.parametrize(
    ("given_name", "family_name", "names"),
    [
        ("Anna", "Svensson", "ERIKSSON<<ANNA"),
        ("Bertil", "Eriksson", "ERIKSSON<<ANNA"),
        ("John", "Smith", "ERIKSSON<<ANNA<MARIA"),
        ("Li", "Wang", "KIM<<SOO"),
    ],
)
def test_somebody_else(given_name: str, family_name: str, names: str) -> None:
    """One part that is another name makes another person."""
    assert band(given_name, family_name, names) == "different"


@pytest.mark.parametrize(
    ("given_name", "family_name"),
    [
        ("\u738b", "\u5c0f\u660e"),
        ("Anna", "R2D2"),
        (" - ", "Eriksson"),
        ("A" * 201, "Eriksson"),
        ("\0", "\ud800"),
    ],
)
def test_names_without_a_form_in_a_zone(given_name: str, family_name: str) -> None:
    """What cannot be transliterated is not compared, rather than found different."""
    assert band(given_name, family_name, "ERIKSSON<<ANNA") == "incomparable"


@given(
    st.text(max_size=60),
    st.text(max_size=60),
    st.sampled_from(["ERIKSSON<<ANNA", "ARKFREITH", LONG]),
)
def test_any_profile_has_a_score_or_none(given_name: str, family_name: str, names: str) -> None:
    """No text in a profile makes the comparison fail."""
    score = name_score(document(names), given_name=given_name, family_name=family_name)
    assert score is None or 0 <= score <= 100


@given(st.text("ABCDEFGHIJKLMNOPQRSTUVWXYZ", min_size=1, max_size=15))
def test_a_name_is_the_same_as_itself(name: str) -> None:
    """Letters of the zone's own alphabet match exactly, whatever they spell."""
    assert band(name, name, f"{name}<<{name}") == "same"


def test_the_forms_of_a_word() -> None:
    """Each word carries every form in which an issuer may write it."""
    assert words_of("Größe-Nuñez") == (
        frozenset({"GROESSE", "GROXXSSE", "GROSSE"}),
        frozenset({"NUNEZ", "NUNXXEZ"}),
    )
