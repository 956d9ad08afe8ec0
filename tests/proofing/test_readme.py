"""The README lists what the code reads, says and writes, all of it and nothing else."""

from pathlib import Path

import common.metrics
import proofing.worker
from proofing import metrics
from proofing.errors import Failure
from proofing.settings import Settings
from tests.support.readme import ServiceReadme, rows_of_metrics, variables_read

README = ServiceReadme("proofing")


def test_settings() -> None:
    """Every variable that is read is documented, in the same order."""
    assert README.first_cells("Settings") == variables_read(Settings.from_env)


def test_metrics() -> None:
    """Every metric has its row, with its type, its labels and its meaning."""
    assert README.metric_rows() == rows_of_metrics(common.metrics, metrics)


def test_reasons_of_dead_letters() -> None:
    """Every reason with which a command is parked is explained."""
    named = README.first_cells("Messages")
    messages = ["VerifyIdentity", "VerificationChanged", "ForgetUser", "UserForgotten"]
    assert named == [*messages, *Failure, "not_for_this_service"]
    assert '"not_for_this_service"' in Path(proofing.worker.__file__).read_text()
