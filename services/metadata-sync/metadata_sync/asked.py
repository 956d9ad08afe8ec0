"""One request to a tenant, as metrics tell of it."""

import time
from types import TracebackType
from typing import Self

from metadata_sync.errors import ManagementError
from metadata_sync.metrics import MANAGEMENT_DURATION


class Asked:
    """While the block runs, an `operation` of a fixed set is under way; `answered` says with which status.

    Without a status the error that ends the block says why there is none.
    """

    def __init__(self, operation: str) -> None:
        self._operation = operation
        self._status: int | None = None

    def answered(self, status: int) -> None:
        self._status = status

    def __enter__(self) -> Self:
        self._begun = time.perf_counter()
        return self

    def __exit__(
        self, _: type[BaseException] | None, error: BaseException | None, __: TracebackType | None
    ) -> None:
        seconds = time.perf_counter() - self._begun
        MANAGEMENT_DURATION.labels(self._operation, self._result(error)).observe(seconds)

    def _result(self, error: BaseException | None) -> str:
        if self._status is not None:
            return str(self._status)
        return error.reason if isinstance(error, ManagementError) else "no_answer"
