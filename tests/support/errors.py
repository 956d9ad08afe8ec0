"""What goes wrong around a private stack.

SupportError
├── DeadlineError        something did not happen in time
├── ProcessFailedError   a process of ours ended or never became ready
├── MissingToolError     a program that the stack runs is not installed
├── RunFolderError       there is no place for a stack's data
├── BrokerNotIdleError   a test left a consumer or a message behind
└── JourneyError         a login did not go as it should
"""


class SupportError(Exception):
    """Base, never raised directly; `str()` is one plain sentence for a person."""


class DeadlineError(SupportError):
    """Something did not happen in time."""


class MissingToolError(SupportError):
    """A program that the stack runs is not installed."""


class RunFolderError(SupportError):
    """There is no place for a stack's data."""


class BrokerNotIdleError(SupportError):
    """A virtual host was given back while a consumer was still on one of its queues."""


class JourneyError(SupportError):
    """A login did not go as it should; the text says at which page and what stood there instead."""


class ProcessFailedError(SupportError):
    """A process of ours ended or never became ready; `last_lines` is the end of its output."""

    def __init__(self, message: str, *, last_lines: tuple[str, ...] = ()) -> None:
        super().__init__(message)
        self.last_lines = last_lines
