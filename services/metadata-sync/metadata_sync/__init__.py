"""Writes to users' `app_metadata`: the scarce resource, shared with the customer's own code.

1. **Latest state wins, nothing is lost.** What is stored is the desired state per (tenant, user) with a `rev`
   per key, not a list of commands. The highest rev wins, whatever the order of arrival; `null` deletes and
   stays as a tombstone; the merge is associative, commutative and idempotent.
2. **One write in flight and at most one pending per user.** An update that arrives during a write causes
   exactly one more.
3. **As few calls as possible.** N updates of one user and kind while the budget is spent are one call. An
   update that changes nothing is none (compared with what was last confirmed, with a bounded age), yet is
   answered. `{}` cannot be expressed: it would wipe the user's metadata.
4. **Bounded delay.** Due at min(last change + quiet, first change + max wait); the first change is never
   moved.
5. **People first, nobody starved.** A waiting transaction makes its user due now, in its own class, with a
   quarter of the burst kept for it; ageing never enters that class; background keeps a tenth of the rate; a
   re-add takes the higher class and the earlier time; one tenant's backlog never delays another tenant
   (weighted round robin).
6. **The budget is never exceeded.** Charged on send, not on arrival, two for a waiting update (ours and the
   Action's confirmation); one budget per canonical Management domain, shared by all replicas; a reserve for
   the customer's own code; corrected at once by `x-ratelimit-*` and `Retry-After`; a 429 pauses the tenant,
   costs no retry attempt and loses nothing. No retry hidden in the HTTP client.
7. **Confirmed before resume.** `MetadataApplied` names each key and rev that the tenant answered 200 for; a
   transaction resumes when each of its keys is at its rev or later.
8. **Faults are seen where they are.** 401 after one refresh and 403 pause the tenant, with a probe; 400, 404
   and 409 park that user's write of that kind with a reason; newer updates still flow; an operator lists and
   redrives.
9. **Safe to crash anywhere.** Leases of 5 s, renewed, fenced in our store. PATCH has no If-Match, so any
   attempt whose end was not seen (timeout, reset, lost lease) marks its keys `unsettled`: one more write is
   due 60 s after the last such attempt, and nothing is suppressed as unchanged until then. A worker that
   finds its lease lost marks unsettled and stops.

Which tests prove each of them stands in `tests/metadata_sync/README.md`.

```
intake ──► leases ◄── scheduler            one transaction each: the user's row, then the domain's budget
             │ ▲
             ▼ │ how it ended (ends)
           worker ──► management, tokens   the tenant
pure: coalesce (merge, limits) · due · state (one user: known, requesters) · limiter (one budget) ·
      bucket · turns
```
"""
