"""Ways back and out, and what a browser is allowed."""

from tests.attacks.cases.case import FORGED, case

CASES = (
    case(50, "Another way back", FORGED),
    case(
        51,
        "Open redirects",
        "attacks/test_hand_back.py::test_nothing_that_is_sent_leads_a_browser_away",
    ),
    case(
        52, "Headers by line breaks", "attacks/test_hand_back.py::test_no_header_can_be_written_from_outside"
    ),
    case(
        53,
        "Other hosts",
        "attacks/test_transport.py::test_other_names_of_this_house",
        "attacks/test_transport.py::test_what_a_client_says_of_proxies_is_not_believed",
    ),
    case(
        54,
        "What the way back tells",
        "attacks/test_hand_back.py::test_the_way_back",
        "attacks/test_every_answer.py::test_every_answer_has_its_headers",
        "attacks/test_chromium.py::test_no_address_tells_a_token",
        "gateway/test_hand_back.py::test_by_get",
    ),
    case(55, "What the answer token has", "attacks/test_hand_back.py::test_the_way_back"),
    case(
        56,
        "The session token as an answer",
        "journeys/test_other_browsers.py::test_who_lured_cannot_take_the_answer_home",
    ),
    case(
        57,
        "An answer of another login, of another person, twice",
        "attacks/test_transplant.py::test_an_answer_fits_its_own_question_only",
    ),
    case(
        58,
        "The transplant",
        "journeys/test_other_browsers.py::test_a_proof_by_somebody_else_counts_for_nothing",
        "attacks/test_transplant.py::test_where_the_tenant_knows_its_browser_nothing_is_won",
    ),
    case(59, "Frames", "attacks/test_chromium.py::test_other_sites_get_no_hold_of_a_page"),
    case(
        60,
        "Markup in names and texts",
        "attacks/test_hand_back.py::test_foreign_words_are_text",
        "attacks/test_every_answer.py::test_every_answer_has_its_headers",
        "attacks/test_every_answer.py::test_pages_of_every_step_load_nothing_from_elsewhere",
        "attacks/test_every_answer.py::test_the_judge_of_policies_is_strict",
        "journeys/test_every_field.py::test_what_the_tenant_knows_is_text_too",
    ),
    case(61, "Cookies", "attacks/test_hand_back.py::test_cookies_are_for_this_host_and_for_no_script"),
    case(62, "Cross-origin requests", "attacks/test_hand_back.py::test_no_other_site_may_ask_for_anything"),
)
