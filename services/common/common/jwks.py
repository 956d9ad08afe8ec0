"""JWK Sets (RFC 7517, 5): the one that we publish, and those that tenants do."""

from collections.abc import Iterator, Mapping

from common.errors import WaystationError
from common.rsa_keys import RsaKeyError, VerifyingKey, read_jwk
from common.tenants import Tenants
from common.tokens_claims import ClaimError, read_object

MAX_KEYS = 50


class KeySetError(WaystationError):
    """What was fetched is no set of keys that we could choose from."""


def key_set_of(tenants: Tenants) -> Mapping[str, object]:
    """Every key that an answer may be signed with, now or next, each once; nothing says whose it is."""
    keys = {key.id: key.to_jwk() for key in _published(tenants)}
    return {"keys": [keys[name] for name in sorted(keys)]}


def _published(tenants: Tenants) -> Iterator[VerifyingKey]:
    for tenant in tenants:
        for key in tenant.answer_token.keys:
            yield key.reveal().public


def read_key_set(body: bytes) -> Mapping[str, VerifyingKey]:
    """The set's keys for RS256 signatures, by key id; others are passed over, as RFC 7517 wants it.

    Raises:
        KeySetError: no JSON object with a list of at most MAX_KEYS keys, or two good ones of one name.
    """
    try:
        listed = read_object(body).get("keys")
    except ClaimError as exc:
        raise KeySetError("not JSON") from exc
    if not isinstance(listed, list) or len(listed) > MAX_KEYS:
        raise KeySetError("not a set of keys")
    good = list(_readable(listed))
    keys = {key.id: key for key in good}
    if len(keys) < len(good):
        raise KeySetError("two keys of one name")
    return keys


def _readable(listed: list[object]) -> Iterator[VerifyingKey]:
    for jwk in listed:
        try:
            yield read_jwk(jwk if isinstance(jwk, dict) else {})
        except RsaKeyError:
            continue
