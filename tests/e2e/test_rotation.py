"""A rotation through the running app: 202, result, the two keys over time, and what each request is answered."""

import hashlib
import json
from typing import Any

import pytest

from tests.support.audit import audited
from tests.support.emulator import Emulator
from tests.support.error_table import SHORT_ROUTE
from tests.support.outside import HASTY, running
from tests.support.rotations import (
    ROTATIONS,
    SECRET,
    accepts,
    outlast_deadline,
    path_of,
    regenerations,
    resource,
    result,
    revoked,
    secret,
    start,
    status,
)

_UUID = "0f8fad5b-d9cb-469f-a165-70867728950e"


def _fingerprint(key: str) -> str:
    return "sha256:" + hashlib.sha256(key.encode()).hexdigest()[:16]


def _set_secret(emulator: Emulator, value: str, tags: dict[str, str], name: str = SECRET) -> None:
    emulator.call_control("POST", "secrets", {"name": name, "value": value, "tags": tags})


def _tags(emulator: Emulator, key_type: str = "Primary") -> dict[str, str]:
    return {"CredentialId": key_type, "ProviderAddress": resource(emulator)["resourceId"], "ValidityPeriodDays": "90"}


def _connection_string(emulator: Emulator, key: str) -> str:
    return f"endpoint=https://{resource(emulator)['hostName']}/;accesskey={key}"


def test_a_rotation_moves_the_consumers_and_then_ends_the_old_key(emulator: Emulator) -> None:
    """202, then the new key is published with tags and expiry while the old one lives; after the grace it is dead."""
    before, first = resource(emulator), secret(emulator)["versions"][-1]
    started = start(emulator, {"gracePeriod": "PT3S", "reason": "a test"})
    assert started.header("retry-after") is not None
    ended = result(emulator, started)
    assert (ended.status, ended.json["status"], ended.json["plan"]) == (200, "Succeeded", "Rotate")
    after, version = resource(emulator), secret(emulator)["versions"][-1]
    assert after["keys"]["primary"] == before["keys"]["primary"]
    assert version["value"] == _connection_string(emulator, after["keys"]["secondary"])
    assert version["tags"] == {**first["tags"], "CredentialId": "Secondary"}
    assert version["expiresOn"] is not None
    assert ended.json["secrets"] == [_secret_id(emulator, version["version"])]
    assert ended.json["activeKey"] == "Secondary"
    assert ended.json["fingerprints"] == {
        "new": _fingerprint(after["keys"]["secondary"]),
        "old": _fingerprint(before["keys"]["primary"]),
    }
    assert accepts(emulator, before["keys"]["primary"])
    assert accepts(emulator, after["keys"]["secondary"])

    told = revoked(emulator, started)
    assert told["status"] == "Succeeded"
    assert {name: told["revocation"][name] for name in ("status", "proof")} == {"status": "Done", "proof": "Dead"}
    assert not accepts(emulator, before["keys"]["primary"])
    assert accepts(emulator, after["keys"]["secondary"])
    versions = secret(emulator)["versions"]
    assert [each["enabled"] for each in versions] == [False, True]
    assert regenerations(emulator) == 2


def _secret_id(emulator: Emulator, version: str) -> str:
    vault = emulator.call_control("GET", "endpoints")["keyVault"]
    return f"{vault}/secrets/{SECRET}/{version}"


def test_nobody_needs_to_send_a_body(emulator: Emulator) -> None:
    """POST without a body rotates with the grace period of the settings."""
    started = start(emulator)
    assert result(emulator, started).json["status"] == "Succeeded"
    assert status(emulator, started)["revocation"]["status"] == "Scheduled"


def test_without_revoke_the_old_key_stays(emulator: Emulator) -> None:
    """`"revoke": false` leaves the old key alive and nothing pending."""
    started = start(emulator, {"revoke": False, "gracePeriod": "PT0S"})
    ended = result(emulator, started)
    assert ended.json["revocation"] == {"status": "NotRequested"}
    assert accepts(emulator, resource(emulator)["keys"]["primary"])
    assert regenerations(emulator) == 1


