"""Every event that metadata-sync writes; README.md tells operators what to do about each."""

from common.log import Event
from common.log_events import COMMON_EVENTS

EVENTS = (
    *COMMON_EVENTS,
    Event("update.accepted", "info", ("waiting", "keys"), "An update is part of the desired state now."),
    Event("update.dropped", "info", (), "It was asked for before its person was erased; nothing was taken."),
    Event("user.erased", "info", ("rev", "keys"), "A person was erased here; so many keys go at the tenant."),
    Event("user.forgotten", "info", ("rev",), "The tenant holds nothing of ours about an erased person."),
    Event("metadata.applied", "info", ("keys",), "The tenant holds these keys at these revs or later."),
    Event("metadata.rejected", "warning", ("reason", "keys"), "The tenant will never take these keys."),
    Event("write.failed", "warning", ("reason",), "A call was not answered 200; what follows depends on it."),
    Event("write.taken_over", "warning", (), "A worker vanished; its user is written by another."),
    Event("write.lease_lost", "warning", (), "This worker lost a user; its keys are written once more."),
    Event("write.failed_unexpectedly", "error", (), "An attempt met an error that nobody foresaw."),
    Event("password.changed", "info", (), "A person has a new password."),
    Event(
        "password.refused", "info", ("reason",), "The tenant does not take the new password, or not for them."
    ),
    Event("password.ticket_made", "info", (), "A person goes to the tenant's own page for a new password."),
    Event("password.unavailable", "warning", ("reason",), "A password could not be changed now."),
    Event("tenant.paused", "warning", ("reason", "seconds"), "Nothing is sent to the tenant for a while."),
    Event("tenant.resumed", "info", ("reason",), "The tenant takes writes again."),
)
