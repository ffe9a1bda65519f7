"""Is the list of ops in the docs what the ops say of themselves?"""

from __future__ import annotations

from tests.kernels_page import PAGE, page


def test_the_page_is_current() -> None:
    assert PAGE.read_text() == page(), "run `python -m tests.kernels_page`"