def test_a_second_rotation_in_grace_is_refused_with_the_time(emulator: Emulator) -> None:
    """GracePending: 409 in the result, with the end of the grace and the id to end it by, and nothing is touched."""
    result(emulator, first := start(emulator, {"gracePeriod": "PT1H"}))
    ended = result(emulator, again := start(emulator))
    assert (ended.status, ended.json["error"]["code"]) == (409, "GracePending")
    (grace,) = [info for info in ended.json["error"]["additionalInfo"] if info["type"] == "GracePeriod"]
    assert grace["info"]["at"].endswith("Z")
    assert grace["info"]["id"] == first.json["id"]
    told = status(emulator, again)
    assert (told["status"], told["error"]["code"]) == ("Canceled", "GracePending")
    assert regenerations(emulator) == 1


def test_a_leak_ends_the_grace_at_once(emulator: Emulator) -> None:
    """`supersede` rotates in the midst of a grace: the key in grace dies with it, the leaked one after its own."""
    first = start(emulator, {"gracePeriod": "PT1H"})
    result(emulator, first)
    leaked, old = resource(emulator)["keys"]["secondary"], resource(emulator)["keys"]["primary"]
    second = start(emulator, {"supersede": True, "gracePeriod": "PT2S", "reason": "leaked"})
    assert result(emulator, second).json["status"] == "Succeeded"
    assert not accepts(emulator, old)
    assert revoked(emulator, first)["revocation"]["status"] == "Done"
    assert revoked(emulator, second)["revocation"]["proof"] == "Dead"
    assert not accepts(emulator, leaked)
    assert accepts(emulator, resource(emulator)["keys"]["primary"])
    assert regenerations(emulator) == 3


@pytest.mark.parametrize(("decision", "state", "alive"), [("revoke", "Done", False), ("cancel", "Canceled", True)])
def test_the_grace_can_be_decided_once(emulator: Emulator, decision: str, state: str, alive: bool) -> None:
    """revoke and cancel: 202 with the status; the second decision is 409; an unknown rotation is 404."""
    started = start(emulator, {"gracePeriod": "PT1H"})
    result(emulator, started)
    old = resource(emulator)["keys"]["primary"]
    path = path_of(started.header("operation-location"))
    assert emulator.post(f"{path}/{decision}").status == 202
    assert revoked(emulator, started)["revocation"]["status"] == state
    assert accepts(emulator, old) is alive
    for late in ("revoke", "cancel"):
        assert emulator.post(f"{path}/{late}").status == 409
        assert emulator.post(f"{ROTATIONS}/nobody/{late}").status == 404


def test_the_same_request_is_the_same_rotation(emulator: Emulator) -> None:
    """Repeatability-Request-ID: the same id again finds the rotation, another body is 409, no UUID is 400."""
    id_ = _UUID[:-6] + f"{abs(hash(resource(emulator)['keys']['primary'])) % 16**6:06x}"
    first = start(emulator, {"gracePeriod": "PT1H"}, Repeatability_Request_ID=id_)
    result(emulator, first)
    again = start(emulator, {"gracePeriod": "PT1H"}, Repeatability_Request_ID=id_.upper())
    assert (again.status, again.header("location")) == (202, first.header("location"))
    other = start(emulator, {"gracePeriod": "PT2H"}, Repeatability_Request_ID=id_)
    assert (other.status, other.json["error"]["code"]) == (409, "RequestIdReused")
    assert start(emulator, {}, Repeatability_Request_ID="1").status == 400
    assert regenerations(emulator) == 1


def test_a_resource_without_a_secret_is_adopted_by_word(emulator: Emulator) -> None:
    """No secret: ActiveKeyUnknown; with activeKey the other key is regenerated and a secret is made for it."""
    emulator.call_control("DELETE", f"secrets?name={SECRET}")
    resource_id = resource(emulator)["resourceId"] + "2"
    emulator.call_control("POST", "resources", {"resourceId": resource_id})
    with Emulator(settings={"ALLOWED_COMMUNICATION_SERVICES": resource_id.rpartition("/providers")[0]}) as own:
        own.call_control("POST", "resources", {"resourceId": resource_id})
        ended = result(own, start(own, {"resourceId": resource_id}))
        assert (ended.status, ended.json["error"]["code"]) == (409, "ActiveKeyUnknown")
        ended = result(own, start(own, {"resourceId": resource_id, "activeKey": "secondary", "gracePeriod": "PT1H"}))
        assert (ended.json["plan"], ended.json["activeKey"]) == ("Adopt", "Primary")
        made = secret(own, "MyCommunicationResource2-connection-string")["versions"]
        (keys,) = [r["keys"] for r in own.call_control("GET", "resources") if r["resourceId"] == resource_id]
        assert made[0]["value"].endswith(";accesskey=" + keys["primary"])
        assert made[0]["tags"]["ProviderAddress"] == resource_id


