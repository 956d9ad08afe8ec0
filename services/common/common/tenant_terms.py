"""The step `terms` of a tenants file: documents, who answers for them, and for what consent is asked.

The text of a document does not stay with a login: its digest does, and the gateway keeps the text by it.
"""

import hashlib
from collections.abc import Mapping
from typing import Annotated, Any, Self, TypeAlias

from pydantic import BeforeValidator, Field, ValidationInfo, model_validator
from pydantic_core import PydanticCustomError

from common.tenant_branding import LanguageTag
from common.tenant_fields import Duration, Label, Section, Sentence, StepRules, WebUrl, lasting, matching

_LONGEST_DETAILS = 400  # bytes of JSON that a result may say about itself, in the answer token and the claim
DECLINED = "declined "

_FROM_LIST = Field(strict=False)
Version: TypeAlias = Annotated[
    str, matching(r"[A-Za-z0-9][A-Za-z0-9._-]{0,19}", "must be 1 to 20 letters, digits, dots or dashes")
]
DocumentId: TypeAlias = Annotated[
    str, matching(r"[a-z][a-z0-9_]{0,39}", "must begin with a letter and have only a-z, 0-9 and _")
]


class Controller(Section):
    """Who is responsible for the data: what a consent receipt must say (Kantara 1.1, 4.4)."""

    name: Label
    contact: Label
    address: Sentence
    email: Label
    phone: Label
    url: WebUrl | None = None


def _one_for_all(value: object) -> object:
    return {"en": value} if isinstance(value, str) else value


class Purpose(Section):
    """What somebody consents to, in one language for all or in several; kinds of it, and who else gets it."""

    purpose: Annotated[Mapping[LanguageTag, Sentence], BeforeValidator(_one_for_all), Field(min_length=1)]
    categories: Annotated[tuple[Label, ...], _FROM_LIST] = ()
    data: Annotated[tuple[Label, ...], _FROM_LIST] = ()
    primary: bool = True
    ends: Sentence = "when the consent is withdrawn"
    third_party: Label | None = None

    def said(self, language: str) -> str:
        """The purpose in this language, or in the one that the file has first."""
        return self.purpose.get(language) or next(iter(self.purpose.values()))


class Change(Section):
    """What came with a version, in one or two sentences."""

    version: Version
    text: Sentence


class DocumentText(Section):
    """A document in one language: its own text, or a link to it. `changes` are in the order of versions."""

    title: Label
    text: Annotated[str | None, Field(max_length=60_000, exclude=True, repr=False)] = None
    link: WebUrl | None = None
    digest: str = ""
    changes: Annotated[tuple[Change, ...], _FROM_LIST] = ()

    @model_validator(mode="before")
    @classmethod
    def _digested(cls, data: Any, info: ValidationInfo) -> Any:
        """The digest comes from what is digested; only a login's own copy has it without."""
        if not isinstance(data, Mapping):
            return data
        if "digest" in data:
            if info.context is not None:
                raise PydanticCustomError("document_digest", "has no digest of its own")
            return data
        content = data.get("text") or data.get("link")
        if not isinstance(content, str):
            return data
        return {**data, "digest": hashlib.sha256(content.encode("utf-8", "surrogatepass")).hexdigest()}

    @model_validator(mode="after")
    def _text_or_link(self, info: ValidationInfo) -> Self:
        if info.context is not None and (self.text is None) == (self.link is None):
            raise PydanticCustomError("document_text", "needs either text or link")
        if not self.digest or (self.text is not None and not self.text.strip()):
            raise PydanticCustomError("document_text", "needs either text or link")
        return self


class Document(Section):
    """One document of which a version is accepted; without `mandatory` nobody has to."""

    id: DocumentId
    version: Version
    mandatory: bool = True
    purposes: Annotated[tuple[Purpose, ...], _FROM_LIST] = ()
    languages: Annotated[Mapping[LanguageTag, DocumentText], Field(min_length=1)]

    def text_for(self, language: str) -> tuple[str, DocumentText]:
        """The tag and the text in this language, or in the one that the file has first."""
        for tag in (language, language.partition("-")[0]):
            if tag in self.languages:
                return tag, self.languages[tag]
        return next(iter(self.languages.items()))


class TermsStep(StepRules):
    """Terms and consents. Whatever is to be asked again needs a higher `revision`."""

    valid_for: Annotated[Duration, lasting("1m")] | None = None
    jurisdiction: Label
    policy_url: WebUrl
    controller: Controller
    documents: Annotated[tuple[Document, ...], _FROM_LIST, Field(min_length=1, max_length=10)]

    @model_validator(mode="after")
    def _documents_fit(self) -> Self:
        if len({document.id for document in self.documents}) < len(self.documents):
            raise PydanticCustomError("document_twice", "has two documents of one id")
        longest = sum(len(each.id) + len(each.version) + len(DECLINED) + 6 for each in self.documents)
        if longest > _LONGEST_DETAILS:
            raise PydanticCustomError(
                "documents_long", "ids and versions of all documents together must be shorter: 400 bytes"
            )
        return self

    def document(self, identifier: str) -> Document | None:
        return next((document for document in self.documents if document.id == identifier), None)
