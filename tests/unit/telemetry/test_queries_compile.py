"""The saved queries compile: Kusto's own parser and binder, in JavaScript, on the tables as Azure Monitor has them."""

import json
import subprocess
from pathlib import Path

import pytest

from tests.support.interop import INTEROP, require_javascript

QUERIES = sorted((Path(__file__).resolve().parents[3] / "infra" / "queries").glob("*.kql"))
# the columns that matter here: https://learn.microsoft.com/azure/azure-monitor/reference/tables/appmetrics
TABLES = {
    "AppMetrics": {
        "TimeGenerated": "datetime",
        "Name": "string",
        "Sum": "real",
        "Min": "real",
        "Max": "real",
        "ItemCount": "int",
        "Properties": "dynamic",
        "AppRoleName": "string",
    },
    "AppTraces": {
        "TimeGenerated": "datetime",
        "Message": "string",
        "SeverityLevel": "int",
        "Properties": "dynamic",
        "OperationId": "string",
        "AppRoleName": "string",
    },
}


def complaints(query: str) -> list[str]:
    """Return what Kusto's compiler has against a query; skips the test where it is not installed."""
    node = require_javascript("@kusto/language-service-next")
    child = subprocess.run(  # noqa: S603  # a script of our own
        [node, str(INTEROP / "kusto.mjs")],
        input=json.dumps({"tables": TABLES, "query": query}),
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert child.returncode == 0, child.stderr
    return json.loads(child.stdout)


@pytest.mark.parametrize("path", QUERIES, ids=lambda path: path.stem)
def test_a_query_compiles(path: Path) -> None:
    """Operators, functions, columns and types are such as Kusto knows."""
    assert complaints(path.read_text("utf-8")) == []


@pytest.mark.parametrize(
    "query",
    ["AppTraces | whre true", "AppTraces | where Massage == ''", "AppTrace | take 1", "AppTraces | where ago(1)"],
)
def test_a_query_that_is_wrong_is_found(query: str) -> None:
    """An operator, a column, a table or an argument that is not there."""
    assert complaints(query)
