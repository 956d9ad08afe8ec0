"""What comes in by other doors, or is no HTTP, or too much."""

from tests.attacks.cases.case import DOORS, NO_HTTP, case

_NO_WEBHOOKS = "No provider calls us: `document` judges at once, and a reviewer decides by a command."

CASES = (
    *(
        case(number, title, DOORS, remark=_NO_WEBHOOKS)
        for number, title in (
            (63, "Webhooks without a good signature"),
            (64, "Webhooks of another time"),
            (65, "Webhooks changed after signing"),
            (66, "A webhook five times"),
            (67, "Webhooks about others"),
            (68, "An approval after a rejection"),
            (69, "A webhook on another provider's path"),
            (70, "Webhooks that are too large or too slow"),
        )
    ),
    case(71, "Requests with two ends, and heads that are none", NO_HTTP),
    case(
        72,
        "Connections that say nothing",
        "attacks/test_limits.py::test_connections_of_one_address_are_few",
        "gateway/test_limits_web.py::test_headers_that_come_drop_by_drop",
        remark="The process closes them itself; from many addresses the proxy in front has to.",
    ),
    case(
        73,
        "A thousand bad tokens",
        "attacks/test_limits.py::test_bad_tokens_are_the_senders_limit_alone",
        "attacks/test_limits.py::test_what_is_no_http_counts_too",
    ),
    case(74, "A made-up address", "attacks/test_limits.py::test_a_made_up_way_does_not_help"),
    case(
        75,
        "Ten thousand open logins",
        "attacks/test_limits.py::test_open_logins_of_one_user_are_few",
        "gateway/test_limits_web.py::test_too_many_open_logins_of_a_tenant",
    ),
    case(
        76,
        "Internal addresses from outside",
        DOORS,
        "attacks/test_transport.py::test_every_answer_says_the_same_of_its_server",
    ),
    case(
        77,
        "What is said while something is down",
        "gateway/test_web_errors.py::test_the_database_is_away",
        "journeys/test_policies.py::test_wait_ends_before_the_login_does",
        "journeys/test_password.py::test_the_tenant_is_away",
        "faults/test_crash_loop.py::test_a_login_outlives_every_fate_at_any_effect",
    ),
    case(
        78,
        "What errors tell",
        "gateway/test_web_errors.py::test_error_pages_repeat_nothing",
        "gateway/test_web_errors.py::test_a_mistake_of_ours",
        "journeys/test_what_goes_wrong.py::test_nothing_is_seen_of_what_goes_wrong",
        "attacks/test_refusals.py::test_whoever_is_refused_is_shown_a_way",
        remark="Every attack's page is searched for what was sent, and compared with others of its kind.",
    ),
)
