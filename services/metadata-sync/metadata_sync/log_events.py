"""Every event that metadata-sync writes; docs/log-events.md is made from it."""

from common.log_catalogue import KEY_COUNT, KEYS, REASON, REV, SECONDS, WAITING
from common.log_contract import About, Event
from common.log_events import COMMON_EVENTS
from metadata_sync.limiter import PauseReason

_WRITES = (
    Event(
        "update.accepted",
        "info",
        (WAITING, KEYS),
        "An update is part of the desired state now.",
        about=About.LOGIN,
    ),
    Event(
        "update.dropped",
        "info",
        (),
        "It was asked for before its person was erased; nothing was taken.",
        about=About.LOGIN,
    ),
    Event(
        "user.erased",
        "info",
        (REV, KEY_COUNT),
        "A person was erased here; so many keys go at the tenant.",
        about=About.LOGIN,
    ),
    Event(
        "user.forgotten",
        "info",
        (REV,),
        "The tenant holds nothing of ours about an erased person.",
        about=About.LOGIN,
    ),
    Event(
        "metadata.applied",
        "info",
        (KEYS,),
        "The tenant holds these keys at these revs or later.",
        about=About.LOGIN,
    ),
    Event(
        "metadata.rejected",
        "warning",
        (REASON, KEYS),
        "The tenant will never take these keys.",
        do="`waystation parked list`; remove the `reason` at the tenant, then `waystation parked redrive`.",
        about=About.LOGIN,
    ),
    Event(
        "write.failed",
        "warning",
        (REASON,),
        "A call was not answered 200; what follows depends on it.",
        do="`no_answer`, `unreachable`, `token_…`, `status_…`: the tenant, or the way to it; tried again.",
        about=About.TENANT,
    ),
    Event(
        "write.taken_over",
        "warning",
        (),
        "A worker vanished; its user is written by another.",
        do="One for each write of a killed replica is nothing; lines that go on mean an overloaded machine.",
        about=About.TENANT,
    ),
    Event(
        "write.lease_lost",
        "warning",
        (),
        "This worker lost a user; its keys are written once more.",
        do="Lines that go on mean an overloaded machine, or one that is cut off from the database.",
        about=About.TENANT,
    ),
    Event(
        "write.failed_unexpectedly",
        "error",
        (),
        "An attempt met an error that nobody foresaw; it is tried again when its lease has run out.",
        do="Report it with its stack trace: it is a mistake of ours.",
        about=About.TENANT,
    ),
)

_PASSWORDS = (
    Event("password.changed", "info", (), "A person has a new password.", about=About.LOGIN),
    Event(
        "password.refused",
        "info",
        (REASON,),
        "The tenant does not take the new password, or not for them.",
        about=About.LOGIN,
    ),
    Event(
        "password.ticket_made",
        "info",
        (),
        "A person goes to the tenant's own page for a new password.",
        about=About.LOGIN,
    ),
    Event(
        "password.unavailable",
        "warning",
        (REASON,),
        "A password could not be changed now.",
        do="Look the reason up in the README: the tenant limits us, our client, or the directory.",
        about=About.LOGIN,
    ),
)

_TENANTS = (
    Event(
        "tenant.paused",
        "warning",
        (REASON.among(PauseReason), SECONDS),
        "Nothing is sent to the tenant for a while.",
        do="`unauthorized`, `forbidden`: correct the client or its scopes; `rate_limited`: raise `reserve`.",
        about=About.TENANT,
    ),
    Event(
        "tenant.resumed",
        "info",
        (REASON.among(PauseReason),),
        "The tenant takes writes again.",
        about=About.TENANT,
    ),
)

EVENTS = (*COMMON_EVENTS, *_WRITES, *_PASSWORDS, *_TENANTS)
