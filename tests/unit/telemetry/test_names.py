"""The names: well formed, told once, and documented."""

import re
from pathlib import Path

import pytest

from shared.telemetry.names import METRICS, Attribute

PAGE = (Path(__file__).resolve().parents[3] / "docs" / "telemetry.md").read_text("utf-8")
# https://opentelemetry.io/docs/specs/semconv/general/naming/
NAME = re.compile(r"[a-z][a-z0-9]*(?:_[a-z0-9]+)*(?:\.[a-z][a-z0-9]*(?:_[a-z0-9]+)*)+")


@pytest.mark.parametrize("name", [*(each.value for each in Attribute), *(metric.name for metric in METRICS)])
def test_a_name_is_well_formed_and_documented(name: str) -> None:
    """As the semantic conventions have it, and on the page for who reads the telemetry."""
    assert NAME.fullmatch(name)
    assert f"`{name}`" in PAGE


def test_the_page_names_nothing_else() -> None:
    """What the page promises in the app's namespace is told."""
    known = {*(each.value for each in Attribute), *(metric.name for metric in METRICS)}
    assert set(re.findall(r"`(acs\.[a-z_.]+)`", PAGE)) - known == set()


@pytest.mark.parametrize("metric", METRICS, ids=lambda metric: metric.name)
def test_a_metric_is_documented_with_its_unit(metric: object) -> None:
    """The table has the unit beside the name."""
    name, unit = (str(getattr(metric, each)) for each in ("name", "unit"))
    assert re.search(rf"\| `{re.escape(name)}` \|[^|\n]*\| `{re.escape(unit)}` \|", PAGE)
