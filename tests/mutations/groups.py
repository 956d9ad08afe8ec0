"""What is mutated, and by which tests it is held: few, so that a run is minutes."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Group:
    """Modules, the tests that must notice any change of them, and how much of all has to be noticed."""

    modules: tuple[str, ...]
    tests: tuple[str, ...]
    needs_servers: bool = False
    least: float = 0.95


GROUPS = {
    "tokens": Group(
        modules=(
            "common/tokens.py",
            "common/tokens_claims.py",
            "common/tokens_refusal.py",
            "common/tokens_rules.py",
            "common/tokens_session.py",
            "common/tokens_signature.py",
        ),
        tests=(
            "tests/common/test_tokens.py",
            "tests/common/test_tokens_attacks.py",
            "tests/common/test_tokens_claims.py",
            "tests/common/test_tokens_rs256.py",
            "tests/common/test_tokens_rules.py",
            "tests/common/test_profile.py",
        ),
    ),
    "limits": Group(
        modules=("gateway/limits.py", "gateway/addresses.py"),
        tests=("tests/gateway/test_limits.py", "tests/gateway/test_addresses.py"),
    ),
    "budget": Group(
        modules=("metadata_sync/bucket.py", "metadata_sync/limiter.py"),
        tests=(
            "tests/metadata_sync/test_bucket.py",
            "tests/metadata_sync/test_limiter.py",
            "tests/metadata_sync/test_promises.py",
        ),
    ),
    "transitions": Group(
        modules=("gateway/transaction.py", "gateway/transaction_step.py"),
        tests=(
            "tests/gateway/test_transaction_changes.py",
            "tests/gateway/test_transaction.py",
            "tests/gateway/test_transaction_model.py",
        ),
    ),
    "planner": Group(
        modules=("gateway/planner.py",),
        tests=(
            "tests/gateway/test_planner.py",
            "tests/gateway/test_timekeeper.py",
            "tests/gateway/test_terms.py",
            "tests/gateway/test_profile_step.py",
            "tests/gateway/password/test_change.py",
        ),
        needs_servers=True,
    ),
}
