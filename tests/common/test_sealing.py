import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.sealing import Sealer, SealError, additional_data, key_id

OLD, NEW, FOREIGN = b"o" * 32, b"n" * 32, b"f" * 32
BOUND = ("acme", "tx_1", "event_1")
ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"


@given(st.binary(max_size=300), st.tuples(st.text(), st.text(), st.text()))
def test_it_opens_where_it_is_bound(plaintext: bytes, bound_to: tuple[str, ...]) -> None:
    """What was sealed for a place opens there, whatever it is and wherever that is."""
    sealer = Sealer((NEW,))
    assert sealer.open(sealer.seal(plaintext, bound_to=bound_to), bound_to=bound_to) == plaintext


@pytest.mark.parametrize(
    "elsewhere",
    [
        ("globex", "tx_1", "event_1"),
        ("acme", "tx_2", "event_1"),
        ("acme", "tx_1", "event_2"),
        ("acme", "tx_1"),
        ("acme|tx_1", "event_1"),
        ("acme", "tx_1", "event_1", ""),
        (),
    ],
)
def test_it_opens_nowhere_else(elsewhere: tuple[str, ...]) -> None:
    """Copied to another tenant, transaction or message, a sealed text does not open."""
    sealer = Sealer((NEW,))
    with pytest.raises(SealError, match=r"^does not open$"):
        sealer.open(sealer.seal(b"x", bound_to=BOUND), bound_to=elsewhere)


def test_rotation() -> None:
    """After a rotation the new key seals, both open, and without the old key its texts are lost."""
    sealed_before = Sealer((OLD,)).seal(b"before", bound_to=BOUND)
    both = Sealer((NEW, OLD))
    sealed_after = both.seal(b"after", bound_to=BOUND)
    assert both.open(sealed_before, bound_to=BOUND) == b"before"
    assert Sealer((NEW,)).open(sealed_after, bound_to=BOUND) == b"after"
    with pytest.raises(SealError, match=r"^unknown version or key$"):
        Sealer((NEW,)).open(sealed_before, bound_to=BOUND)


def test_a_key_that_only_claims_its_name() -> None:
    """A text that names our key but was sealed with another does not open."""
    forged = Sealer((FOREIGN,)).seal(b"x", bound_to=BOUND).split(".")
    forged[1] = Sealer((NEW,)).seal(b"x", bound_to=BOUND).split(".")[1]
    with pytest.raises(SealError, match=r"^does not open$"):
        Sealer((NEW,)).open(".".join(forged), bound_to=BOUND)


@given(st.binary(min_size=1, max_size=40), st.data())
def test_any_changed_character(plaintext: bytes, data: st.DataObject) -> None:
    """Every single character of a sealed text counts, the spare bits of the last one included."""
    sealer = Sealer((NEW,))
    sealed = sealer.seal(plaintext, bound_to=BOUND)
    place = data.draw(st.integers(0, len(sealed) - 1))
    other = data.draw(st.sampled_from(ALPHABET + "+/=. \n\x00é").filter(lambda sign: sign != sealed[place]))
    with pytest.raises(SealError):
        sealer.open(sealed[:place] + other + sealed[place + 1 :], bound_to=BOUND)


@given(st.text(max_size=80))
def test_any_text(text: str) -> None:
    """No text makes opening fail in any other way than by its error, not even behind a right header."""
    sealer = Sealer((NEW,))
    header = sealer.seal(b"", bound_to=BOUND).rpartition(".")[0]
    for sealed in (text, f"{header}.{text}"):
        with pytest.raises(SealError):
            sealer.open(sealed, bound_to=BOUND)


def test_equal_inputs_differ() -> None:
    """Sealing twice gives two texts: nobody learns that two people typed the same."""
    sealer = Sealer((NEW,))
    assert sealer.seal(b"x", bound_to=BOUND) != sealer.seal(b"x", bound_to=BOUND)


def test_the_form_of_a_sealed_text() -> None:
    """A sealed text is `v1.<key id>.<payload>` in base64url without padding: 12 bytes of nonce, 16 of tag."""
    version, identifier, payload = Sealer((NEW,)).seal(b"abc", bound_to=BOUND).split(".")
    assert version == "v1"
    assert base64.urlsafe_b64decode(identifier + "=") == key_id(NEW)
    assert len(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4))) == 12 + 3 + 16


@given(
    st.lists(st.text(alphabet="a|\\", max_size=4), max_size=4),
    st.lists(st.text(alphabet="a|\\", max_size=4), max_size=4),
)
def test_two_places_never_meet(one: list[str], other: list[str]) -> None:
    """Different tuples make different additional data, bars and backslashes in their parts or not."""
    if one and other and one != other:
        assert additional_data(tuple(one)) != additional_data(tuple(other))
