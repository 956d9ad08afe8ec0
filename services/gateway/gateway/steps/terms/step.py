"""Terms and consents in the browser: accept what is mandatory, choose the rest, look at it again later.

In a login that asked for this step (`requested`) the person sees what they have accepted, may take any of it
back, and gets their receipts.
"""

import json
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import replace
from http import HTTPStatus

from common import audit
from common.audit import Audited, Entry
from common.clock import Clock
from common.db import Connection, Database
from common.tenant_terms import TermsStep as Rules
from common.tenants_watcher import TenantsWatcher
from gateway import results_store
from gateway.errors import BadRequestError, NotFoundError
from gateway.login import Login
from gateway.owner import Visit
from gateway.steps.port import Conclude, Decision, Ending, StepChange, StepFile, StepPage, declined
from gateway.steps.terms import rules, store
from gateway.steps.terms.forms import documents_form
from gateway.steps.terms.receipt import receipt_of
from gateway.steps.terms.rules import Answer, Consent, Said, Word
from gateway.texts import Text, text
from gateway.trail import entry
from gateway.transaction_step import Conclusion, Step

_SAID = {
    Word.ACCEPTED: Audited.CONSENT_GIVEN,
    Word.DECLINED: Audited.CONSENT_DECLINED,
    Word.WITHDRAWN: Audited.CONSENT_WITHDRAWN,
}


