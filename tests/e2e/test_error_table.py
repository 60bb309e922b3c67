"""Every row of README's error table, set off through the running app, and the request after it."""

import re
from typing import Any

import pytest

from tests.support.described import assert_described
from tests.support.emulator import Emulator, Reply
from tests.support.error_table import ROWS, SECONDARY, SHORT_ROUTE, Row, drop_token
from tests.support.principal import principal_headers

_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def _error(reply: Reply) -> dict[str, Any]:
    assert reply.header("content-type") == "application/json"
    assert set(reply.json) == {"error"}
    return reply.json["error"]


def _outcome(error: dict[str, Any]) -> str | None:
    found = [
        item["info"]["outcome"] for item in error.get("additionalInfo", ()) if item["type"] == "RegenerationOutcome"
    ]
    assert len(found) <= 1
    return found[0] if found else None


def _assert_common_headers(reply: Reply) -> None:
    assert _UUID.fullmatch(reply.header("x-ms-request-id") or "")
    assert reply.header("cache-control") == "no-store"
    assert reply.header("x-ms-client-request-id") == "my-own.id"


@pytest.mark.parametrize("row", [pytest.param(row, id=name) for name, row in ROWS.items()])
def test_a_row_gives_the_documented_answer_and_the_next_request_works(direct: Emulator, row: Row) -> None:
    """Status, code, targets, outcome and headers are as documented; ARM was asked as often as it says; then 200."""
    if row.without_token:
        drop_token(direct)
    if row.fault is not None:
        direct.call_control("PUT", "faults", [row.fault])
    reply = direct.post(row.path, row.body, {**row.headers, "x-ms-client-request-id": "my-own.id"})
    error = _error(reply)
    assert (reply.status, error["code"], _outcome(error)) == (row.status, row.code, row.outcome)
    assert error["message"]
    assert_described(reply, "regenerate_default" if row.path == SHORT_ROUTE else "regenerate_by_path")
    if row.targets:
        assert tuple(detail["target"] for detail in error["details"]) == row.targets
    assert reply.header("retry-after") == row.retry_after
    _assert_common_headers(reply)
    posts = [entry for entry in direct.call_control("GET", "requests") if entry["operation"] == "regenerateKey"]
    assert (len(posts), sum(post["effect"] for post in posts)) == (row.posts, row.effects)

    direct.call_control("PUT", "faults", [])
    reply = direct.post(
        SHORT_ROUTE, SECONDARY, {"Content-Type": "application/json", "x-ms-client-request-id": "my-own.id"}
    )
    assert reply.status == 200, reply.body
    _assert_common_headers(reply)


def test_both_keys_get_the_sentence_of_the_specification(direct: Emulator) -> None:
    """Asking for both keys is answered with the sentence of the API's page."""
    reply = direct.post(SHORT_ROUTE, {"keyType": "primary,secondary"})
    assert "cannot be regenerated at the same time" in _error(reply)["message"]


def test_arms_details_and_additional_info_are_passed_on(direct: Emulator) -> None:
    """details and additionalInfo of ARM's error arrive as they were."""
    details = [{"code": "Quota", "message": "No.", "target": "keys"}]
    info = [{"type": "PolicyViolation", "info": {"policy": "no-keys"}}]
    direct.call_control(
        "PUT",
        "faults",
        [
            {
                "service": "arm",
                "operation": "regenerateKey",
                "status": 403,
                "code": "RequestDisallowedByPolicy",
                "details": details,
                "additionalInfo": info,
            }
        ],
    )
    error = _error(direct.post(SHORT_ROUTE, SECONDARY, {"Content-Type": "application/json"}))
    assert (error["code"], error["details"], error["additionalInfo"]) == ("RequestDisallowedByPolicy", details, info)


def test_missing_and_wrong_settings_are_named_together() -> None:
    """NotConfigured names every setting that needs attention, and the functions are there all the same."""
    settings = {
        "COMMUNICATION_SERVICE_ID": "",
        "ARM_ENDPOINT": "http://localhost",
        "REQUEST_DEADLINE_SECONDS": "soon",
        "AZURE_CLIENT_ID": "me",
    }
    with Emulator("--no-key-vault", settings=settings) as emulator:
        error = _error(reply := emulator.post(SHORT_ROUTE, SECONDARY, {"Content-Type": "application/json"}))
    assert (reply.status, error["code"]) == (503, "NotConfigured")
    assert {detail["target"] for detail in error["details"]} == set(settings)


def test_the_deadline_ends_a_request_and_says_that_the_outcome_is_unknown() -> None:
    """A slow ARM is given up on after REQUEST_DEADLINE_SECONDS; a slow identity too, and there nothing was sent."""
    with Emulator("--no-key-vault", settings={"REQUEST_DEADLINE_SECONDS": "2"}) as emulator:
        slow = {"delaySeconds": 20}
        # the identity first: afterwards the token is cached
        for fault, outcome in (
            ({"service": "identity", "operation": "token", **slow}, "NotRegenerated"),
            ({"service": "arm", "operation": "regenerateKey", **slow}, "Unknown"),
        ):
            emulator.call_control("PUT", "faults", [fault])
            error = _error(reply := emulator.post(SHORT_ROUTE, SECONDARY, {"Content-Type": "application/json"}))
            assert (reply.status, error["code"], _outcome(error)) == (504, "DeadlineExceeded", outcome)
            emulator.call_control("PUT", "faults", [])
            assert emulator.post(SHORT_ROUTE, SECONDARY, {"Content-Type": "application/json"}).status == 200


def test_a_required_app_role_is_believed_from_app_service_alone() -> None:
    """With App Service authentication a principal needs the role; without it nobody has one, whatever they send."""
    role = {"REQUIRED_APP_ROLES": "Keys.Regenerate, Keys.Admin"}
    forged = {"Content-Type": "application/json", **principal_headers("Keys.Regenerate")}
    with Emulator("--no-key-vault", settings=role) as emulator:
        error = _error(reply := emulator.post(SHORT_ROUTE, SECONDARY, forged))
        assert (reply.status, error["code"]) == (403, "RoleRequired")
    with Emulator("--no-key-vault", settings={**role, "WEBSITE_AUTH_ENABLED": "True"}) as emulator:
        for roles, status in (((), 403), (("Keys.Read",), 403), (("Keys.Regenerate",), 200), (("Keys.Admin",), 200)):
            headers = {"Content-Type": "application/json", **principal_headers(*roles)}
            assert emulator.post(SHORT_ROUTE, SECONDARY, headers).status == status
        emulator.wait_for('"outcome": "Regenerated"')
        line = emulator.output.rpartition('audit {"action": "RegenerateKey", "outcome": "Regenerated"')[2]
        assert '"caller": {"kind": "AppServicePrincipal", "id": "00001111-aaaa-2222-bbbb-3333cccc4444"' in line
