"""The API's description and the running app: each request that the one allows, or does not, is answered as it says."""

import json
from collections.abc import Iterator

import pytest

from prove.fuzz import Target, fuzz
from shared.openapi.operations import document
from tests.support.emulator import Emulator
from tests.support.leaks import find_leaks
from tests.support.rotations import resource

_EXAMPLES = 4


@pytest.fixture(scope="module", params=[True, False], ids=["with a Key Vault", "without one"])
def target(request: pytest.FixtureRequest) -> Iterator[tuple[Emulator, bool]]:
    """An app that tells no topic of what it does, and whether it has a Key Vault."""
    flags = () if request.param else ("--no-key-vault",)
    with Emulator(*flags, settings={"EVENT_GRID_TOPIC_ENDPOINT": ""}) as emulator:
        yield emulator, request.param


def test_the_description_is_served(target: tuple[Emulator, bool]) -> None:
    """`GET /api/openapi.json` answers with the document, and asks nothing of Azure."""
    emulator, _ = target
    emulator.reset()
    reply = emulator.get("/api/openapi.json")
    assert (reply.status, reply.header("content-type")) == (200, "application/json")
    assert reply.json == document()
    assert emulator.call_control("GET", "requests") == []


def test_requests_that_nobody_thought_of_are_answered_as_described(target: tuple[Emulator, bool]) -> None:
    """Valid and invalid requests to each operation: a documented status, the schema of it, the headers, no call to
    Azure for what is refused, nothing that was sent in an error, and no key in an answer or in the log."""
    emulator, key_vault = target
    emulator.reset()
    fuzzed = fuzz(
        Target(app=emulator.app, control=f"{emulator.control}/_control", key_vault=key_vault), examples=_EXAMPLES
    )
    assert fuzzed.findings == []
    operations = {operation["operationId"] for path in document()["paths"].values() for operation in path.values()}
    assert {name.partition(" ")[0] for name, _, _ in fuzzed.statuses} == operations
    assert fuzzed.refused > len(operations) * _EXAMPLES / 2
    keys = resource(emulator)["issuedKeys"]
    assert find_leaks("\n".join(fuzzed.texts), keys) == []
    assert find_leaks(emulator.output, keys) == []
    assert find_leaks(json.dumps(emulator.call_control("GET", "durable")) if key_vault else "", keys) == []
