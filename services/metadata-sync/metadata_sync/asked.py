"""One request to a tenant, as metrics and traces tell of it: what was asked, how it ended, never for whom."""

import time
from types import TracebackType
from typing import Self

from common.tracing import Attribute, Kind, Span
from metadata_sync.errors import ManagementError
from metadata_sync.metrics import MANAGEMENT_DURATION

# What is asked of a tenant: the method, and the path without the person that it is about.
OPERATIONS = {
    "patch_user": ("PATCH", "/api/v2/users/{id}"),
    "create_ticket": ("POST", "/api/v2/tickets/password-change"),
    "token": ("POST", "/oauth/token"),
}


class Asked:
    """While the block runs, one of `OPERATIONS` is under way; `answered` says with which status.

    Without a status the error that ends the block says why there is none. The tenant is told of no trace.
    """

    def __init__(self, operation: str, *, host: str, resend: int = 0) -> None:
        self._operation = operation
        self._status: int | None = None
        method, path = OPERATIONS[operation]

        def attributes() -> dict[str, Attribute]:
            named = {"http.request.method": method, "url.template": path, "server.address": host}
            return {**named, **({"http.request.resend_count": resend} if resend else {})}

        self._span = Span(f"{method} {path}", kind=Kind.CLIENT, attributes=attributes)

    def answered(self, status: int) -> None:
        self._status = status

    def __enter__(self) -> Self:
        self._begun = time.perf_counter()
        self._span.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        result = self._result(error)
        MANAGEMENT_DURATION.labels(self._operation, result).observe(time.perf_counter() - self._begun)
        if self._status is not None:
            self._span.note("http.response.status_code", self._status)
        if not result.startswith("2"):
            self._span.error = result
        self._span.__exit__(kind, error, trace)

    def _result(self, error: BaseException | None) -> str:
        if self._status is not None:
            return str(self._status)
        return error.reason if isinstance(error, ManagementError) else "no_answer"
