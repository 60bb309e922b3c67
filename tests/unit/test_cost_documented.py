"""docs/cost.md: its formula gives its table."""

import re
import subprocess
import sys

from tests.support.emulator import PROJECT_ROOT

PAGE = (PROJECT_ROOT / "docs" / "cost.md").read_text("utf-8")


def test_the_formula_gives_the_table() -> None:
    """Every row that the program on the page prints stands in the table above it."""
    above, fence, rest = PAGE.partition("```python\n")
    assert fence
    run = subprocess.run(  # noqa: S603  # the page's own program
        [sys.executable, "-c", rest.partition("```")[0]], capture_output=True, text=True, check=True
    )
    rows = run.stdout.splitlines()
    assert len(rows) == 6
    assert rows == re.findall(r"^\| .*\$.*$", above, re.MULTILINE)
