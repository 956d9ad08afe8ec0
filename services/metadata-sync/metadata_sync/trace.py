"""What metadata-sync tells `waystation trace` of a login: what of its results is written, and what not."""

from collections.abc import Iterator

from common.db import Connection
from common.trace import DATABASE, Moment, Person, Sought, Told, audited, unsent
from metadata_sync import store
from metadata_sync.kinds import kind_and_name
from metadata_sync.known import rev_of
from metadata_sync.state import UserState

_SERVICE = "metadata-sync"


async def moments_of(connection: Connection, sought: Sought) -> Told:
    """The state of its person, as far as this login has asked for it; its audit trail, its messages."""
    moments = await audited(connection, sought, service=_SERVICE)
    gaps = await unsent(connection, sought, service=_SERVICE)
    person = sought.person
    if person is not None:
        # Without a lock: whoever writes for this person now is not kept waiting.
        row = await connection.fetchrow(
            """
            SELECT tenant, user_id, state, lease, wake_at, ws_now() AS now FROM users
            WHERE tenant = $1 AND user_id = $2
            """,
            person.tenant,
            person.user_id,
        )
        if row is not None:
            state = store.user_from(row).state
            moments += _moments(state, person)
            gaps += _gaps(state, person)
    return Told(moments=moments, gaps=gaps)


def _moments(state: UserState, person: Person) -> Iterator[Moment]:
    for key, known in sorted(state.confirmed.items()):
        if known.rev in person.revs:
            text = f"rev {known.rev} is at the tenant"
            yield Moment(
                at=known.at,
                service=_SERVICE,
                source=DATABASE,
                event="key.written",
                about=_name(key),
                text=text,
            )
    for key, refused in sorted(state.standing.items()):
        if refused.rev in person.revs:
            text = f"rev {refused.rev} was refused: {refused.reason}"
            yield Moment(
                at=refused.at,
                service=_SERVICE,
                source=DATABASE,
                event="key.parked",
                about=_name(key),
                text=text,
            )


def _gaps(state: UserState, person: Person) -> Iterator[str]:
    for key, wish in sorted(state.desired.items()):
        if wish.rev not in person.revs:
            continue
        if key in state.standing:
            yield f"the tenant does not take {_name(key)} at rev {wish.rev}: waystation parked"
        elif rev_of(state.confirmed, key) < wish.rev:
            yield f"{_name(key)} at rev {wish.rev} is not written yet ({state.failures} failures)"


def _name(key: str) -> str:
    """A key of the state, as the tenant has it."""
    return kind_and_name(key)[1]
