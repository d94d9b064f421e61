"""The page made from the contracts."""

from __future__ import annotations

from tests.contracts.starrocks.page import PAGE, page


def test_the_published_page_is_current() -> None:
    assert PAGE.read_text() == page(), "python -m tests.contracts.starrocks.page"
