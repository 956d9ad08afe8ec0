import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.messages import (
    MAX_BODY_BYTES,
    DesiredValue,
    MalformedMessageError,
    Message,
    MetadataApplied,
    Outcome,
    UnknownMessageError,
    UpdateMetadata,
    VerificationChanged,
    VerifyIdentity,
    decode,
    encode,
    envelope_of,
    exchange_of,
    new_event_id,
    routing_key_of,
)
from common.tracing import new_traceparent
from tests.contracts.examples import Example, example, examples

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4),
    max_leaves=12,
)
VERIFY = example("verify-identity.v1")
CHANGED = example("verification-changed.v1")
UPDATE = example("update-metadata.v1")


def body_with(given_example: Example, **changes: Any) -> bytes:
    return json.dumps(given_example.body | changes).encode()


def decodes_or_says_why(body: bytes) -> Message | None:
    try:
        return decode(body)
    except (MalformedMessageError, UnknownMessageError):
        return None


def test_a_message_comes_back_as_it_went() -> None:
    """Decoding what was encoded gives an equal message, the time zone and the microseconds included."""
    message = UpdateMetadata(
        event_id=new_event_id(),
        tenant="acme",
        transaction_id="tx_1",
        occurred_at=datetime(2026, 11, 22, 12, 0, 0, 123456, tzinfo=UTC),
        traceparent=new_traceparent(),
        user_id="auth0|änna",
        waiting=False,
        deadline=datetime(2026, 11, 22, 12, 0, 10, tzinfo=UTC),
        keys={"waystation_idproof": DesiredValue(rev=2**40, value={"a": [1, None, "ü"]})},
    )
    assert decode(encode(message)) == message


def test_routing() -> None:
    """Commands and events have an exchange each; routing keys are the type in kebab case and the version."""
    assert [(exchange_of(e.message()), routing_key_of(e.message())) for e in examples()] == [
        ("waystation.commands", "forget-user.v1"),
        *[("waystation.events", "metadata-applied.v1")] * 2,
        *[("waystation.events", "metadata-rejected.v1")] * 2,
        *[("waystation.commands", "update-metadata.v1")] * 2,
        ("waystation.events", "user-forgotten.v1"),
        ("waystation.events", "verification-changed.v1"),
        *[("waystation.commands", "verify-identity.v1")] * 2,
    ]


def test_an_answer_stays_in_its_login_and_trace() -> None:
    """An envelope made from a message keeps its tenant, transaction and trace, and has an id of its own."""
    cause = VERIFY.message()
    now = datetime(2026, 11, 22, 13, 0, tzinfo=UTC)
    fields = envelope_of(cause, occurred_at=now)
    event_id = fields.pop("event_id")
    assert fields == {
        "tenant": "acme",
        "transaction_id": "tx_9Qm4cVb2Yw7LrT1xKp0ZsA",
        "occurred_at": now,
        "traceparent": "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
    }
    assert event_id != cause.event_id


def test_sealed_input_is_not_shown() -> None:
    """The printed form of a message lacks its sealed part."""
    message = VERIFY.message(sealed="canary-7f3a")
    assert isinstance(message, VerifyIdentity)
    assert message.sealed == "canary-7f3a"
    assert "canary-7f3a" not in repr(message)


def test_unknown_fields_are_ignored_at_every_level() -> None:
    """A newer release may add fields, also inside others."""
    policy = {"allow_document_validated": True, "minimum_age": 18, "added": 1}
    assert VERIFY.message(policy=policy) == VERIFY.message()


@pytest.mark.parametrize("change", [{"v": 2}, {"v": 0}, {"type": "CancelVerification"}, {"type": ""}])
def test_unknown_types_and_versions(change: dict[str, Any]) -> None:
    """What only a newer release knows is unknown, not malformed."""
    with pytest.raises(UnknownMessageError, match=r"^unknown type or version$"):
        decode(body_with(VERIFY, **change))


@pytest.mark.parametrize(
    "change", [{"v": True}, {"v": "1"}, {"v": 1.0}, {"v": None}, {"type": 1}, {"type": []}]
)
def test_no_type_or_version(change: dict[str, Any]) -> None:
    """A type that is no text or a version that is no whole number makes a body malformed."""
    with pytest.raises(MalformedMessageError, match=r"^no type and version$"):
        decode(body_with(VERIFY, **change))


@pytest.mark.parametrize(
    ("given_example", "change", "places"),
    [
        (UPDATE, {"waiting": "yes"}, "waiting"),
        (UPDATE, {"waiting": 1}, "waiting"),
        (UPDATE, {"keys": {}}, "neither keys nor sealed"),
        (UPDATE, {"sealed": ""}, "sealed"),
        (VERIFY, {"sealed": ""}, "sealed"),
        (UPDATE, {"keys": {f"k{n}": {"rev": 1, "value": None} for n in range(21)}}, "keys"),
        (UPDATE, {"keys": {"k": {"rev": "1", "value": None}}}, "keys.k.rev"),
        (UPDATE, {"keys": {"k": {"rev": 0, "value": None}}}, "keys.k.rev"),
        (UPDATE, {"keys": {"k": {"rev": 1.0, "value": None}}}, "keys.k.rev"),
        (UPDATE, {"keys": {"k": {"rev": 1}}}, "keys.k.value"),
        (UPDATE, {"keys": {"k": {"rev": 1, "value": []}}}, "keys.k.value"),
        (UPDATE, {"deadline": "2026-11-22T12:00:00"}, "deadline"),
        (UPDATE, {"deadline": 1795348800}, "deadline"),
        (UPDATE, {"deadline": "tomorrow"}, "deadline"),
        (VERIFY, {"policy": {"allow_document_validated": "false"}}, "policy.allow_document_validated"),
        (
            VERIFY,
            {"policy": {"allow_document_validated": True, "minimum_age": "18"}},
            "policy.minimum_age",
        ),
        (VERIFY, {"policy": None}, "policy"),
        (VERIFY, {"user_id": ""}, "user_id"),
        (VERIFY, {"user_id": "x" * 256}, "user_id"),
        (VERIFY, {"user_id": "a\x00b"}, "user_id"),
        (VERIFY, {"user_id": "a\nb"}, "user_id"),
        (VERIFY, {"tenant": None, "event_id": 5}, "event_id, tenant"),
        (CHANGED, {"outcome": "maybe"}, "outcome"),
        (CHANGED, {"revision": -1}, "revision"),
    ],
)
def test_wrong_fields_are_named_without_their_values(
    given_example: Example, change: dict[str, Any], places: str
) -> None:
    """Nothing is converted to fit: what is wrong is malformed, and the error names its place alone."""
    with pytest.raises(MalformedMessageError) as caught:
        decode(body_with(given_example, **change))
    assert str(caught.value) == f"wrong fields: {places}"


