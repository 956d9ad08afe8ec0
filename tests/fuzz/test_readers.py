"""Whatever bytes come, each reader of foreign bytes answers as it promises."""

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from tests.fuzz.corpus import FOLDER, read_corpus
from tests.fuzz.targets import TARGETS

quick = settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow])


def mutations(name: str) -> st.SearchStrategy[bytes]:
    """Good inputs with a piece exchanged for another, as a fuzzer makes them without looking."""
    words = st.sampled_from([word.encode() for word in TARGETS[name].words]) | st.binary(max_size=12)

    @st.composite
    def mutated(draw: st.DrawFn) -> bytes:
        data = draw(st.sampled_from(TARGETS[name].seeds()))
        for _ in range(draw(st.integers(1, 3))):
            begin = draw(st.integers(0, len(data)))
            end = draw(st.integers(begin, min(len(data), begin + 12)))
            data = data[:begin] + draw(words) + data[end:]
        return data

    return mutated()


@pytest.mark.parametrize("name", TARGETS)
def test_what_fuzzing_has_found(name: str) -> None:
    """Every input of the corpus, which reaches all that was ever reached, and every good one."""
    corpus = read_corpus(name)
    assert corpus
    for data in (*corpus, *TARGETS[name].seeds()):
        TARGETS[name].run(data)


def test_every_corpus_has_a_target() -> None:
    """What is kept is run."""
    assert {path.stem for path in FOLDER.iterdir()} == set(TARGETS)


@quick
@given(st.binary(max_size=300) | mutations("form"))
@example(b"application/x-www-form-urlencoded\n" + b"&" * 20)
def test_forms(data: bytes) -> None:
    """A form is its fields, or a page that says what is wrong."""
    TARGETS["form"].run(data)


@quick
@given(st.binary(max_size=300) | mutations("token"))
@example(b'{"alg":"HS256","typ":"JWT"}\n' + b"[" * 2_000)
def test_tokens(data: bytes) -> None:
    """A session token is one that fits its tenant, or is refused with the one sentence."""
    TARGETS["token"].run(data)


@quick
@given(st.binary(max_size=300) | mutations("mrz"))
def test_zones(data: bytes) -> None:
    """A zone is a document, or a list of what is wrong with it."""
    TARGETS["mrz"].run(data)


@quick
@given(st.binary(max_size=300) | mutations("message"))
@example(b'{"type": ' * 500)
def test_messages(data: bytes) -> None:
    """A message can be sent on as it came, or is a named error."""
    TARGETS["message"].run(data)