def test_a_secret_that_publishes_a_dead_key_is_repaired_first(emulator: Emulator) -> None:
    """Somebody regenerated the published key: the rotation repairs the secret and goes on."""
    emulator.call_control("PUT", "faults", [])
    _set_secret(emulator, _connection_string(emulator, "ZGVhZA=="), _tags(emulator))
    ended = result(emulator, start(emulator, {"gracePeriod": "PT1H"}))
    assert ended.json["status"] == "Succeeded"
    versions = secret(emulator)["versions"]
    keys = resource(emulator)["keys"]
    assert [v["value"] for v in versions[-2:]] == [
        _connection_string(emulator, keys["primary"]),
        _connection_string(emulator, keys["secondary"]),
    ]


def test_disagreeing_secrets_converge_on_the_newer_key(emulator: Emulator) -> None:
    """Two secrets with different live keys: the newer one is published by both, the result is SecretsDisagreed."""
    keys = resource(emulator)["keys"]
    _set_secret(emulator, keys["secondary"], _tags(emulator, "Secondary"), name="raw-key")
    ended = result(emulator, start(emulator, {"gracePeriod": "PT1H"}))
    assert (ended.status, ended.json["error"]["code"]) == (409, "SecretsDisagreed")
    published = {
        secret(emulator, name)["versions"][-1]["value"].rpartition("accesskey=")[2] for name in (SECRET, "raw-key")
    }
    assert len(published) == 1
    assert regenerations(emulator) == 0
    assert resource(emulator)["keys"] == keys


def test_every_secret_of_the_resource_follows_in_its_own_format(emulator: Emulator) -> None:
    """A raw key stays a raw key, other tags and the content type stay."""
    keys = resource(emulator)["keys"]
    tags = {**_tags(emulator), "team": "blue"}
    body = {"name": "raw-key", "value": keys["primary"], "tags": tags, "contentType": "text/x-key"}
    emulator.call_control("POST", "secrets", body)
    assert result(emulator, start(emulator, {"gracePeriod": "PT1H"})).json["status"] == "Succeeded"
    version = secret(emulator, "raw-key")["versions"][-1]
    assert version["value"] == resource(emulator)["keys"]["secondary"]
    assert (version["contentType"], version["tags"]["team"]) == ("text/x-key", "blue")


@pytest.mark.parametrize(
    ("body", "targets"),
    [
        (b'{"gracePeriod": "P1M", "revoke": "no", "reason": 1}', {"gracePeriod", "revoke", "reason"}),
        (b'{"gracePeriod": "P31D"}', {"gracePeriod"}),
        (b'{"activeKey": "both", "resourceId": "x", "more": 1}', {"activeKey", "resourceId", "more"}),
        (b"[]", {"body"}),
    ],
)
def test_a_wrong_request_is_refused_with_every_problem(emulator: Emulator, body: bytes, targets: set[str]) -> None:
    """400 with each property's target; nothing is started."""
    reply = emulator.post(ROTATIONS, body, {"Content-Type": "application/json"})
    assert reply.status == 400
    assert {detail["target"] for detail in reply.json["error"]["details"]} == targets
    assert emulator.call_control("GET", "requests") == []


def test_a_resource_outside_the_allow_list_is_refused_at_once(emulator: Emulator) -> None:
    """403 before anything is asked of Azure."""
    reply = start(emulator, {"resourceId": resource(emulator)["resourceId"] + "x"})
    assert (reply.status, reply.json["error"]["code"]) == (403, "ResourceNotAllowed")
    assert emulator.call_control("GET", "requests") == []


