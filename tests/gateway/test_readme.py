"""The README lists what the gateway serves, reads, says and logs, all of it and nothing else."""

import re

import common.metrics
from common.messages import (
    ForgetUser,
    MetadataApplied,
    MetadataRejected,
    UpdateMetadata,
    UserForgotten,
    VerificationChanged,
    VerifyIdentity,
)
from gateway import metrics
from gateway.log_events import EVENTS
from gateway.looks import Looks
from gateway.pages.languages import load_languages
from gateway.published_keys import PublishedKeys
from gateway.settings import Settings
from tests.gateway.rig import Rig
from tests.support.readme import ServiceReadme, rows_of_metrics, variables_read

README = ServiceReadme("gateway")


async def test_routes(rig: Rig) -> None:
    """Every route that browsers can reach has its row, in the order of the code."""
    pattern = re.compile(r"\{(\w+):[^{}]*(?:\{[^{}]*\})?\}")
    looks = Looks(languages=load_languages(), tenants=rig.tenants, public_base_url=rig.origin)
    routes = (*rig.handlers.routes(), *looks.routes(), *PublishedKeys(rig.tenants).routes())
    served = [(route.method, pattern.sub(r"{\1}", route.path)) for route in routes]
    assert [tuple(cell.split()) for cell in README.first_cells("Routes")] == served


def test_settings() -> None:
    """Every variable that is read has its row."""
    assert README.first_cells("Settings") == variables_read(Settings.from_env)


def test_messages() -> None:
    """Every message that the gateway sends or handles has its row."""
    messages = (
        *(VerifyIdentity, VerificationChanged, UpdateMetadata, MetadataApplied, MetadataRejected),
        *(ForgetUser, UserForgotten),
    )
    assert README.first_cells("Messages") == [message.type for message in messages]


def test_metrics() -> None:
    """Every metric has its row, with its type, its labels and its meaning."""
    assert README.metric_rows() == rows_of_metrics(common.metrics, metrics)


def test_the_runbook() -> None:
    """What the runbook tells to look for can be logged."""
    known = {event.name for event in EVENTS}
    named = set(re.findall(r"`([a-z]+\.[a-z_]+)`", README.section("Runbook"))) - {
        "tenants.yaml",
        "gateway.dead",
    }
    assert named
    assert named <= known