def test_missing_fields() -> None:
    """Each field that the first release of a version has is required for good."""
    for one in examples():
        # Those that came later have a value of their own where they are missing; `rev` is later in one only.
        later = {"type", "v", "sealed", "personal", "settle_at"} | ({"rev"} if "+rev" in one.name else set())
        for name in one.body.keys() - later:
            body = {key: value for key, value in one.body.items() if key != name}
            with pytest.raises(MalformedMessageError, match=rf"^wrong fields: {name}$"):
                decode(json.dumps(body).encode())


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"\xff\xfe{}",
        b'{"type": "\xff"}',
        b'{"type": "\\ud800"}',
        b'{"a": ' + b"[" * 60_000,
        b'{"a": NaN}',
        b'{"a": Infinity}',
        b'{"type": "UpdateMetadata", "v": 1, "a": ' + b"9" * 5000 + b"}",
    ],
)
def test_what_is_not_json(body: bytes) -> None:
    """Bytes that are no JSON text of RFC 8259 are malformed."""
    with pytest.raises(MalformedMessageError, match=r"^not JSON$"):
        decode(body)


@pytest.mark.parametrize("body", [b"[]", b"1", b"null", b'"x"', b"true"])
def test_what_is_no_object(body: bytes) -> None:
    """A body is an object."""
    with pytest.raises(MalformedMessageError, match=r"^not a JSON object$"):
        decode(body)


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e999"])
def test_numbers_that_json_lacks(number: str) -> None:
    """A value that could not be sent on as JSON never enters, however deep it stands."""
    text = UPDATE.json.replace(b'"passed"', number.encode())
    with pytest.raises(MalformedMessageError):
        decode(text)


def test_a_body_of_a_megabyte() -> None:
    """A body over the limit is refused unread; one at the limit is not."""
    with pytest.raises(MalformedMessageError, match=r"^body too large$"):
        decode(body_with(VERIFY, sealed="x" * 2**20))
    room = MAX_BODY_BYTES - len(body_with(VERIFY, sealed=""))
    assert isinstance(decode(body_with(VERIFY, sealed="x" * room)), VerifyIdentity)


def test_long_complaints_are_cut() -> None:
    """The text of an error stays short, whatever the body holds."""
    keys = {"k" * 90 + str(n): None for n in range(20)}
    with pytest.raises(MalformedMessageError) as caught:
        decode(body_with(UPDATE, keys=keys))
    assert len(str(caught.value)) <= 200


@given(st.binary(max_size=200))
def test_any_bytes(body: bytes) -> None:
    """No bytes make decoding fail in any other way than by its two errors."""
    decodes_or_says_why(body)


@given(st.sampled_from(examples()), st.data())
def test_any_value_in_any_field(given_example: Example, data: st.DataObject) -> None:
    """Whatever stands in a field, a body is decoded to what can be encoded again, or refused by name."""
    name = data.draw(st.sampled_from(sorted(given_example.body)))
    body = json.dumps(given_example.body | {name: data.draw(JSON)}).encode()
    message = decodes_or_says_why(body)
    assert message is None or decode(encode(message)) == message


@given(st.sampled_from(examples()), st.data())
def test_any_flipped_byte(given_example: Example, data: st.DataObject) -> None:
    """A damaged body is decoded or refused by name."""
    body = bytearray(given_example.json)
    body[data.draw(st.integers(0, len(body) - 1))] ^= data.draw(st.integers(1, 255))
    decodes_or_says_why(bytes(body))


def test_outcomes_are_plain_words() -> None:
    """An outcome is the word that travels."""
    message = CHANGED.message(outcome="review")
    assert isinstance(message, VerificationChanged)
    assert message.outcome is Outcome.REVIEW
    assert json.loads(encode(message))["outcome"] == "review"


def test_new_ids_are_new() -> None:
    """Event ids and traces do not repeat, and a trace reads as W3C Trace Context demands."""
    assert new_event_id() != new_event_id()
    first, second = new_traceparent(), new_traceparent()
    assert first != second
    assert [len(part) for part in first.split("-")] == [2, 32, 16, 2]


def test_revisions_of_an_applied_update() -> None:
    """`MetadataApplied` lists revisions as whole numbers by key."""
    message = example("metadata-applied.v1").message()
    assert isinstance(message, MetadataApplied)
    assert message.keys == {"waystation_idproof": 7, "waystation_terms": 3}
