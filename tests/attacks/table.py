"""Every attack that we know of: which tests prove that it fails, or why it is none here.

Up to 95 they are those that the design began with; the rest was thought of later.
"""

from tests.attacks.cases import browser, data, later, logins, network, tokens

CASES = (
    *tokens.CASES,
    *logins.CASES,
    *browser.CASES,
    *network.CASES,
    *data.CASES,
    *later.CASES,
)
