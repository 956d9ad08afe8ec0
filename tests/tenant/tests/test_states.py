from tests.tenant.claims import is_settable
from tests.tenant.states import login_state, redirect_state
from tests.tenant.tests.support import CLIENT, state_parts


def test_redirect_state_has_the_real_shape() -> None:
    """166 characters that begin as recorded ones do and name the client."""
    state = redirect_state(client_id=CLIENT)
    assert (len(state), state[:6]) == (166, "hKFo2S")
    assert state_parts(state)[-1] == CLIENT
    assert "redirect" in "".join(state_parts(state))


def test_login_state_has_the_other_prefix() -> None:
    """The login page's state is a map of three."""
    assert login_state()[:6] == "g6Fo2S"


def test_states_differ() -> None:
    """No two states are alike."""
    assert len({redirect_state(client_id=CLIENT) for _ in range(100)}) == 100


def test_restricted_claims_are_dropped() -> None:
    """Names that Auth0 keeps for itself cannot be set, on either token."""
    for name in ("iss", "sub", "aud", "exp", "roles", "permissions", "org_id", "sip_x", "x5t#S256"):
        assert not is_settable(name, access_token=False, for_api=True)


def test_foreign_namespaces_are_refused() -> None:
    """Auth0's own namespaces are closed, look-alikes are not."""
    assert not is_settable("https://acme.auth0.com/x", access_token=False, for_api=True)
    assert not is_settable("urn:auth0:x", access_token=False, for_api=True)
    assert is_settable("https://notauth0.com/x", access_token=False, for_api=True)


def test_plain_names_on_access_tokens_of_auth0() -> None:
    """An access token for /userinfo takes namespaced claims only."""
    assert not is_settable("plan", access_token=True, for_api=False)
    assert is_settable("plan", access_token=True, for_api=True)
    assert is_settable("https://example.org/plan", access_token=True, for_api=False)
