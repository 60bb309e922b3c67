"""The API's description is served, and true of a rotation's whole life; errors are held against it where they are made.

The proof sends each operation what the description allows, and what it does not (`python -m prove --only hostile`).
"""

from shared.openapi.operations import document
from tests.support.described import assert_described
from tests.support.emulator import Emulator
from tests.support.error_table import SHORT_ROUTE, arm_route
from tests.support.rotations import ROTATIONS, path_of, result, revoked, start


def test_the_description_is_served(direct: Emulator) -> None:
    """`GET /api/openapi.json` answers with the document."""
    reply = direct.get("/api/openapi.json")
    assert (reply.status, reply.header("content-type")) == (200, "application/json")
    assert reply.json == document()
    assert_described(reply, "get_openapi")


def test_a_regeneration_is_as_described(direct: Emulator) -> None:
    """200 of both routes, for both keys."""
    for key_type in ("Primary", "Secondary"):
        for path, operation in ((SHORT_ROUTE, "regenerate_default"), (arm_route(), "regenerate_by_path")):
            reply = direct.post(path, {"keyType": key_type}, {"x-ms-client-request-id": "mine"})
            assert reply.status == 200
            assert_described(reply, operation)


def test_a_rotation_is_as_described_from_its_start_to_its_end(emulator: Emulator) -> None:
    """Each status that a rotation has, the decision about its old key, and what is refused in between."""
    slow = {"service": "keyvault", "operation": "setSecret", "delaySeconds": 1, "times": 1}
    emulator.call_control("PUT", "faults", [slow])
    started = start(emulator, {"gracePeriod": "PT1H"})
    assert_described(started, "start_rotation")
    path = path_of(started.header("operation-location"))
    waiting = emulator.get(f"{path}/result")
    assert (waiting.status, emulator.get(path).status) == (202, 200)
    assert_described(waiting, "get_rotation_result")
    assert_described(emulator.get(path), "get_rotation")
    busy = start(emulator, {"supersede": True})
    assert_described(busy, "start_rotation")

    ended = result(emulator, started)
    assert ended.status == 200
    assert_described(ended, "get_rotation_result")
    if busy.status == 202:
        assert_described(result(emulator, busy), "get_rotation_result")
    refused = result(emulator, start(emulator, {}))
    assert (refused.status, refused.json["error"]["code"]) == (409, "GracePending")
    assert_described(refused, "get_rotation_result")
    in_use = emulator.post(SHORT_ROUTE, {"keyType": "Secondary"})
    assert in_use.status == 409
    assert_described(in_use, "regenerate_default")

    for status, decision, operation in ((202, "revoke", "revoke_old_key"), (409, "cancel", "keep_old_key")):
        decided = emulator.post(f"{path}/{decision}")
        assert decided.status == status
        assert_described(decided, operation)
    revoked(emulator, started)
    assert_described(emulator.get(path), "get_rotation")
    for end, operation in (("", "get_rotation"), ("/result", "get_rotation_result")):
        unknown = emulator.get(f"{ROTATIONS}/nobody{end}")
        assert unknown.status == 404
        assert_described(unknown, operation)
    forced = emulator.post(f"{SHORT_ROUTE}?force=true", {"keyType": "Secondary"})
    assert forced.status == 200
    assert_described(forced, "regenerate_default")
