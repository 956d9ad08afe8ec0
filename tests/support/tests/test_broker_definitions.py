import json

from tests.support.broker_definitions import DEPLOYED, broker_definitions


def test_deployed_definitions_hold_no_secret() -> None:
    """The deployed file has topology only: no users and no permissions."""
    assert sorted(json.loads(DEPLOYED.read_text())) == [
        "bindings",
        "exchanges",
        "policies",
        "queues",
        "vhosts",
    ]


def test_every_queue_is_a_quorum_queue_and_nothing_else_is_fixed() -> None:
    """Only the queue type is an argument: whatever else there is can be changed by policy later."""
    queues = json.loads(DEPLOYED.read_text())["queues"]
    assert {queue["name"]: queue["arguments"] for queue in queues} == {
        name: {"x-queue-type": "quorum"}
        for service in ("gateway", "metadata-sync", "proofing")
        for name in (service, f"{service}.dead")
    }


def test_every_work_queue_dead_letters_at_least_once() -> None:
    """A message that a service gives up is kept, as often as it takes, in that service's `.dead`."""
    policies = json.loads(DEPLOYED.read_text())["policies"]
    assert [policy["pattern"] for policy in policies[:3]] == ["^gateway$", "^metadata-sync$", "^proofing$"]
    for policy in policies[:3]:
        assert policy["definition"] == {
            "dead-letter-exchange": "waystation.dead",
            "dead-letter-routing-key": policy["pattern"].strip("^$"),
            "dead-letter-strategy": "at-least-once",
            "overflow": "reject-publish",
            "delivery-limit": 1000,
            "max-length": 1000000,
        }


def test_parked_messages_go_after_thirty_days() -> None:
    """Nothing that is parked stays for good, nor can it stop a service from parking more."""
    (policy,) = json.loads(DEPLOYED.read_text())["policies"][3:]
    assert (policy["pattern"], policy["definition"]) == (
        r"^(gateway|metadata-sync|proofing)\.dead$",
        {
            "delivery-limit": 1_000_000,  # each look at a letter counts as one
            "overflow": "drop-head",
            "max-length": 100_000,
            "message-ttl": 30 * 24 * 3_600 * 1_000,
        },
    )


def test_services_may_declare_nothing() -> None:
    """Of the users only the administrator may change the topology."""
    definitions = broker_definitions({"admin": "a", "gateway": "b"}, vhosts=["one"])
    assert definitions["permissions"] == [
        {"user": "admin", "vhost": "one", "configure": ".*", "write": ".*", "read": ".*"},
        {
            "user": "gateway",
            "vhost": "one",
            "configure": "^$",
            "write": r"^waystation\.(commands|dead)$",
            "read": r"^gateway(\.dead)?$",
        },
    ]
    assert "password" not in definitions["users"][1]
