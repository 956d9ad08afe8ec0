import pytest

from tests.tenant.config import RateLimit
from tests.tenant.ratelimit import Bucket, Limiter, Rule
from tests.tenant.settings import Choices


class Wall:
    """A clock on the wall that a test moves."""

    def __init__(self) -> None:
        """It starts in the middle of a second."""
        self.now = 1000.5

    def __call__(self) -> float:
        """Seconds since the epoch."""
        return self.now


def _taken(bucket: Bucket, now: float) -> int:
    count = 0
    while count < 1000 and bucket.take(now).allowed:
        count += 1
    return count


def test_burst_then_window() -> None:
    """Enterprise: 50 at once, then 16 at the top of the next second, not before it."""
    bucket = Bucket(Rule(50, 16, 1), refill="window", now=1000.5)
    assert _taken(bucket, 1000.5) == 50
    assert _taken(bucket, 1000.99) == 0
    assert _taken(bucket, 1001.0) == 16


def test_window_is_capped_at_the_burst() -> None:
    """Many quiet seconds fill the bucket and no more."""
    bucket = Bucket(Rule(2, 2, 1), refill="window", now=1000.5)
    assert _taken(bucket, 1000.5) == 2
    assert _taken(bucket, 1100.0) == 2


def test_minute_window() -> None:
    """A limit per minute is refilled at the top of the minute."""
    bucket = Bucket(Rule(20, 200, 60), refill="window", now=1000.5)
    assert _taken(bucket, 1000.5) == 20
    assert _taken(bucket, 1019.9) == 0
    assert _taken(bucket, 1020.0) == 20


def test_continuous() -> None:
    """The other documented refill: a share of a second brings its share of tokens."""
    bucket = Bucket(Rule(50, 16, 1), refill="continuous", now=1000.5)
    assert _taken(bucket, 1000.5) == 50
    assert _taken(bucket, 1000.75) == 4


def test_continuous_minutes_fill_by_seconds() -> None:
    """A limit per minute gets its tokens second by second."""
    bucket = Bucket(Rule(20, 200, 60), refill="continuous", now=1000.0)
    assert _taken(bucket, 1000.0) == 20
    assert _taken(bucket, 1000.9) == 0
    assert _taken(bucket, 1003.0) == 10


def test_reset_is_the_next_refill() -> None:
    """x-ratelimit-reset is the unix second of the next refill."""
    bucket = Bucket(Rule(2, 2, 1), refill="window", now=1000.5)
    assert bucket.take(1000.5).headers == {
        "x-ratelimit-limit": "2",
        "x-ratelimit-remaining": "1",
        "x-ratelimit-reset": "1001",
    }


@pytest.mark.parametrize(
    ("profile", "burst"),
    [("free", 2), ("essentials", 20), ("enterprise", 50), ("enterprise-nonprod", 10), ("off", 1_000_000)],
)
def test_profiles(profile: str, burst: int) -> None:
    """Each published profile shows its bucket to a user write."""
    limiter = Limiter(RateLimit(profile=profile), choices=Choices(), wall=Wall())
    assert limiter.management("PATCH", users=True).limit == burst


def test_essentials_keeps_reads_and_writes_apart() -> None:
    """Essentials: the row of reads is untouched by writes."""
    limiter = Limiter(RateLimit(profile="essentials"), choices=Choices(), wall=Wall())
    assert [limiter.management("PATCH", users=True).allowed for _ in range(21)].count(True) == 20
    assert limiter.management("GET", users=True).remaining == 39


def test_write_users_row_off() -> None:
    """Without the row of its own a user write counts as any other endpoint."""
    choices = Choices(write_users_row="off")
    limiter = Limiter(RateLimit(profile="essentials"), choices=choices, wall=Wall())
    assert limiter.management("PATCH", users=True).limit == 10


def test_numbers_replace_the_profile() -> None:
    """The control plane's numbers become the one global bucket."""
    limiter = Limiter(RateLimit(profile="enterprise"), choices=Choices(), wall=Wall())
    limiter.use_numbers(Rule(3, 1, 1))
    assert [limiter.management("PATCH", users=True).allowed for _ in range(4)] == [True, True, True, False]


def test_authentication_api() -> None:
    """/oauth/token of a free tenant has 30 a second, the rest of the Authentication API 300 a minute."""
    limiter = Limiter(RateLimit(profile="free"), choices=Choices(), wall=Wall())
    assert limiter.authentication("/oauth/token").limit == 30
    assert limiter.authentication("/authorize").limit == 300
    assert limiter.userinfo("auth0|1").limit == 10
    assert limiter.authentication("/.well-known/jwks.json").limit == 20
