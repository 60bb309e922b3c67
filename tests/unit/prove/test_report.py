"""The page that the proof writes."""

from bench.report import Table
from prove.report import Part, render


def test_a_part_that_holds_says_so_and_names_its_limits() -> None:
    """Its method, its tables and what it does not show."""
    part = Part(title="Load", method="Much.", tables=[Table(("a",), [("1",)])], not_shown=["Azure."])
    assert part.result == "Holds."
    assert part.to_markdown() == (
        "## Load\n\nHolds.\n\nMuch.\n\n| a |\n| --- |\n| 1 |\n\nNot shown by this:\n\n- Azure."
    )


def test_every_failure_is_told_in_full_on_a_line_of_its_own() -> None:
    """The summary at the top counts them."""
    page = render([Part(title="Matrix", method="All.", failures=["a\nb", "c"])], [("date", "2026-01-01")])
    assert "| Matrix | **2 failed.** |" in page
    assert "Failures:\n\n- a b\n- c" in page
    assert "| date | 2026-01-01 |" in page
