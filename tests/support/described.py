"""Holding a response against the API's description."""

from typing import Any

from jsonschema import Draft202012Validator, FormatChecker

from shared.openapi.operations import document
from tests.support.emulator import Reply

_OPERATIONS: dict[str, Any] = {
    operation["operationId"]: operation for path in document()["paths"].values() for operation in path.values()
}


def assert_described(reply: Reply, operation: str) -> None:
    """Check that the operation documents the status, that all its headers are there and the body is of its schema."""
    responses = _OPERATIONS[operation]["responses"]
    assert str(reply.status) in responses, f"{operation} does not document {reply.status}"
    response = responses[str(reply.status)]
    if "content" not in response:
        assert reply.body == b""
        return
    assert reply.header("content-type") in response["content"]
    for name in response["headers"]:
        header = document()["components"]["headers"][name]
        value = reply.header(name.lower())
        assert value is not None or not header.get("required"), name
        if value is not None:
            _validate(header["schema"], value)
    assert reply.header("retry-after") is None or "Retry-After" in response["headers"], reply.status
    _validate(response["content"]["application/json"]["schema"], reply.json)


def _validate(schema: dict[str, Any], value: Any) -> None:
    validator: Any = Draft202012Validator(document() | schema, format_checker=FormatChecker())
    errors = [f"{error.json_path}: {error.message}" for error in validator.iter_errors(value)]
    assert errors == []
