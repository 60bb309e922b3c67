"""The saved queries: each asks for what the code tells, and says on top what it answers."""

import re
from pathlib import Path

import pytest

from shared import audit
from shared.errors import RegenerationOutcome
from shared.rotation.endings import ACTIONS
from shared.telemetry.names import METRICS, Attribute

ROOT = Path(__file__).resolve().parents[3]
QUERIES = sorted((ROOT / "infra" / "queries").glob("*.kql"))
PAGE = (ROOT / "docs" / "telemetry.md").read_text("utf-8")
EACH = pytest.mark.parametrize("path", QUERIES, ids=lambda path: path.stem)
METRIC = re.compile(r'Name == "([^"]*)"')
FIELD = re.compile(r'Properties\["([^"]*)"\]|Properties\.([\w.]+)')
COMPARED = re.compile(r'\b(Action|Outcome) (?:==|!=|in) (\("[^)]*"\)|"[^"]*")')
# what a resource and slot is seen as by the timer is a metric, what happened once is a line of the audit
OF_METRICS = {Attribute.RESOURCE_ID, Attribute.KEY_TYPE}


def test_there_are_the_queries_that_the_page_lists() -> None:
    """The page has a row for each file, and none for another one."""
    names = {path.name for path in QUERIES}
    assert {
        "keys-older-than.kql",
        "failed-rotations.kql",
        "overdue-revocations.kql",
        "who-regenerated-what.kql",
    } == names
    assert set(re.findall(r"infra/queries/([\w-]+\.kql)\)", PAGE)) == names


@EACH
def test_a_query_says_what_it_answers(path: Path) -> None:
    """Its first line is a question."""
    first = path.read_text("utf-8").splitlines()[0]
    assert first.startswith("// ")
    assert first.endswith("?")


@EACH
def test_a_query_asks_for_what_is_told(path: Path) -> None:
    """Every metric and every field is one that the code emits, in the table in which it arrives."""
    text = path.read_text("utf-8")
    metrics = set(METRIC.findall(text))
    fields = {bracketed or dotted for bracketed, dotted in FIELD.findall(text)}
    assert fields
    assert metrics <= {metric.name for metric in METRICS}
    assert ("AppMetrics" in text) is bool(metrics)
    assert ("AppTraces" in text) is not bool(metrics)
    assert fields <= (OF_METRICS if metrics else set(audit.ATTRIBUTES.values()))


@EACH
def test_a_query_compares_with_what_can_be(path: Path) -> None:
    """Actions and outcomes are spelt as the audit spells them."""
    known = {
        "Action": {*ACTIONS.values(), "KeepKey"},
        "Outcome": {*RegenerationOutcome, "Accepted", "Refused", "Succeeded", "Done", "Failed", "Canceled"},
    }
    for column, values in COMPARED.findall(path.read_text("utf-8")):
        assert set(re.findall(r'"([^"]*)"', values)) <= known[column]
