"""Session tokens that nobody should take."""

from tests.attacks.cases.case import FORGED, case

CASES = (
    case(1, "No algorithm, no signature", FORGED, remark="An empty signature is no form of a token: 400."),
    case(2, "An algorithm that is missing or of another type", FORGED),
    case(3, "A public key as HS256 secret", "attacks/test_rs256.py::test_a_public_key_signs_nothing"),
    case(
        4,
        "The same in its other encodings",
        "attacks/test_rs256.py::test_a_public_key_signs_nothing",
        FORGED,
    ),
    case(5, "Another algorithm than the tenant's", FORGED),
    case(6, "One bit flipped", FORGED),
    case(7, "Two, four and five parts", FORGED),
    case(8, "Letters that no token has, and lengths", FORGED),
    case(9, "Payloads that are no JSON object", FORGED),
    case(10, "A claim twice", FORGED),
    case(11, "Wrong expiry", FORGED),
    case(12, "Wrong beginning", FORGED),
    case(13, "Issuers that look alike", FORGED),
    case(14, "Audiences that look alike", FORGED),
    case(15, "Subjects that are none, or another tenant's", FORGED),
    case(16, "Ids that are none", FORGED),
    case(17, "Tokens of another type", FORGED, "attacks/test_rs256.py::test_only_listed_keys_by_their_names"),
    case(18, "Critical headers", FORGED),
    case(
        19,
        "Headers that name keys, or where to find them",
        "attacks/test_tokens.py::test_a_token_cannot_name_its_own_key",
        "attacks/test_rs256.py::test_only_listed_keys_by_their_names",
    ),
    case(
        20,
        "Keys that are retired, and keys that only verify",
        "attacks/test_tokens.py::test_a_retired_secret_is_over_and_a_previous_one_is_not",
        "attacks/test_rs256.py::test_only_listed_keys_by_their_names",
    ),
    case(21, "Our own answer as a session token", FORGED),
    case(22, "A token of another tenant", FORGED),
    case(23, "Tokens of Auth0 itself", "attacks/test_tokens.py::test_tokens_of_the_tenant_itself"),
    case(
        24,
        "A secret that can be guessed",
        "common/test_tenants_secrets.py::test_secret_files",
        "gateway/test_service.py::test_a_wrong_tenants_file",
        "common/test_production.py::test_everything_that_is_weak_is_listed_at_once",
    ),
    case(
        25,
        "Many unknown keys",
        "attacks/test_rs256.py::test_unknown_keys_are_looked_for_seldom",
        "gateway/test_jwks_fetch.py::test_unknown_keys",
    ),
)
