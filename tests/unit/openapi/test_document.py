"""The API's description: valid, equal to the kept one, and about the functions, errors and patterns of the code."""

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import pytest
import schemathesis
from jsonschema import Draft202012Validator

from shared.conflicts import Conflict
from shared.errors import AppError
from shared.event_data import MalformedEvent
from shared.event_grid_errors import EventNotPublished
from shared.key_vault_errors import KeyVaultError
from shared.openapi.operations import document
from shared.rotation.parameters import ROTATION_PROPERTIES
from tests.support.fakes import RESOURCE

ROOT = Path(__file__).resolve().parents[3]
_FUNCTIONS = """
import json, sys
sys.path.insert(0, sys.argv[1])
import function_app
found = []
for function in function_app.app.get_functions():
    for binding in function.get_dict_repr()["bindings"]:
        if binding["type"].lower() == "httptrigger":
            summary = function.get_user_function().__doc__
            for method in binding["methods"]:
                name = function.get_function_name()
                found.append([name, "/" + binding["route"], str(getattr(method, "value", method)).lower(), summary])
print(json.dumps(found))
"""


def _operations() -> dict[tuple[str, str], Any]:
    return {(path, method): each for path, item in document()["paths"].items() for method, each in item.items()}


def _walk(value: Any) -> Iterator[dict[str, Any]]:
    """Give every object in a JSON value."""
    if isinstance(value, dict):
        found = cast("dict[str, Any]", value)
        yield found
        for each in found.values():
            yield from _walk(each)
    elif isinstance(value, list):
        for each in cast("list[Any]", value):
            yield from _walk(each)


def _errors(base: type[AppError] = AppError) -> Iterator[type[AppError]]:
    for error in base.__subclasses__():
        if error.__module__.startswith("shared."):
            yield error
            yield from _errors(error)


def test_the_kept_document_is_the_codes_own() -> None:
    """docs/openapi.json is what `python -m shared.openapi` prints."""
    printed = subprocess.run(
        [sys.executable, "-m", "shared.openapi"], capture_output=True, text=True, check=True, cwd=ROOT, timeout=60
    ).stdout
    assert (ROOT / "docs" / "openapi.json").read_text("utf-8") == printed


def test_the_document_is_valid() -> None:
    """It is OpenAPI 3.1, each of its schemas is JSON Schema, and nothing is left over or missing."""
    schemathesis.openapi.from_dict(document()).validate()
    components = document()["components"]
    for schema in components["schemas"].values():
        Draft202012Validator.check_schema(schema)
    used = {each["$ref"] for each in _walk(document()) if isinstance(each.get("$ref"), str)}
    there = {
        f"#/components/{kind}/{name}"
        for kind, named in components.items()
        if kind != "securitySchemes"
        for name in named
    }
    assert used == there


def test_it_is_about_the_functions_of_the_app() -> None:
    """Every HTTP function, and no other, under its route, method and name, with its own words."""
    told = subprocess.run(  # noqa: S603  # this interpreter, with a script of our own
        [sys.executable, "-I", "-c", _FUNCTIONS, str(ROOT)], capture_output=True, text=True, check=True, timeout=60
    ).stdout
    functions = {(path, method): (name, summary) for name, path, method, summary in json.loads(told)}
    assert {key: (each["operationId"], each["summary"]) for key, each in _operations().items()} == functions


def test_each_operation_names_the_parameters_of_its_path() -> None:
    """Those in braces, all of them required, and no others in the path."""
    parameters = document()["components"]["parameters"]
    for (path, _), operation in _operations().items():
        named = [parameters[each["$ref"].rpartition("/")[2]] for each in operation["parameters"]]
        in_path = [each for each in named if each["in"] == "path"]
        assert {each["name"] for each in in_path} == set(re.findall(r"\{(\w+)\}", path))
        assert all(each["required"] for each in in_path)


def test_the_prefix_is_that_of_the_host() -> None:
    """The server's path is host.json's route prefix."""
    prefix = json.loads((ROOT / "host.json").read_text("utf-8"))["extensions"]["http"]["routePrefix"]
    assert document()["servers"] == [{"url": f"/{prefix}"}]


def test_every_error_of_the_app_is_described() -> None:
    """Each code that a caller may get stands with its status; what is only logged does not."""
    assert {Conflict, KeyVaultError} <= set(_errors())
    told = {
        (status, code)
        for operation in _operations().values()
        for status, response in operation["responses"].items()
        for code in re.findall(r"^- `(\w+)`", response["description"], re.MULTILINE)
    }
    codes = {
        (str(error.status), error.code)
        for error in _errors()
        if "code" in vars(error) and error not in (MalformedEvent, EventNotPublished)
    }
    assert codes <= told
    assert told - codes == {
        ("400", "MissingApiVersionParameter"),
        ("400", "InvalidApiVersionParameter"),
        ("409", "Terminated"),
        ("500", "InternalServerError"),
    }


def test_every_response_but_the_hosts_has_the_common_headers() -> None:
    """x-ms-request-id and Cache-Control always, Location where it goes on; 401 is the host's, without a body."""
    for operation in _operations().values():
        for status, response in operation["responses"].items():
            if status == "401":
                assert set(response) == {"description"}
                continue
            assert {"x-ms-request-id", "Cache-Control", "x-ms-client-request-id"} <= set(response["headers"])
            assert ("Location" in response["headers"]) is (status == "202")


def test_patterns_mean_the_same_in_every_language() -> None:
    """None has a class whose letters depend on the language, and each is anchored at both ends."""
    patterns = [each["pattern"] for each in _walk(document()) if isinstance(each.get("pattern"), str)]
    assert len(patterns) > 10
    for pattern in patterns:
        assert not re.search(r"\\[wWdDsSbBAZz]|\(\?[aiLmsux<P]", pattern)
        assert pattern[0] == "^"
        assert pattern[-1] == "$"


IN: list[tuple[str, list[Any], list[Any]]] = [
    ("ResourceId", [str(RESOURCE)], ["", "/subscriptions/x", "https://a/subscriptions"]),
    ("KeyType", ["Primary", "Secondary"], ["", "Both", 1, None]),
    ("Fingerprint", ["sha256:0123456789abcdef"], ["sha256:0123456789ABCDEF", "sha256:0", "0123456789abcdef"]),
    ("RegenerateKeyParameters", [{"keyType": "Primary"}], [{}, [], {"keyType": "Primary", "x": 1}]),
    (
        "RotationRequest",
        [{}, {"gracePeriod": "P30D", "revoke": False, "supersede": None, "reason": "r" * 200}, {"activeKey": None}],
        [{"gracePeriod": "P1M"}, {"revoke": "no"}, {"reason": "r" * 201}, {"more": 1}, {"activeKey": "both"}],
    ),
]


@pytest.mark.parametrize(("schema", "taken", "refused"), IN)
def test_what_goes_in_is_what_the_code_takes(schema: str, taken: list[Any], refused: list[Any]) -> None:
    """What the parsers take is valid, and what they refuse is not."""
    whole = document() | {"$ref": f"#/components/schemas/{schema}"}
    validator: Any = Draft202012Validator(whole)
    assert [value for value in taken if not validator.is_valid(value)] == []
    assert [value for value in refused if validator.is_valid(value)] == []


def test_a_rotation_has_each_property_that_the_code_reads() -> None:
    """No more and no less, and all may be left out."""
    schema = document()["components"]["schemas"]["RotationRequest"]
    assert tuple(schema["properties"]) == ROTATION_PROPERTIES
    assert "required" not in schema
