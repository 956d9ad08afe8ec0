"""Tenants, what is stored, and the transplant."""

from tests.attacks.cases.case import case

CASES = (
    case(79, "Administration over HTTP", remark="There is none: operators use the command line."),
    case(
        80,
        "SQL without a tenant, or for another",
        "common/test_tenants_apart.py::test_a_transaction_sees_its_tenant_alone",
        "common/test_tenants_apart.py::test_nothing_is_written_for_another_tenant",
        "common/test_tenants_apart.py::test_every_table_with_a_tenant_is_walled",
    ),
    case(
        81,
        "Ciphertext in another's place",
        "attacks/test_storage.py::test_stored_fields_open_in_their_own_row_only",
        "common/test_vault.py::test_a_copy_elsewhere_does_not_open",
    ),
    case(
        82,
        "Ciphertext that was changed",
        "attacks/test_storage.py::test_stored_fields_open_in_their_own_row_only",
        "common/test_vault.py::test_every_bit_counts",
    ),
    case(
        83,
        "What is left of an erased person",
        "journeys/test_erase.py::test_an_erased_person_is_gone_for_good",
        "journeys/test_erase.py::test_it_is_asked_for_twice",
    ),
    case(
        84,
        "What is left when its time is over",
        "gateway/test_retention.py::test_personal_fields_go_while_the_row_remains",
        "proofing/test_retention.py::test_each_field_goes_when_its_time_has_come",
    ),
    case(
        85,
        "Forged messages",
        "attacks/test_messages.py::test_a_forged_message_moves_no_login",
        "metadata_sync/test_bad_input.py::test_each_is_parked_with_its_reason_and_delays_nobody",
        "proofing/test_service.py::test_what_cannot_be_opened_is_parked_with_its_reason",
    ),
    case(
        86,
        "Default credentials in production",
        "common/test_production.py::test_everything_that_is_weak_is_listed_at_once",
    ),
    case(
        87,
        "Secrets in logs, command lines and representations",
        "journeys/test_trail.py::test_nothing_personal_or_secret_is_seen",
        "journeys/test_what_goes_wrong.py::test_nothing_is_seen_of_what_goes_wrong",
        "gateway/test_settings.py::test_secrets_are_not_shown",
        "common/test_tenants.py::test_nothing_shows_a_secret",
    ),
    case(
        88,
        "Lines written into the log",
        "attacks/test_transport.py::test_nobody_writes_into_the_log",
        "journeys/test_what_goes_wrong.py::test_nothing_is_seen_of_what_goes_wrong",
    ),
    case(
        89,
        "Hosts of a tenant that lead inside",
        "common/test_tenant_hosts.py::test_hosts_in_production",
        "common/test_outgoing.py::test_a_name_that_leads_inside",
        "common/test_outgoing.py::test_rebinding",
    ),
    case(
        90,
        "A redirect of the Management API",
        "metadata_sync/test_management.py::test_every_other_end_has_its_class",
    ),
    case(
        91,
        "The transplant, second round",
        "attacks/test_transplant.py::test_where_the_tenant_knows_its_browser_nothing_is_won",
    ),
    case(
        92,
        "The victim's own browser resumes",
        "attacks/test_transplant.py::test_what_remains_where_the_tenant_takes_any_browser",
        "attacks/test_transplant.py::test_what_remains_is_less_where_the_network_is_compared",
        "journeys/test_other_browsers.py::test_a_tenant_that_forgets_its_browser_still_knows_it",
        remark="Not closed: docs/security.md says what remains.",
    ),
    case(
        93,
        "Guesses over parallel logins",
        "attacks/test_logins.py::test_guesses_over_parallel_logins_are_one_persons",
        "gateway/test_acts.py::test_guesses_over_parallel_logins",
        "gateway/test_stepup.py::test_wrong_codes_are_counted_over_all_logins",
    ),
    case(
        94,
        "Erased while an answer is out",
        "journeys/test_erase.py::test_an_erased_person_is_gone_for_good",
        "journeys/test_erase.py::test_the_returning_person_starts_anew",
        "metadata_sync/test_erase.py::test_what_is_under_way_cannot_bring_anything_back",
        "metadata_sync/test_erasing.py::test_in_any_order_nothing_from_before_survives",
    ),
    case(
        95,
        "An old write that the tenant applies late",
        "metadata_sync/test_faults.py::test_a_write_whose_end_was_not_seen_is_settled",
    ),
)
