"""The Logic Apps samples are well-formed: names, order, parameters, and no secret in sight."""

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.logic_apps.definitions import FOLDER, NAMES, Json, all_actions, all_calls, load, texts
from tests.support.logic_apps.expressions import Literal

SCHEMA = "https://schema.management.azure.com/providers/Microsoft.Logic/schemas/2016-06-01/workflowdefinition.json#"
STATUSES = {"Succeeded", "Failed", "TimedOut", "Skipped"}
# what the schema reference lists for each of these types, of what is used here
PROPERTIES = {
    "Compose": {"inputs"},
    "Http": {"inputs", "operationOptions", "runtimeConfiguration"},
    "Wait": {"inputs"},
    "Scope": {"actions"},
    "If": {"expression", "actions", "else"},
    "Until": {"expression", "actions", "limit", "operationOptions"},
    "Foreach": {"foreach", "actions", "runtimeConfiguration"},
    "Terminate": {"inputs"},
}


@pytest.fixture(params=NAMES)
def definition(request: pytest.FixtureRequest) -> Json:
    """One of the definitions."""
    return load(request.param)


def _argument(call: Any) -> str:
    (argument,) = call.arguments
    assert isinstance(argument, Literal)
    return str(argument.value)


def _blocks(actions: Json) -> Iterator[Json]:
    yield actions
    for action in actions.values():
        for block in (action.get("actions"), action.get("else", {}).get("actions")):
            if block is not None:
                yield from _blocks(block)


def test_every_definition_is_looked_at() -> None:
    """The folder holds these definitions and no other."""
    assert {path.stem for path in FOLDER.glob("*.json")} == set(NAMES)


def test_the_envelope_is_what_the_tools_want(definition: Json) -> None:
    """Schema, version, one trigger, and actions with names that are unique in the whole and hold no odd character."""
    assert definition["$schema"] == SCHEMA
    assert set(definition) == {"$schema", "contentVersion", "parameters", "triggers", "actions", "outputs"}
    assert len(definition["triggers"]) == 1
    names = [name for name, _ in all_actions(definition["actions"])]
    assert len(set(names)) == len(names)
    assert all(re.fullmatch(r"[A-Z][A-Za-z_]{0,79}", name) for name in names)


def test_a_trigger_insists_on_what_it_needs(definition: Json) -> None:
    """Where a property is required the trigger checks its schema, which Logic Apps does not do by itself."""
    (trigger,) = definition["triggers"].values()
    required = trigger.get("inputs", {}).get("schema", {}).get("required")
    assert (trigger.get("operationOptions") == "EnableSchemaValidation") == bool(required)


def test_the_readme_shows_the_action_as_it_is() -> None:
    """What a reader pastes into a workflow is the action of the definition, under its name."""
    (block,) = re.findall(r"^```json\n(.*?)^```", (FOLDER / "README.md").read_text("utf-8"), re.DOTALL | re.MULTILINE)
    name = "Regenerate"
    assert json.loads(f"{{{block}}}") == {name: load("regenerate-key")["actions"][name]}


def test_every_action_is_of_a_known_shape(definition: Json) -> None:
    """Its type has these properties and no other."""
    for name, action in all_actions(definition["actions"]):
        assert set(action) - {"type", "runAfter"} <= PROPERTIES[action["type"]], name


def test_what_an_action_runs_after_stands_beside_it(definition: Json) -> None:
    """runAfter names actions of the same block, with known statuses, and there is a first one."""
    for block in _blocks(definition["actions"]):
        for name, action in block.items():
            assert set(action["runAfter"]) <= set(block) - {name}
            assert all(statuses and set(statuses) <= STATUSES for statuses in action["runAfter"].values())
        assert not block or any(not action["runAfter"] for action in block.values())


