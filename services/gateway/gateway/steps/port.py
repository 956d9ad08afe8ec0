"""What the gateway asks of a step.

One package per step under `gateway/steps/` implements `GatewayStep`; app.py puts them into the `StepBook`.
A step never changes the login itself: it says what is to happen, and the gateway does it by compare-and-set,
in one transaction with whatever the step wrote.

| when | the gateway calls | the step may answer |
|---|---|---|
| the step becomes current | `enter` | a conclusion (nothing to ask), or None: the person is asked |
| its page is shown | `page` | a template with values |
| a button was pressed | `act` | a page again, a file, or a change to be made |
| the change is made | the change | `Conclude`, `Submit`, `Restart`, `Stay`, or a page again |
| the login goes back | `ending` | what the last page says about it |
| it was answered with `Restart` | `restarted` | the page that leads to the new login |
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from http import HTTPStatus
from typing import Any, Protocol, TypeAlias, runtime_checkable

from common.db import Connection
from gateway.errors import TransitionError
from gateway.login import Login
from gateway.owner import Visit
from gateway.texts import Text
from gateway.transaction import Transaction
from gateway.transaction_step import Conclusion, Step, StepStatus


@dataclass(frozen=True, kw_only=True)
class StepPage:
    """`template` stands in pages/templates, without `.html`; `values` are escaped, whoever typed them."""

    template: str
    values: Mapping[str, Any] = field(default_factory=dict, repr=False)
    status: HTTPStatus = HTTPStatus.OK


@dataclass(frozen=True, kw_only=True)
class StepFile:
    """A file to keep; the page stays where it is."""

    name: str
    content_type: str
    content: bytes = field(repr=False)


@dataclass(frozen=True, kw_only=True)
class Conclude:
    """The step has ended so."""

    conclusion: Conclusion


@dataclass(frozen=True, kw_only=True)
class Submit:
    """The login waits for a verification of this id, which was asked for in the same transaction."""

    verification_id: str


@dataclass(frozen=True, kw_only=True)
class Restart:
    """The step has ended so, and with it the login at the tenant: the person begins a new one.

    A result that has passed is written; `at_once` where the new login knows of it from nowhere else.
    """

    conclusion: Conclusion
    at_once: bool = False


@dataclass(frozen=True, kw_only=True)
class Stay:
    """The login stays as it is; what the step wrote beside it is kept."""


@dataclass(frozen=True, kw_only=True)
class Ending:
    """What the last page says about a step that has ended: a heading, and a sentence each."""

    title: Text
    texts: tuple[Text, ...] = ()


Decision: TypeAlias = Conclude | Submit | Restart | Stay | StepPage
# Called in the transaction of the change, with the login as it is then; again if somebody else was first.
StepChange: TypeAlias = Callable[[Connection, Login], Awaitable[Decision]]


class GatewayStep(Protocol):
    """One kind of step."""

    @property
    def name(self) -> str:
        """As the session token and the tenants file write it."""

    @property
    def acts(self) -> frozenset[str]:
        """The buttons of its pages: `POST /t/{id}/{name}/{act}`."""

    @property
    def takes_over(self) -> bool:
        """Whether a passed result counts in the next login of the same browser."""

    async def enter(self, connection: Connection, login: Login, /) -> Conclusion | None:
        """The step becomes current, in the transaction of that change: nothing slow here."""

    async def page(self, connection: Connection, visit: Visit, /) -> StepPage:
        """The page of the step while it is current; changes nothing."""

    async def act(
        self, name: str, visit: Visit, form: Mapping[str, str], /
    ) -> StepPage | StepFile | StepChange:
        """A button of its page was pressed, outside of any transaction: here is time for a call.

        The login was at this step a moment ago. `form` has each field once, without the CSRF token.
        """

    def ending(self, step: Step, /) -> Ending:
        """What to tell the person about how the step ended."""


@runtime_checkable
class RestartingStep(GatewayStep, Protocol):
    """A step that may answer `Restart`."""

    async def restarted(self, connection: Connection, visit: Visit, /) -> StepPage:
        """The page of a login that it has ended, as long as that page is asked for."""


class StepBook:
    """The steps that this gateway has, by name."""

    def __init__(self, *steps: GatewayStep) -> None:
        self._steps = {step.name: step for step in steps}

    def find(self, name: str) -> GatewayStep | None:
        return self._steps.get(name)

    def of(self, name: str) -> GatewayStep:
        """The step of a login.

        Raises:
            TransitionError: a newer release has begun this login.
        """
        step = self._steps.get(name)
        if step is None:
            raise TransitionError("no such step here")
        return step

    def that_restarted(self, transaction: Transaction) -> RestartingStep:
        """The step that has ended this login.

        Raises:
            TransitionError: none has.
        """
        ended = transaction.last_ended
        step = self.find(ended.name) if ended else None
        if not isinstance(step, RestartingStep):
            raise TransitionError("nothing has restarted this login")
        return step


def declined(now: datetime) -> Conclusion:
    """The person does not want the step."""
    return Conclusion(status=StepStatus.DECLINED, at=now, reason="declined_by_person")
