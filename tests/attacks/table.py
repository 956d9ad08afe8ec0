"""Every attack that we know of: which tests prove that it fails, or why it is none here.

Up to 95 they are those that the design began with; the rest was thought of later. Tests are named by their
file below tests/.
"""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Case:
    """One attack; `remark` says why it has no test, or in what the answer differs from what one expects."""

    number: int
    title: str
    tests: tuple[str, ...] = ()
    remark: str = ""


_FORGED = "attacks/test_tokens.py::test_a_forged_token_opens_nothing"
_FORMS = "attacks/test_forms.py::test_a_form_that_no_page_sends_does_nothing"
_ARRIVALS = "attacks/test_arrivals.py::test_an_odd_arrival_opens_nothing"
_DOORS = "attacks/test_transport.py::test_there_are_no_other_doors"
_NO_HTTP = "attacks/test_transport.py::test_what_is_no_http_ends_the_connection"
_NO_WEBHOOKS = "No provider calls us: `document` judges at once, and a reviewer decides by a command."


def _case(number: int, title: str, *tests: str, remark: str = "") -> Case:
    return Case(number=number, title=title, tests=tests, remark=remark)


CASES = (
    _case(1, "No algorithm, no signature", _FORGED, remark="An empty signature is no form of a token: 400."),
    _case(2, "An algorithm that is missing or of another type", _FORGED),
    _case(3, "A public key as HS256 secret", "attacks/test_rs256.py::test_a_public_key_signs_nothing"),
    _case(
        4,
        "The same in its other encodings",
        "attacks/test_rs256.py::test_a_public_key_signs_nothing",
        _FORGED,
    ),
    _case(5, "Another algorithm than the tenant's", _FORGED),
    _case(6, "One bit flipped", _FORGED),
    _case(7, "Two, four and five parts", _FORGED),
    _case(8, "Letters that no token has, and lengths", _FORGED),
    _case(9, "Payloads that are no JSON object", _FORGED),
    _case(10, "A claim twice", _FORGED),
    _case(11, "Wrong expiry", _FORGED),
    _case(12, "Wrong beginning", _FORGED),
    _case(13, "Issuers that look alike", _FORGED),
    _case(14, "Audiences that look alike", _FORGED),
    _case(15, "Subjects that are none, or another tenant's", _FORGED),
    _case(16, "Ids that are none", _FORGED),
    _case(
        17, "Tokens of another type", _FORGED, "attacks/test_rs256.py::test_only_listed_keys_by_their_names"
    ),
    _case(18, "Critical headers", _FORGED),
    _case(
        19,
        "Headers that name keys, or where to find them",
        "attacks/test_tokens.py::test_a_token_cannot_name_its_own_key",
        "attacks/test_rs256.py::test_only_listed_keys_by_their_names",
    ),
    _case(
        20,
        "Keys that are retired, and keys that only verify",
        "attacks/test_tokens.py::test_a_retired_secret_is_over_and_a_previous_one_is_not",
        "attacks/test_rs256.py::test_only_listed_keys_by_their_names",
    ),
    _case(21, "Our own answer as a session token", _FORGED),
    _case(22, "A token of another tenant", _FORGED),
    _case(23, "Tokens of Auth0 itself", "attacks/test_tokens.py::test_tokens_of_the_tenant_itself"),
    _case(
        24,
        "A secret that can be guessed",
        "common/test_tenants_secrets.py::test_secret_files",
        "gateway/test_service.py::test_a_wrong_tenants_file",
        "common/test_production.py::test_everything_that_is_weak_is_listed_at_once",
    ),
    _case(
        25,
        "Many unknown keys",
        "attacks/test_rs256.py::test_unknown_keys_are_looked_for_seldom",
        "gateway/test_jwks_fetch.py::test_unknown_keys",
    ),
    _case(26, "States that no tenant makes", _ARRIVALS, "attacks/test_hand_back.py::test_the_way_back"),
    _case(27, "A token twice, or not in the query", _ARRIVALS, remark="A POST to /start is 405."),
    _case(
        28,
        "The same link again",
        "attacks/test_arrivals.py::test_a_link_may_be_opened_again_by_whoever_has_its_cookie",
    ),
    _case(
        29,
        "The same link in another browser",
        _ARRIVALS,
        "attacks/test_arrivals.py::test_before_the_click_a_link_binds_nobody",
    ),
    _case(
        30,
        "Halves of two links",
        _ARRIVALS,
        "attacks/test_arrivals.py::test_a_state_belongs_to_one_token",
    ),
    _case(
        31,
        "A hundred arrivals at once",
        "attacks/test_arrivals.py::test_a_hundred_arrivals_are_one_login",
        remark="Beyond twenty of one user it is 429.",
    ),
    _case(
        32,
        "Steps without the cookie, or with another one",
        "attacks/test_logins.py::test_without_its_cookie_a_login_is_closed",
        "attacks/test_logins.py::test_a_login_that_is_over_is_over",
        remark="A cookie does not expire before its login, which then is 410.",
    ),
    _case(33, "A planted cookie", "attacks/test_arrivals.py::test_a_planted_cookie_is_replaced"),
    _case(34, "Cookies that are none", "attacks/test_arrivals.py::test_a_cookie_that_comes_twice_is_nobodys"),
    _case(
        35,
        "Guessing ids",
        "attacks/test_logins.py::test_guessed_ids_tell_nothing",
        "attacks/test_logins.py::test_malformed_ids_reach_no_login",
        "attacks/test_limits.py::test_guessed_ids_end_in_429",
        remark="Times are not compared: an id has 128 bits, and a login that exists answers 403 anyway.",
    ),
    _case(
        36,
        "A login that has ended, by its browser and by others",
        "attacks/test_logins.py::test_the_answer_can_be_had_again_but_by_its_browser_only",
    ),
    _case(
        37,
        "A login that is over",
        "attacks/test_logins.py::test_a_login_that_is_over_is_over",
        "gateway/test_timekeeper.py::test_the_deadline",
    ),
    _case(
        38,
        "Steps skipped, repeated, reversed",
        "attacks/test_logins.py::test_no_step_is_skipped",
        "attacks/test_logins.py::test_a_step_is_done_once",
        remark="A step that is done already is answered by 303 to where the login is.",
    ),
    _case(
        39,
        "Two tabs at once",
        "attacks/test_logins.py::test_a_step_is_done_once",
        "journeys/test_one_browser.py::test_pressing_twice_is_pressing_once",
    ),
    _case(
        40,
        "The CSRF token of another login",
        _FORMS,
        "attacks/test_forms.py::test_tokens_of_other_logins_are_none",
    ),
    _case(
        41,
        "Forms from elsewhere",
        _FORMS,
        "attacks/test_chromium.py::test_other_sites_get_no_hold_of_a_page",
    ),
    _case(
        42,
        "Other methods",
        _FORMS,
        "attacks/test_arrivals.py::test_a_head_of_a_link_opens_nothing",
        remark="GET of a button's address is 303 to its page (decision 9).",
    ),
    _case(43, "Other types and charsets", _FORMS),
    _case(44, "Too much, and bombs", _FORMS, "attacks/test_forms.py::test_a_bomb_takes_no_memory"),
    _case(
        45,
        "Odd fields",
        _FORMS,
        "attacks/test_forms.py::test_naughty_strings_are_shown_as_text_or_refused",
        "journeys/test_every_field.py::test_whatever_is_typed_is_text",
    ),
    _case(
        46,
        "Fields that would decide",
        "attacks/test_forms.py::test_fields_that_decide_nothing",
        "journeys/test_every_field.py::test_names_that_no_page_sends",
    ),
    _case(
        47,
        "Consent to another text than was shown",
        "attacks/test_forms.py::test_consent_to_another_text_than_was_shown",
    ),
    _case(
        48,
        "The change of a password for another, twice, and where it stays",
        "gateway/password/test_guarantees.py::test_another_subject_cannot_be_named",
        "gateway/password/test_guarantees.py::test_pressed_twice",
        "gateway/password/test_guarantees.py::test_nothing_keeps_it",
        "gateway/password/test_rules.py::test_what_the_gateway_needs_for_it",
    ),
    _case(
        49,
        "Loading ahead",
        "attacks/test_arrivals.py::test_whoever_only_looks_at_links_does_no_harm",
        "attacks/test_chromium.py::test_other_sites_get_no_hold_of_a_page",
        remark="It opens a login that nobody has claimed, and changes nothing for who comes after it.",
    ),
    _case(50, "Another way back", _FORGED),
    _case(
        51,
        "Open redirects",
        "attacks/test_hand_back.py::test_nothing_that_is_sent_leads_a_browser_away",
    ),
    _case(
        52, "Headers by line breaks", "attacks/test_hand_back.py::test_no_header_can_be_written_from_outside"
    ),
    _case(
        53,
        "Other hosts",
        "attacks/test_transport.py::test_other_names_of_this_house",
        "attacks/test_transport.py::test_what_a_client_says_of_proxies_is_not_believed",
    ),
    _case(
        54,
        "What the way back tells",
        "attacks/test_hand_back.py::test_the_way_back",
        "attacks/test_every_answer.py::test_every_answer_has_its_headers",
        "attacks/test_chromium.py::test_no_address_tells_a_token",
        "gateway/test_hand_back.py::test_by_get",
    ),
    _case(55, "What the answer token has", "attacks/test_hand_back.py::test_the_way_back"),
    _case(
        56,
        "The session token as an answer",
        "journeys/test_other_browsers.py::test_who_lured_cannot_take_the_answer_home",
    ),
    _case(
        57,
        "An answer of another login, of another person, twice",
        "attacks/test_transplant.py::test_an_answer_fits_its_own_question_only",
    ),
    _case(
        58,
        "The transplant",
        "journeys/test_other_browsers.py::test_a_proof_by_somebody_else_counts_for_nothing",
        "attacks/test_transplant.py::test_where_the_tenant_knows_its_browser_nothing_is_won",
    ),
    _case(59, "Frames", "attacks/test_chromium.py::test_other_sites_get_no_hold_of_a_page"),
    _case(
        60,
        "Markup in names and texts",
        "attacks/test_hand_back.py::test_foreign_words_are_text",
        "attacks/test_every_answer.py::test_every_answer_has_its_headers",
        "attacks/test_every_answer.py::test_pages_of_every_step_load_nothing_from_elsewhere",
        "attacks/test_every_answer.py::test_the_judge_of_policies_is_strict",
        "journeys/test_every_field.py::test_what_the_tenant_knows_is_text_too",
    ),
    _case(61, "Cookies", "attacks/test_hand_back.py::test_cookies_are_for_this_host_and_for_no_script"),
    _case(62, "Cross-origin requests", "attacks/test_hand_back.py::test_no_other_site_may_ask_for_anything"),
    *(
        _case(number, title, _DOORS, remark=_NO_WEBHOOKS)
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
    _case(71, "Requests with two ends, and heads that are none", _NO_HTTP),
    _case(
        72,
        "Connections that say nothing",
        "attacks/test_limits.py::test_connections_of_one_address_are_few",
        "gateway/test_limits_web.py::test_headers_that_come_drop_by_drop",
        remark="The process closes them itself; from many addresses the proxy in front has to.",
    ),
    _case(
        73,
        "A thousand bad tokens",
        "attacks/test_limits.py::test_bad_tokens_are_the_senders_limit_alone",
        "attacks/test_limits.py::test_what_is_no_http_counts_too",
    ),
    _case(74, "A made-up address", "attacks/test_limits.py::test_a_made_up_way_does_not_help"),
    _case(
        75,
        "Ten thousand open logins",
        "attacks/test_limits.py::test_open_logins_of_one_user_are_few",
        "gateway/test_limits_web.py::test_too_many_open_logins_of_a_tenant",
    ),
    _case(
        76,
        "Internal addresses from outside",
        _DOORS,
        "attacks/test_transport.py::test_every_answer_says_the_same_of_its_server",
    ),
    _case(
        77,
        "What is said while something is down",
        "gateway/test_web_errors.py::test_the_database_is_away",
        "journeys/test_policies.py::test_wait_ends_before_the_login_does",
        "journeys/test_password.py::test_the_tenant_is_away",
        "faults/test_crash_loop.py::test_a_login_outlives_every_fate_at_any_effect",
    ),
    _case(
        78,
        "What errors tell",
        "gateway/test_web_errors.py::test_error_pages_repeat_nothing",
        "gateway/test_web_errors.py::test_a_mistake_of_ours",
        "journeys/test_what_goes_wrong.py::test_nothing_is_seen_of_what_goes_wrong",
        "attacks/test_refusals.py::test_whoever_is_refused_is_shown_a_way",
        remark="Every attack's page is searched for what was sent, and compared with others of its kind.",
    ),
    _case(79, "Administration over HTTP", remark="There is none: operators use the command line."),
    _case(
        80,
        "SQL without a tenant, or for another",
        "common/test_tenants_apart.py::test_a_transaction_sees_its_tenant_alone",
        "common/test_tenants_apart.py::test_nothing_is_written_for_another_tenant",
        "common/test_tenants_apart.py::test_every_table_with_a_tenant_is_walled",
    ),
    _case(
        81,
        "Ciphertext in another's place",
        "attacks/test_storage.py::test_stored_fields_open_in_their_own_row_only",
        "common/test_vault.py::test_a_copy_elsewhere_does_not_open",
    ),
    _case(
        82,
        "Ciphertext that was changed",
        "attacks/test_storage.py::test_stored_fields_open_in_their_own_row_only",
        "common/test_vault.py::test_every_bit_counts",
    ),
    _case(
        83,
        "What is left of an erased person",
        "journeys/test_erase.py::test_an_erased_person_is_gone_for_good",
        "journeys/test_erase.py::test_it_is_asked_for_twice",
    ),
    _case(
        84,
        "What is left when its time is over",
        "gateway/test_retention.py::test_personal_fields_go_while_the_row_remains",
        "proofing/test_retention.py::test_each_field_goes_when_its_time_has_come",
    ),
    _case(
        85,
        "Forged messages",
        "attacks/test_messages.py::test_a_forged_message_moves_no_login",
        "metadata_sync/test_bad_input.py::test_each_is_parked_with_its_reason_and_delays_nobody",
        "proofing/test_service.py::test_what_cannot_be_opened_is_parked_with_its_reason",
    ),
    _case(
        86,
        "Default credentials in production",
        "common/test_production.py::test_everything_that_is_weak_is_listed_at_once",
    ),
    _case(
        87,
        "Secrets in logs, command lines and representations",
        "journeys/test_trail.py::test_nothing_personal_or_secret_is_seen",
        "journeys/test_what_goes_wrong.py::test_nothing_is_seen_of_what_goes_wrong",
        "gateway/test_settings.py::test_secrets_are_not_shown",
        "common/test_tenants.py::test_nothing_shows_a_secret",
    ),
    _case(
        88,
        "Lines written into the log",
        "attacks/test_transport.py::test_nobody_writes_into_the_log",
        "journeys/test_what_goes_wrong.py::test_nothing_is_seen_of_what_goes_wrong",
    ),
    _case(
        89,
        "Hosts of a tenant that lead inside",
        "common/test_tenants_mistakes.py::test_hosts_in_production",
        "common/test_outgoing.py::test_a_name_that_leads_inside",
        "common/test_outgoing.py::test_rebinding",
    ),
    _case(
        90,
        "A redirect of the Management API",
        "metadata_sync/test_management.py::test_every_other_end_has_its_class",
    ),
    _case(
        91,
        "The transplant, second round",
        "attacks/test_transplant.py::test_where_the_tenant_knows_its_browser_nothing_is_won",
    ),
    _case(
        92,
        "The victim's own browser resumes",
        "attacks/test_transplant.py::test_what_remains_where_the_tenant_takes_any_browser",
        "attacks/test_transplant.py::test_what_remains_is_less_where_the_network_is_compared",
        "journeys/test_other_browsers.py::test_a_tenant_that_forgets_its_browser_still_knows_it",
        remark="Not closed: docs/security.md says what remains.",
    ),
    _case(
        93,
        "Guesses over parallel logins",
        "attacks/test_logins.py::test_guesses_over_parallel_logins_are_one_persons",
        "gateway/test_acts.py::test_guesses_over_parallel_logins",
        "gateway/test_stepup.py::test_wrong_codes_are_counted_over_all_logins",
    ),
    _case(
        94,
        "Erased while an answer is out",
        "journeys/test_erase.py::test_the_returning_person_starts_anew",
        "metadata_sync/test_erase.py::test_what_is_under_way_cannot_bring_anything_back",
        "metadata_sync/test_erasing.py::test_in_any_order_nothing_from_before_survives",
    ),
    _case(
        95,
        "An old write that the tenant applies late",
        "metadata_sync/test_faults.py::test_a_write_whose_end_was_not_seen_is_settled",
    ),
    _case(
        96,
        "Hosts in other scripts and forms",
        "attacks/test_transport.py::test_other_names_of_this_house",
    ),
    _case(
        97,
        "A cookie tossed beside ours",
        "attacks/test_arrivals.py::test_a_cookie_that_comes_twice_is_nobodys",
    ),
    _case(
        98,
        "The login of another tenant",
        "attacks/test_logins.py::test_a_tenants_login_is_not_anothers",
    ),
    _case(
        99,
        "An answer kept for another login",
        "attacks/test_transplant.py::test_an_answer_cannot_be_kept_for_later",
    ),
    _case(
        100,
        "Scanners of mails and links",
        "attacks/test_arrivals.py::test_whoever_only_looks_at_links_does_no_harm",
        "gateway/test_stepup.py::test_whoever_opens_links_cannot_use_or_spend_the_code",
    ),
    _case(
        101,
        "The CSRF token of an earlier cookie",
        "attacks/test_forms.py::test_tokens_of_other_logins_are_none",
    ),
    _case(
        102,
        "Another protocol on the same line",
        _NO_HTTP,
        "attacks/test_transport.py::test_nobody_changes_the_protocol",
    ),
    _case(
        103,
        "Parts, encodings and former versions of a page",
        "attacks/test_transport.py::test_parts_and_former_versions_are_not_served",
    ),
    _case(
        104,
        "Languages without end",
        "attacks/test_transport.py::test_languages_without_end",
    ),
    _case(
        105,
        "The other browser of the same login",
        "attacks/test_logins.py::test_who_came_too_late_may_do_nothing",
    ),
    _case(
        106,
        "Another person's receipt",
        "attacks/test_logins.py::test_without_its_cookie_a_login_is_closed",
        "journeys/test_every_field.py::test_receipts_of_others",
    ),
    _case(
        107,
        "Live updates of another's login",
        "attacks/test_logins.py::test_without_its_cookie_a_login_is_closed",
        "gateway/test_live.py::test_others_do_not_listen",
    ),
    _case(
        108,
        "Paths that lead out, and ids that only look like some",
        _DOORS,
        "attacks/test_logins.py::test_malformed_ids_reach_no_login",
    ),
    _case(
        109,
        "The choice of a language as a way out",
        "attacks/test_hand_back.py::test_the_choice_of_a_language_is_nothing_else",
    ),
    _case(
        110,
        "Headers that rewrite the request",
        "attacks/test_transport.py::test_what_a_client_says_of_proxies_is_not_believed",
        _FORMS,
    ),
)