def test_an_unknown_rotation_is_404(emulator: Emulator) -> None:
    """Status and result of an id that nobody has."""
    for path in ("nobody", "nobody/result", "a%20b", "x" * 200):
        reply = emulator.get(f"{ROTATIONS}/{path}")
        assert (reply.status, reply.json["error"]["code"]) == (404, "NotFound")


def test_two_rotations_at_once_are_one_rotation(emulator: Emulator) -> None:
    """While one holds the resource the other is refused, at the start or in its result, with the holder's id."""
    slow = {"service": "keyvault", "operation": "setSecret", "delaySeconds": 1.5, "times": 1}
    emulator.call_control("PUT", "faults", [slow])
    first = start(emulator, {"gracePeriod": "PT1H"})
    second = start(emulator, {"gracePeriod": "PT1H"})
    refused = second if second.status != 202 else result(emulator, second)
    assert (refused.status, refused.json["error"]["code"]) in ((409, "RotationInProgress"), (409, "GracePending"))
    assert result(emulator, first).json["status"] == "Succeeded"
    assert regenerations(emulator) == 1


def test_without_a_key_vault_nothing_is_rotated(direct: Emulator) -> None:
    """--no-key-vault: 503 NotConfigured that names KEY_VAULT_URL, and the direct regenerate works as ever."""
    reply = start(direct, {})
    assert (reply.status, reply.json["error"]["code"]) == (503, "NotConfigured")
    assert "KEY_VAULT_URL" in json.dumps(reply.json)
    regenerated = direct.post(SHORT_ROUTE, {"keyType": "Primary"})
    assert (regenerated.status, regenerated.json["delivery"]["status"]) == (200, "NotConfigured")


def _regenerate(emulator: Emulator, key_type: str, query: str = "") -> Any:
    return emulator.post(SHORT_ROUTE + query, {"keyType": key_type})


def test_a_regenerate_goes_under_the_guard(emulator: Emulator) -> None:
    """An unpublished key is regenerated, a published one is KeyInUse, one in grace GracePending; force overrides."""
    reply = _regenerate(emulator, "Secondary")
    assert (reply.status, reply.json["delivery"]) == (200, {"status": "NotPublished", "secrets": []})
    assert reply.json["fingerprint"] == _fingerprint(resource(emulator)["keys"]["secondary"])
    assert reply.json["secondaryKey"] == "REDACTED"
    reply = _regenerate(emulator, "Primary")
    assert (reply.status, reply.json["error"]["code"]) == (409, "KeyInUse")
    result(emulator, start(emulator, {"gracePeriod": "PT1H"}))
    reply = _regenerate(emulator, "Primary")
    assert (reply.status, reply.json["error"]["code"]) == (409, "GracePending")
    reply = _regenerate(emulator, "Secondary", "?force=true")
    assert (reply.status, reply.json["delivery"]["status"]) == (200, "Delivered")
    key = resource(emulator)["keys"]["secondary"]
    assert secret(emulator)["versions"][-1]["value"] == _connection_string(emulator, key)
    assert reply.json["delivery"]["secrets"] == [_secret_id(emulator, secret(emulator)["versions"][-1]["version"])]
    assert _regenerate(emulator, "Primary", "?force=maybe").status == 400


def test_a_regenerate_needs_the_key_vault_first(emulator: Emulator) -> None:
    """Key Vault cannot be read: 503 KeyVaultUnavailable, denied: 403 KeyVaultForbidden; no key is touched."""
    fault = {"service": "keyvault", "operation": "*", "status": 403, "code": "ForbiddenByRbac"}
    emulator.call_control("PUT", "faults", [fault])
    reply = _regenerate(emulator, "Secondary")
    assert (reply.status, reply.json["error"]["code"]) == (403, "KeyVaultForbidden")
    assert regenerations(emulator) == 0


def test_a_regenerate_that_outlasts_the_deadline_goes_on() -> None:
    """202 with a Location, where the answer is found when it is there."""
    with running(HASTY) as emulator:
        outlast_deadline(emulator)
        reply = _regenerate(emulator, "Secondary")
        assert reply.status == 202
        answer = result(emulator, reply)
        assert (answer.status, answer.json["keyType"]) == (200, "Secondary")
        assert regenerations(emulator) == 1


