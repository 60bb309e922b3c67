"""The pages tell the pauses that the code makes."""

from pathlib import Path

import pytest

from shared.regeneration import Patience
from shared.rotation import announcing, steps
from shared.rotation.patient import LONGEST_RETRY_AFTER

DOCS = Path(__file__).resolve().parents[2] / "docs"
_ROTATION, _EVENTS = "rotation.md", "events.md"


@pytest.mark.parametrize(
    ("page", "sentence"),
    [
        (_ROTATION, f"tried again after {', '.join(map(str, steps.PAUSES))} s"),
        (_ROTATION, f"asks to wait for {LONGEST_RETRY_AFTER} s or less"),
        (_ROTATION, f"`listKeys` is watched for {Patience().settling_time:g} s"),
        (_EVENTS, f"after {', '.join(map(str, announcing.PAUSES[:-1]))} and {announcing.PAUSES[-1]} s"),
    ],
)
def test_a_page_tells_the_codes_own_numbers(page: str, sentence: str) -> None:
    """Each sentence stands on its page with the numbers of the code."""
    assert sentence in " ".join((DOCS / page).read_text("utf-8").split())
