"""What can go wrong between a wish and its confirmation.

```
WaystationError
├── UnfitUpdateError          coalesce.py    this update may never be written; its reason is a fixed code
├── LeaseLostError            leases.py      another worker has taken the user over
├── PasswordUnavailableError  passwords.py   a password could not be changed now
└── ManagementError           management.py  a call that was not answered 200
    ├── NotSentError          nothing left us: the tenant was not reached
    ├── EndNotSeenError       it may have been written: timeout, reset, cut answer, 5xx
    ├── RateLimitedError      429: the whole tenant pauses
    ├── RefusedError          400, 404, 409 …: this write will never be taken
    │   ├── RootSyncedError   400: the identity provider alone sets this user's root attributes
    │   └── PasswordRefusedError   400: the new password is against the connection's policy
    └── CredentialsError      401 after one refresh, 403: the tenant pauses and is probed
```
"""

from common.errors import WaystationError
from metadata_sync.rate_headers import RateHeaders


class UnfitUpdateError(WaystationError):
    """An update that no tenant may be sent; `reason` is one of a closed set of codes."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class LeaseLostError(WaystationError):
    """Somebody else writes this user now, or may."""


class PasswordUnavailableError(WaystationError):
    """Not changed, or not known to be; `reason` is a fixed code, `retry_after` whole seconds."""

    def __init__(self, reason: str, *, retry_after: int) -> None:
        super().__init__(reason)
        self.reason = reason
        self.retry_after = retry_after


class ManagementError(WaystationError):
    """Base of what a call to the Management API can end in; never raised directly.

    `reason` is a fixed code, `sent` how many requests went out, `headers` what the tenant said of its limit.
    """

    def __init__(self, reason: str, *, sent: int = 0, headers: RateHeaders | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.sent = sent
        self.headers = headers


class NotSentError(ManagementError):
    """The tenant could not be reached, or gave us no token: certainly nothing was written."""


class EndNotSeenError(ManagementError):
    """The request left and its end is unknown: it may have been written, or still be."""


class RateLimitedError(ManagementError):
    """429: nothing was written, and nothing may be sent until the tenant says so."""


class RefusedError(ManagementError):
    """An answer that no repetition changes; nothing was written."""


class RootSyncedError(RefusedError):
    """This user's connection sets their root attributes anew at each login; no call changes them."""


class PasswordRefusedError(RefusedError):
    """The connection's policy does not allow this password; `reason` is a code of passwords.py."""


class CredentialsError(ManagementError):
    """The tenant does not accept our token or its scopes; nothing was written."""