def test_the_audit_ties_every_regeneration_to_who_asked_for_it(emulator: Emulator) -> None:
    """The start names caller, reason and instance; each regeneration names the instance and the new fingerprint; so
    does each end."""
    started = start(emulator, {"gracePeriod": "PT1H", "reason": "audited"})
    ended = result(emulator, started)
    path = path_of(started.header("operation-location"))
    emulator.post(f"{path}/revoke")
    revoked(emulator, started)
    id_ = started.json["id"]
    emulator.wait_for('"action": "RevokeKey", "outcome": "Done"')
    lines = audited(emulator, id_)
    # the decision is written down when it is seen to have been taken, and the revocation may be faster
    assert sorted((line["action"], line["outcome"], line["instanceId"]) for line in lines) == [
        ("RegenerateKey", "Regenerated", id_),
        ("RegenerateKey", "Regenerated", f"{id_}-revoke"),
        ("RevokeKey", "Accepted", id_),
        ("RevokeKey", "Done", f"{id_}-revoke"),
        ("RotateKey", "Accepted", id_),
        ("RotateKey", "Succeeded", id_),
    ]
    assert (lines[0]["reason"], lines[0]["caller"]) == ("audited", {"kind": "FunctionKey"})
    assert lines[1]["fingerprint"] == ended.json["fingerprints"]["new"]


def test_a_key_that_is_published_again_is_not_revoked(emulator: Emulator) -> None:
    """Somebody publishes the old key during its grace: the revocation fails with KeyInUse and the key lives."""
    started = start(emulator, {"gracePeriod": "PT1H"})
    result(emulator, started)
    old = resource(emulator)["keys"]["primary"]
    _set_secret(emulator, _connection_string(emulator, old), _tags(emulator))
    emulator.post(f"{path_of(started.header('operation-location'))}/revoke")
    told = revoked(emulator, started)
    assert (told["revocation"]["status"], told["revocation"]["error"]["code"]) == ("Failed", "KeyInUse")
    assert told["status"] == "Succeeded"
    assert accepts(emulator, old)


@pytest.mark.parametrize(
    ("fault", "status_code", "code"),
    [
        ({"status": 403, "code": "ForbiddenByRbac"}, 403, "KeyVaultForbidden"),
        ({"status": 403, "code": "ForbiddenByConnection"}, 403, "KeyVaultForbidden"),
    ],
    ids=["no right", "network"],
)
def test_a_denying_vault_ends_a_rotation_before_anything_changes(
    emulator: Emulator, fault: dict[str, Any], status_code: int, code: str
) -> None:
    """Key Vault denies: Failed with its own status, and no key was regenerated."""
    emulator.call_control("PUT", "faults", [{"service": "keyvault", "operation": "*", **fault}])
    ended = result(emulator, start(emulator))
    assert (ended.status, ended.json["error"]["code"]) == (status_code, code)
    assert regenerations(emulator) == 0


def test_somebody_elses_secret_is_never_touched(emulator: Emulator) -> None:
    """A secret by the default name without our tags: SecretNotOurs, before anything changes, and it stays as it is."""
    emulator.call_control("DELETE", f"secrets?name={SECRET}")
    with Emulator(settings={"COMMUNICATION_SERVICE_ID": resource(emulator)["resourceId"] + "3"}) as own:
        resource_id = resource(own)["resourceId"] + "3"
        own.call_control("POST", "resources", {"resourceId": resource_id})
        theirs = "MyCommunicationResource3-connection-string"
        _set_secret(own, "theirs", {}, name=theirs)
        ended = result(own, start(own, {"activeKey": "Primary"}))
        assert (ended.status, ended.json["error"]["code"]) == (409, "SecretNotOurs")
        assert [v["value"] for v in secret(own, theirs)["versions"]] == ["theirs"]
        assert regenerations(own) == 0


def test_a_secret_that_cannot_be_read_is_named(emulator: Emulator) -> None:
    """A value in a format of its own is refused before anything changes, with the secret's name as the target."""
    _set_secret(emulator, '{"key": "value"}', _tags(emulator))
    ended = result(emulator, start(emulator))
    assert (ended.status, ended.json["error"]["code"]) == (409, "SecretFormatUnknown")
    assert ended.json["error"]["target"] == SECRET
    assert regenerations(emulator) == 0
