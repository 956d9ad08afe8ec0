"""How a tenant's tokens are signed: by which algorithms, and with which keys, in either direction.

A key has one algorithm (RFC 8725, 3.1): `secret_files` are for HS256 and the RSA keys for RS256, whatever
`alg` says, so there is nothing for a token to confuse.
"""

from collections.abc import Iterable
from typing import Annotated, Literal, Self, TypeAlias
from urllib.parse import urlsplit

from pydantic import Field, PlainValidator, model_validator
from pydantic_core import PydanticCustomError

from common.tenant_fields import Identifier, Section, WebUrl
from common.tenant_rules_contract import RulesContract
from common.tenant_secrets import PrivateKey, PublicKey, SigningSecret

Algorithm: TypeAlias = Literal["HS256", "RS256"]
_ALGORITHMS: frozenset[Algorithm] = frozenset({"HS256", "RS256"})
_FROM_LIST = Field(strict=False)


def _algorithms(value: object) -> frozenset[str]:
    names = value if isinstance(value, list) else [value]
    chosen = frozenset(name for name in names if isinstance(name, str))
    if not chosen or len(chosen) < len(names) or not chosen <= _ALGORITHMS:
        raise PydanticCustomError("algorithms", "must be HS256, RS256 or a list of both")
    return chosen


class SessionTokenRules(Section):
    """How the Action's token is verified: any of the keys will do. With `rules`, it is a Rule's token."""

    algorithms: Annotated[frozenset[Algorithm], PlainValidator(_algorithms)] = Field(alias="alg")
    secrets: Annotated[tuple[SigningSecret, ...], _FROM_LIST] = Field(default=(), alias="secret_files")
    public_keys: Annotated[tuple[PublicKey, ...], _FROM_LIST] = Field(default=(), alias="public_key_files")
    jwks_url: WebUrl | None = None
    audience: Identifier
    rules: RulesContract | None = None

    @model_validator(mode="after")
    def _keys_for_each_algorithm(self) -> Self:
        if "HS256" in self.algorithms and not self.secrets:
            raise PydanticCustomError("no_key", "HS256 needs secret_files")
        if "RS256" in self.algorithms and not self.public_keys and not self.jwks_url:
            raise PydanticCustomError("no_key", "RS256 needs public_key_files or jwks_url")
        return self

    def asks_one_of(self, hosts: Iterable[str]) -> bool:
        """Whether `jwks_url` is at one of these hosts, with or without its port."""
        address = urlsplit(self.jwks_url or "")
        return not {address.netloc, address.hostname}.isdisjoint(hosts)


class AnswerTokenRules(Section):
    """How our answer is signed: with the first key of its algorithm. Every one of `keys` is published."""

    alg: Algorithm
    secrets: Annotated[tuple[SigningSecret, ...], _FROM_LIST] = Field(default=(), alias="secret_files")
    keys: Annotated[tuple[PrivateKey, ...], _FROM_LIST] = Field(default=(), alias="key_files")
    issuer: Identifier
    audience: Identifier

    @model_validator(mode="after")
    def _a_key_to_sign_with(self) -> Self:
        if self.alg == "HS256" and not self.secrets:
            raise PydanticCustomError("no_key", "HS256 needs secret_files")
        if self.alg == "RS256" and not self.keys:
            raise PydanticCustomError("no_key", "RS256 needs key_files")
        return self


def one_key_twice(session: SessionTokenRules, answer: AnswerTokenRules) -> bool:
    """Whether one key would serve both directions (RFC 8725, 3.12)."""
    ours = {secret.reveal().public.id for secret in answer.keys if secret.is_loaded}
    theirs = {secret.reveal().id for secret in session.public_keys if secret.is_loaded}
    shared = {secret for secret in {*session.secrets} & {*answer.secrets} if secret.is_loaded}
    return bool(shared) or bool(ours & theirs)
