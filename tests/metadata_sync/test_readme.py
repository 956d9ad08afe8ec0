"""The README lists what the code reads, says and writes, all of it and nothing else."""

import re

import common.metrics
import metadata_sync
from metadata_sync import metrics
from metadata_sync.management import REFUSALS
from metadata_sync.passwords import MESSAGES
from metadata_sync.settings import Settings
from tests.support.readme import ServiceReadme, rows_of_metrics, variables_read

README = ServiceReadme("metadata-sync")


def test_settings() -> None:
    """Every variable that is read is documented, in the same order."""
    assert README.first_cells("Settings") == variables_read(Settings.from_env)


def test_metrics() -> None:
    """Every metric has its row, with its type, its labels and its meaning."""
    assert README.metric_rows() == rows_of_metrics(common.metrics, metrics)


def test_messages_and_reasons_of_refusals() -> None:
    """Every message has its row, and every reason with which the gateway is told of a refusal."""
    messages = ["UpdateMetadata", "MetadataApplied", "MetadataRejected", "ForgetUser", "UserForgotten"]
    assert README.first_cells("Messages") == [
        *messages,
        *dict.fromkeys(REFUSALS.values()),
        "value_unreadable",
    ]


def test_codes_of_the_password_call() -> None:
    """Every code with which a password is refused is explained, and every one of those after 503."""
    refused = len(MESSAGES)
    codes = README.first_cells("Password call")
    assert codes[:refused] == list(MESSAGES)
    assert sorted(codes[refused:]) == sorted(_codes_of_503())


def _codes_of_503() -> set[str]:
    files = ("directories", "internal", "management", "passwords", "tokens")
    code = "".join((README.folder / "metadata_sync" / f"{name}.py").read_text() for name in files)
    errors = "PasswordUnavailable|NotSent|RateLimited|Credentials"
    raised = re.findall(rf'(?:(?:{errors})Error|_unavailable|_failing)\("(\w+)"', code)
    return {*raised, "ticket_forbidden", "ticket_for_elsewhere"}


def test_reasons_of_dead_letters() -> None:
    """Every reason with which an update is parked is explained, and none that the code does not have."""
    code = "".join(path.read_text() for path in (README.folder / "metadata_sync").glob("*.py"))
    raised = set(re.findall(r'(?:UnfitUpdateError|PoisonMessageError)\("([a-z_]+)"\)', code))
    assert set(README.first_cells("Limits of what is written")) == raised


def test_guarantees_are_in_the_docstring() -> None:
    """The README points at the package's docstring, which numbers the guarantees."""
    numbers = re.findall(r"^(\d)\. \*\*", metadata_sync.__doc__ or "", flags=re.MULTILINE)
    assert numbers == list("123456789")