def _check_references(block: Json, known: set[str]) -> None:
    for action in block.values():
        before = set(known)
        waiting = list(action["runAfter"])
        while waiting:
            after = waiting.pop()
            before |= {after, *(_within(block[after]))}
            waiting += block[after]["runAfter"]
        inner = {name: value for name, value in action.items() if name not in ("actions", "else", "expression")}
        # the condition of an Until is asked after its actions
        own = set(action.get("actions", {})) if action["type"] == "Until" else set[str]()
        for value, allowed in ((inner, before), (action.get("expression"), before | own)):
            for call in all_calls(value):
                if call.name in ("body", "outputs"):
                    assert _argument(call) in allowed, action
        for nested in (action.get("actions", {}), action.get("else", {}).get("actions", {})):
            _check_references(nested, before)


def _within(action: Json) -> set[str]:
    """Return what lies in a scope, and may be spoken of after it; what a loop holds may not."""
    return {name for name, _ in all_actions(action["actions"])} if action["type"] == "Scope" else set()


def test_expressions_speak_of_what_has_run(definition: Json) -> None:
    """body() and outputs() name an action on the path before; nothing outside of a loop reaches into it."""
    _check_references(definition["actions"], set())


def test_parameters_are_declared_and_used(definition: Json) -> None:
    """Every parameter is declared with its type and purpose, and used; a secure one has no default."""
    used = {_argument(call) for call in all_calls(definition) if call.name == "parameters"}
    assert used == set(definition["parameters"])
    for name, parameter in definition["parameters"].items():
        assert parameter["metadata"]["description"], name
        assert ("defaultValue" in parameter) == (not parameter["type"].startswith("Secure")), name


def test_no_http_action_shows_what_it_sends_and_gets(definition: Json) -> None:
    """Each has secure inputs and outputs, a retry policy of its own, and leaves the asynchronous pattern off."""
    actions = [(name, action) for name, action in all_actions(definition["actions"]) if action["type"] == "Http"]
    assert actions
    for name, action in actions:
        assert action["runtimeConfiguration"] == {"secureData": {"properties": ["inputs", "outputs"]}}, name
        assert action["operationOptions"] == "DisableAsyncPattern", name
        policy = action["inputs"]["retryPolicy"]
        # https://learn.microsoft.com/azure/logic-apps/error-exception-handling#retry-policy-limits
        assert policy == {"type": "none"} or 1 <= policy["count"] <= 90, name


def test_the_function_key_goes_to_the_app_alone(definition: Json) -> None:
    """Whoever gets the header x-functions-key is the app; the webhook gets none, and no literal stands in it."""
    for name, action in all_actions(definition["actions"]):
        if action["type"] != "Http":
            continue
        inputs = action["inputs"]
        to_the_app = inputs["uri"].startswith("@concat(parameters('appUrl'), '/api/")
        assert (inputs["headers"].get("x-functions-key") == "@parameters('functionKey')") == to_the_app, name
        keyed = [call for call in all_calls(action) if call.name == "parameters" and _argument(call) == "functionKey"]
        assert len(keyed) == to_the_app, name


def test_what_is_repeated_is_safe_to_repeat(definition: Json) -> None:
    """A POST to the app is repeated only with an id that the run has made once, or with If-Match."""
    for name, action in all_actions(definition["actions"]):
        inputs: Json = action["inputs"] if action["type"] == "Http" else {}
        if inputs.get("method") != "POST" or "/api/" not in inputs["uri"]:
            continue
        once = inputs["headers"].get("Repeatability-Request-ID") == "@outputs('Make_a_request_id')"
        assert once or "If-Match" in inputs["headers"] or inputs["retryPolicy"]["type"] == "none", name
    ids = [action for name, action in all_actions(definition["actions"]) if name == "Make_a_request_id"]
    assert all(action["inputs"] == "@guid()" for action in ids)


def test_loops_end(definition: Json) -> None:
    """Every Until has a limit in time, and reaching it is a failure."""
    for name, action in all_actions(definition["actions"]):
        if action["type"] == "Until":
            assert action["limit"]["timeout"] == "PT30M", name
            assert action["operationOptions"] == "FailWhenLimitsReached", name


def test_no_text_looks_like_a_key(definition: Json) -> None:
    """No long text without a blank but URLs and expressions."""
    for text in texts(definition):
        assert re.search(r"[A-Za-z0-9+/_-]{32,}={0,2}", re.sub(r"^https://\S+", "", text)) is None, text
