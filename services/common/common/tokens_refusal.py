"""Why a session token is refused."""

from enum import StrEnum

from common.errors import WaystationError
from common.tokens_session import SessionToken


class Refusal(StrEnum):
    """For the log, never for the browser. Most are the claim at fault; `kid` is a key that we do not have."""

    TENANT = "tenant"
    FORM = "form"
    HEADER = "header"
    KID = "kid"
    SIGNATURE = "signature"
    PAYLOAD = "payload"
    ISS = "iss"
    SUB = "sub"
    AUD = "aud"
    JTI = "jti"
    IAT = "iat"
    EXP = "exp"
    NBF = "nbf"
    V = "v"
    IP = "ip"
    STEPS = "steps"
    ENTRY = "entry"
    CONTINUE_URI = "continue_uri"
    CLIENT_ID = "client_id"
    PROTOCOL = "protocol"
    UI_LOCALES = "ui_locales"
    REQUESTED = "requested"
    AUTHORIZE = "authorize"
    AUTHORIZE_AGAIN = "authorize_again"
    EMAIL = "email"
    PROFILE = "profile"
    EXPIRED = "expired"


class SessionTokenError(WaystationError):
    """The session token is refused; outside there is one answer for every `reason`."""

    def __init__(self, reason: Refusal) -> None:
        super().__init__("the session token is refused")
        self.reason = reason


class SessionTokenExpiredError(SessionTokenError):
    """Nothing is wrong with the token but its age: the browser that already claimed its login may go on."""

    def __init__(self, token: SessionToken) -> None:
        super().__init__(Refusal.EXPIRED)
        self.token = token
