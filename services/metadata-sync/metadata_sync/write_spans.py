"""The span of a write: in the trace of the first login that asked for it, and told in those of all others.

The first is what the calls to the tenant are part of. The others last as long, and are linked with it.
"""

from functools import partial

from common import tracing
from common.tracing import Attribute, Span
from metadata_sync.leases import Lease


def span_of_write(lease: Lease) -> Span:
    first = lease.traceparents[0] if lease.traceparents else tracing.NOBODY
    others = tuple(one for one in lease.traceparents[1:] if tracing.is_traceparent(one))
    return Span(_name(lease), parent=first, links=others, attributes=partial(_attributes, lease))


def also_told(span: Span, lease: Lease) -> None:
    """Tell it, now that it has ended, to whoever else asked."""
    if not tracing.is_exported():
        return
    for parent in lease.traceparents[1:]:
        shared = Span(
            _name(lease), parent=parent, links=(span.traceparent,), attributes=partial(_attributes, lease)
        )
        shared.begun = span.begun
        shared.end()


def _name(lease: Lease) -> str:
    return f"write {lease.patch.kind}"


def _attributes(lease: Lease) -> dict[str, Attribute]:
    return {
        "waystation.tenant": lease.tenant.key,
        "waystation.waiting": lease.waiting,
        "waystation.keys": len(lease.keys),
    }
