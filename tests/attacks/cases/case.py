from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Case:
    """One attack; `remark` says why it has no test, or in what the answer differs from what one expects.

    Tests are named by their file below tests/.
    """

    number: int
    title: str
    tests: tuple[str, ...] = ()
    remark: str = ""


def case(number: int, title: str, *tests: str, remark: str = "") -> Case:
    return Case(number=number, title=title, tests=tests, remark=remark)


# One test of many attacks each.
FORGED = "attacks/test_tokens.py::test_a_forged_token_opens_nothing"
FORMS = "attacks/test_forms.py::test_a_form_that_no_page_sends_does_nothing"
ARRIVALS = "attacks/test_arrivals.py::test_an_odd_arrival_opens_nothing"
DOORS = "attacks/test_transport.py::test_there_are_no_other_doors"
NO_HTTP = "attacks/test_transport.py::test_what_is_no_http_ends_the_connection"
