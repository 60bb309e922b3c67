"""What the replay of workflow definitions holds to, where the samples alone would not show it."""

from typing import Any

import pytest

from tests.support.logic_apps.expressions import ExpressionError, evaluate, parse
from tests.support.logic_apps.http_action import HttpActions
from tests.support.logic_apps.workflow import Run
from tests.support.webhook import Webhook


def _run(actions: dict[str, Any], **parameters: Any) -> Run:
    definition: dict[str, Any] = {"parameters": parameters, "actions": actions}
    return Run(definition, parameters, HttpActions(pace=0))


def _compose(inputs: Any, **after: list[str]) -> dict[str, Any]:
    return {"type": "Compose", "inputs": inputs, "runAfter": after}


BROKEN = _compose("@parameters('text')['x']")


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("@concat('it''s ', parameters('text'), 1)", "it's T1"),
        ("@not(equals(outputs('none')?['statusCode'], 202))", True),
        ("@@escaped", "@@escaped"),
        ("plain", "plain"),
    ],
)
def test_expressions_have_their_values(expression: str, value: object) -> None:
    """Calls, texts with quotes, numbers, properties of null."""
    run = _run({"It": _compose(expression)}, text="T")
    assert [record.outputs for record in run.history] == [value]


@pytest.mark.parametrize(
    "expression", ["@", "@concat(", "@concat('a' 'b')", "@1 2", "@a.b()", "@unknown()", "@parameters('a')[1]", "a @{b}"]
)
def test_what_is_not_known_raises(expression: str) -> None:
    """Nothing is guessed."""
    with pytest.raises(ExpressionError):
        evaluate(expression, {})


def test_a_property_of_a_text_cannot_be_selected() -> None:
    """As in the service: a body that is no JSON fails the expression that looks into it."""
    assert parse("@triggerBody()?['id']")
    run = _run({"It": BROKEN}, text="T")
    assert (run.status, run.statuses("It")) == ("Failed", ["Failed"])


def test_a_failure_that_is_handled_is_none() -> None:
    """What runs after a failure decides; what is skipped is what came before it."""
    handled = {"It": BROKEN, "Handler": _compose(1, It=["Failed"])}
    assert _run(handled, text="T").status == "Succeeded"
    unhandled = {"It": BROKEN, "Next": _compose(1, It=["Succeeded"]), "Last": _compose(1, Next=["Succeeded"])}
    run = _run(unhandled, text="T")
    assert (run.status, run.statuses("Last")) == ("Failed", ["Skipped"])


def test_the_last_iteration_of_a_loop_decides() -> None:
    """An Until that ends has its last iteration's status; at its limit it fails only where that is asked for."""

    def until(expression: str, **options: Any) -> Run:
        loop = {
            "type": "Until",
            "expression": expression,
            "limit": {"count": 2, "timeout": "PT1H"},
            "actions": {"It": _compose(1)},
            "runAfter": {},
            **options,
        }
        return _run({"Loop": loop})

    assert until("@equals(outputs('It'), 1)").statuses("It") == ["Succeeded"]
    assert until("@equals(outputs('It'), 2)").status == "Succeeded"
    limited = until("@equals(outputs('It'), 2)", operationOptions="FailWhenLimitsReached")
    assert (limited.status, len(limited.statuses("It"))) == ("Failed", 2)


def test_an_unknown_action_raises() -> None:
    """A type that a sample begins to use has to be added here."""
    with pytest.raises(NotImplementedError, match="Switch"):
        _run({"It": {"type": "Switch", "runAfter": {}}})


@pytest.mark.parametrize(("refusals", "status", "waited"), [(2, "Succeeded", [5, 10]), (9, "Failed", [5, 10])])
def test_http_is_repeated_as_its_policy_says(refusals: int, status: str, waited: list[float]) -> None:
    """5xx is sent again after growing pauses, so often and no more; headers that the service takes out are gone."""
    bounds = {"minimumInterval": "PT5S", "maximumInterval": "PT1M"}
    policy = {"type": "exponential", "count": 2, "interval": "PT5S", **bounds}
    with Webhook(refusals) as webhook:
        headers = {"Accept-Language": "de", "Content-Type": "application/json", "Host": "elsewhere", "X": "1"}
        inputs = {"method": "POST", "uri": webhook.url, "headers": headers, "body": {"a": 1}, "retryPolicy": policy}
        http = HttpActions(pace=0)
        assert http.run(inputs, polls=False)[0] == status
        assert http.waited == waited
        assert dict(http.sent[0].headers) == {"Content-Type": "application/json", "X": "1"}
        assert webhook.received == ([{"a": 1}] if status == "Succeeded" else [])
