"""Is the table of arguments in the docs what the ops declare?"""

from __future__ import annotations

from tests.arguments_page import PAGE, page


def test_the_page_is_current() -> None:
    assert PAGE.read_text() == page(), "run `python -m tests.arguments_page`"
