"""What is made from the contracts: the page, and the distortions that they are to notice."""

from __future__ import annotations

from tests.contracts.mutants import ROOT, mutants
from tests.contracts.starrocks.page import PAGE, contracts, modules, page


def test_the_published_page_is_current() -> None:
    assert PAGE.read_text() == page(), "python -m tests.contracts.starrocks.page"


def test_every_mutant_is_of_this_lab_and_of_these_contracts() -> None:
    names = {test.__name__ for _, module in modules() for _, test in contracts(module)}
    for mutant in mutants():
        assert mutant.applied_to((ROOT / "lab" / mutant.file).read_text())
        assert mutant.caught_by in names, mutant.rule
