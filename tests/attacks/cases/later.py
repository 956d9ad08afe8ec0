"""What was thought of after the first ninety-five."""

from tests.attacks.cases.case import DOORS, FORMS, NO_HTTP, case

CASES = (
    case(
        96,
        "Hosts in other scripts and forms",
        "attacks/test_transport.py::test_other_names_of_this_house",
    ),
    case(
        97,
        "A cookie tossed beside ours",
        "attacks/test_arrivals.py::test_a_cookie_that_comes_twice_is_nobodys",
    ),
    case(
        98,
        "The login of another tenant",
        "attacks/test_logins.py::test_a_tenants_login_is_not_anothers",
    ),
    case(
        99,
        "An answer kept for another login",
        "attacks/test_transplant.py::test_an_answer_cannot_be_kept_for_later",
    ),
    case(
        100,
        "Scanners of mails and links",
        "attacks/test_arrivals.py::test_whoever_only_looks_at_links_does_no_harm",
        "gateway/test_stepup.py::test_whoever_opens_links_cannot_use_or_spend_the_code",
    ),
    case(
        101,
        "The CSRF token of an earlier cookie",
        "attacks/test_forms.py::test_tokens_of_other_logins_are_none",
    ),
    case(
        102,
        "Another protocol on the same line",
        NO_HTTP,
        "attacks/test_transport.py::test_nobody_changes_the_protocol",
    ),
    case(
        103,
        "Parts, encodings and former versions of a page",
        "attacks/test_transport.py::test_parts_and_former_versions_are_not_served",
    ),
    case(
        104,
        "Languages without end",
        "attacks/test_transport.py::test_languages_without_end",
    ),
    case(
        105,
        "The other browser of the same login",
        "attacks/test_logins.py::test_who_came_too_late_may_do_nothing",
    ),
    case(
        106,
        "Another person's receipt",
        "attacks/test_logins.py::test_without_its_cookie_a_login_is_closed",
        "journeys/test_every_field.py::test_receipts_of_others",
    ),
    case(
        107,
        "Live updates of another's login",
        "attacks/test_logins.py::test_without_its_cookie_a_login_is_closed",
        "gateway/test_live.py::test_others_do_not_listen",
    ),
    case(
        108,
        "Paths that lead out, and ids that only look like some",
        DOORS,
        "attacks/test_logins.py::test_malformed_ids_reach_no_login",
    ),
    case(
        109,
        "The choice of a language as a way out",
        "attacks/test_hand_back.py::test_the_choice_of_a_language_is_nothing_else",
    ),
    case(
        110,
        "Headers that rewrite the request",
        "attacks/test_transport.py::test_what_a_client_says_of_proxies_is_not_believed",
        FORMS,
    ),
    case(
        111,
        "A link that somebody opens over another connection than it was made for",
        "gateway/test_networks.py::test_another_connection_is_told_and_refuses_nobody",
        remark="Nobody is refused for it: telephones change networks. It is shown, logged and audited.",
    ),
)