class TermsStep:
    """One page with every document; its form names the texts that it showed."""

    name = rules.NAME
    acts = frozenset({"submit", "decline", "receipt", "record"})
    takes_over = True

    def __init__(self, *, database: Database, tenants: TenantsWatcher, clock: Clock) -> None:
        self._database = database
        self._tenants = tenants
        self._clock = clock

    async def enter(self, connection: Connection, login: Login) -> Conclusion | None:
        """Keep the texts that this login shows: the file may have others by tomorrow."""
        tenant = login.transaction.tenant
        newest = self._tenants.current.get(tenant)
        contents = _contents(newest.steps.terms) if newest and newest.steps.terms else {}
        unknown = await store.unknown_digests(connection, tenant=tenant, digests=contents)
        if unknown:
            await store.keep_texts(
                connection, tenant=tenant, contents={digest: contents[digest] for digest in unknown}
            )
        return None

    async def page(self, connection: Connection, visit: Visit) -> StepPage:
        return await self._form(connection, visit)

    async def act(self, name: str, visit: Visit, form: Mapping[str, str]) -> StepPage | StepFile | StepChange:
        match name:
            case "submit":
                return await self._submit(visit, form)
            case "decline":
                return self._decline
            case "receipt":
                return await self._file(visit, form, record=False)
            case _:
                return await self._file(visit, form, record=True)

    def ending(self, step: Step) -> Ending:
        match step.conclusion.reason if step.conclusion else None:
            case "withdrawn":
                return Ending(title=text("terms.ending.withdrawn"), texts=(text("terms.reason.withdrawn"),))
            case "declined_by_person":
                title, reason = text("terms.ending.declined"), text("terms.reason.declined_by_person")
                return Ending(title=title, texts=(reason,))
            case _:
                return Ending(title=text("terms.ending.abandoned"))

    async def _decline(self, _connection: Connection, _login: Login) -> Decision:
        return Conclude(conclusion=declined(self._clock.now()))

    async def _submit(self, visit: Visit, form: Mapping[str, str]) -> StepPage | StepChange:
        if not rules.fits(form, rules.rules_of(visit.login.settings)):
            async with self._database.transaction(tenant=visit.login.transaction.tenant) as connection:
                return await self._form(
                    connection, visit, status=HTTPStatus.CONFLICT, problems=(text("terms.other_version"),)
                )

        async def change(connection: Connection, login: Login) -> Decision:
            return await self._answered(connection, login, visit, form)

        return change

    async def _answered(
        self, connection: Connection, login: Login, visit: Visit, form: Mapping[str, str]
    ) -> Decision:
        terms, now = rules.rules_of(login.settings), self._clock.now()
        requested = login.transaction.require_at(self.name).requested
        history = await store.history(connection, login)
        offers = rules.with_languages(rules.offers_of(terms, history, language=visit.language, now=now), form)
        answer = rules.answer_of(form, offers, requested=requested)
        missing = rules.missing(answer, offers)
        if missing and not requested:
            problems = tuple(
                (f"accept-{offer.document.id}", text("terms.missing", title=offer.text.title))
                for offer in offers
                if offer.document.id in missing
            )
            return await self._form(
                connection, visit, form=form, status=HTTPStatus.UNPROCESSABLE_ENTITY, problems=problems
            )
        reference = await self._keep(connection, login, answer, history)
        takes_back = await self._answered_before(connection, login) if requested else None
        if missing:
            conclusion = rules.withdrawn(answer, offers, now=now, reference=reference, takes_back=takes_back)
        else:
            conclusion = rules.conclusion_of(
                answer, offers, terms, now=now, reference=reference, takes_back=takes_back
            )
        return Conclude(conclusion=conclusion)

    async def _answered_before(self, connection: Connection, login: Login) -> str | None:
        transaction = login.transaction
        return await results_store.last_answer(
            connection, tenant=transaction.tenant, subject=transaction.subject, step=self.name
        )

    async def _keep(
        self, connection: Connection, login: Login, answer: Answer, history: Sequence[Said]
    ) -> str | None:
        """Keep what is new with its receipt; returns the receipt that tells of the newest."""
        if not answer.words:
            return history[0].receipt if history else None
        now = self._clock.now()
        receipt = receipt_of(
            login, answer.words, rules.rules_of(login.settings), identifier=uuid.uuid4().hex, now=now
        )
        await store.insert_receipt(connection, login, receipt, at=now)
        await store.insert_consents(connection, login, answer.words, receipt=receipt.id)
        await audit.append(connection, *(_audited(login, one) for one in answer.words))
        return receipt.id

    async def _file(self, visit: Visit, form: Mapping[str, str], *, record: bool) -> StepFile:
        identifier = form.get("id", "")
        if not identifier or form.keys() != {"id"}:
            raise BadRequestError("terms_field")
        async with self._database.transaction(tenant=visit.login.transaction.tenant) as connection:
            found = await store.receipt(
                connection, visit.login, identifier=identifier, form="record" if record else "receipt"
            )
        if found is None:
            raise NotFoundError("unknown_receipt")
        return StepFile(
            name=f"consent-{'record' if record else 'receipt'}-{identifier}.json",
            content_type="application/json",
            content=json.dumps(found, indent=2, ensure_ascii=False).encode(),
        )

    async def _form(
        self,
        connection: Connection,
        visit: Visit,
        *,
        form: Mapping[str, str] | None = None,
        status: HTTPStatus = HTTPStatus.OK,
        problems: tuple[Text | tuple[str, Text], ...] = (),
    ) -> StepPage:
        login = visit.login
        history = await store.history(connection, login)
        offers = rules.offers_of(
            rules.rules_of(login.settings), history, language=visit.language, now=self._clock.now()
        )
        contents = await store.texts(
            connection,
            tenant=login.transaction.tenant,
            digests=[offer.text.digest for offer in offers if offer.text.link is None],
        )
        page = documents_form(
            login, offers=offers, contents=contents, history=history, form=form, problems=problems
        )
        return replace(page, status=status)


def _audited(login: Login, consent: Consent) -> Entry:
    return entry(login, _SAID[consent.word], about=consent.document, reasons=(f"version:{consent.version}",))


def _contents(terms: Rules) -> dict[str, str]:
    """Every text of the step, by its digest."""
    every = (shown for document in terms.documents for shown in document.languages.values())
    return {shown.digest: shown.text for shown in every if shown.text is not None}
