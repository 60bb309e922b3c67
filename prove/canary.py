"""The scenes through which canary keys go: all that the app does, and what may go wrong with a key in its midst."""

import json
from collections.abc import Callable
from typing import Any

from bench.errors import BenchError
from prove.lane import Json, Lane, wait_until

_ENDED = ("Succeeded", "Failed", "Canceled")
_WITHIN_SECONDS = 30.0
_EVENTS = "/runtime/webhooks/eventgrid?functionName=on_event"


class Stage:
    """A fresh Azure with one resource whose keys have the shape, published by a secret."""

    def __init__(self, lane: Lane, shape: str) -> None:
        lane.reset()
        lane.control("PUT", "events/delivery", {"held": False})
        self.lane = lane
        self.resource_id: str = lane.resource()["resourceId"]
        self._issued: set[str] = set(lane.resource()["issuedKeys"])
        made: Json = lane.control("POST", "resources", {"resourceId": self.resource_id, "keyShape": shape})
        secret: Json = lane.control("GET", "secrets")[0]
        value = f"endpoint=https://{made['hostName']}/;accesskey={made['keys']['primary']}"
        lane.control(
            "POST", "secrets", {"name": secret["name"], "value": value, "tags": secret["versions"][-1]["tags"]}
        )

    def keys(self) -> list[str]:
        """Return every key that was ever issued."""
        self._issued.update(self.lane.resource()["issuedKeys"])
        return sorted(self._issued)

    def key(self, key_type: str = "primary") -> str:
        """Return a key that is alive."""
        return self.lane.resource()["keys"][key_type]

    def regenerate(self, key_type: str = "Secondary", query: str = "", **headers: str) -> None:
        """Regenerate over HTTP, whatever comes of it."""
        names = {name.replace("_", "-"): value for name, value in headers.items()}
        self.lane.ask("POST", f"/api/regenerateKey{query}", {"keyType": key_type}, names)

    def rotate(self, body: Json) -> Json:
        """Rotate, wait for the end of it and of its revocation if that is due, and return the status."""
        answer = self.lane.ask("POST", "/api/rotations", body)
        if answer.status == 409:
            # what ended last may still be followed up; a refusal is an answer to search, too
            self.settle()
            answer = self.lane.ask("POST", "/api/rotations", body)
        if answer.status != 202:
            return {}
        path = f"/api/rotations/{answer.json['id']}"
        due = body.get("gracePeriod") == "PT0S"
        told: Json = {}

        def ended() -> bool:
            nonlocal told
            told = self.lane.ask("GET", path).json
            return told["status"] in _ENDED and not (due and told["revocation"]["status"] == "Scheduled")

        if not wait_until(ended, _WITHIN_SECONDS):
            raise BenchError(f"a rotation did not end: {told}")
        self.lane.ask("GET", f"{path}/result")
        return told

    def settle(self) -> None:
        """Wait until every event is delivered and nothing runs but revocations that wait."""

        def rests() -> bool:
            moving = [each for each in self.lane.events() if each["status"] == "Pending"]
            return not moving and not [each for each in self.lane.durable()["instances"] if _moves(each)]

        if not wait_until(rests, _WITHIN_SECONDS):
            raise BenchError("it never came to rest")

    def event(self, type_: str, data: Any) -> None:
        """Deliver an event by hand, whatever comes of it."""
        event = {
            "id": f"canary-{type_}",
            "eventType": type_,
            "subject": self.resource_id,
            "eventTime": "2026-01-01T00:00:00Z",
            "dataVersion": "1",
            "data": data,
        }
        self.lane.ask("POST", _EVENTS, [event], {"aeg-event-type": "Notification"})


def _moves(instance: Json) -> bool:
    """Say whether an orchestration runs and does not merely wait, for the end of a grace period or for the topic."""
    if instance["status"] not in ("Pending", "Running") or instance["name"] == "announce_outcome":
        return False
    return instance["name"] != "revoke_key" or "Revoking" in json.dumps(instance["customStatus"])


def _everyday(stage: Stage) -> None:
    stage.regenerate()
    stage.regenerate("Primary")
    stage.regenerate("Primary", "?force=true")
    stage.rotate({"supersede": True, "gracePeriod": "PT0S", "reason": "canary"})
    stage.rotate({"supersede": True, "gracePeriod": "PT1H"})
    stage.rotate({})
    stage.settle()


def _decisions(stage: Stage) -> None:
    for decision in ("revoke", "cancel"):
        told = stage.rotate({"supersede": True, "gracePeriod": "PT1H"})
        if "id" not in told:
            raise BenchError(f"nothing to decide about: {stage.lane.answers[-1]}")
        stage.lane.ask("POST", f"/api/rotations/{told['id']}/{decision}")
        stage.lane.ask("GET", f"/api/rotations/{told['id']}")
        stage.settle()


def _repairs(stage: Stage) -> None:
    current = "Primary" if stage.lane.published() == stage.key("primary") else "Secondary"
    stage.lane.regenerate_outside(stage.resource_id, current)
    if not wait_until(lambda: stage.lane.published() == stage.key(current.lower()), _WITHIN_SECONDS):
        raise BenchError("the event of a regeneration repaired nothing")
    stage.settle()
    stage.lane.control("PUT", "events/delivery", {"held": True})
    stage.lane.regenerate_outside(stage.resource_id, current)
    stage.lane.reconcile()
    if not wait_until(lambda: stage.lane.published() == stage.key(current.lower()), _WITHIN_SECONDS):
        raise BenchError("the timer repaired nothing")
    stage.lane.control("PUT", "events/delivery", {"held": False})
    stage.settle()


def _planted_in_answers(stage: Stage) -> None:
    """What Azure answers quotes a key, in the clear and in places where nobody expects one."""
    for key in (stage.key("primary"), stage.key("secondary")):
        quoting = {
            "code": "Planted",
            "message": f"The key {key} of endpoint=https://a/;accesskey={key} must not be seen.",
            "details": [{"code": "Planted", "message": key, "target": key}],
            "additionalInfo": [{"type": "Planted", "info": {"secondaryKey": key}}],
        }
        for service, operation, status in (
            ("arm", "regenerateKey", 403),
            ("arm", "listKeys", 409),
            ("keyvault", "setSecret", 403),
            ("keyvault", "getSecret", 403),
            ("keyvault", "listSecrets", 400),
            ("communication", "listPhoneNumbers", 403),
        ):
            stage.lane.faults({"service": service, "operation": operation, "status": status, "times": 1, **quoting})
            stage.rotate({"supersede": True, "revoke": False})
            stage.lane.faults({"service": service, "operation": operation, "status": status, "times": 1, **quoting})
            stage.regenerate()
        stage.lane.faults({"service": "eventgrid", "operation": "publish", "status": 400, "times": 1, **quoting})
        stage.rotate({"supersede": True, "revoke": False})
    stage.lane.faults()
    stage.settle()


def _faults(stage: Stage) -> None:
    lost: list[Json] = [
        {"service": "arm", "operation": "regenerateKey", "disconnect": "after"},
        {"service": "arm", "operation": "listKeys", "body": "truncated"},
        {"service": "arm", "operation": "listKeys", "body": "invalid"},
        {"service": "keyvault", "operation": "getSecret", "body": "truncated"},
        {"service": "keyvault", "operation": "setSecret", "disconnect": "after"},
        {"service": "keyvault", "operation": "setSecret", "body": "truncated"},
        {"service": "communication", "operation": "listPhoneNumbers", "status": 500},
        {"service": "arm", "tls": True},
        {"service": "durable", "operation": "publish_key", "rerun": "now"},
    ]
    for fault in lost:
        stage.lane.faults({**fault, "times": 1})
        stage.rotate({"supersede": True, "revoke": False})
    for refused in ("arm", "keyvault"):
        stage.lane.faults(
            {"service": refused, "operation": "*", "status": 401, "times": 1},
            {"service": "identity", "operation": "token", "expiredToken": True, "times": 1},
        )
        stage.rotate({"supersede": True, "revoke": False})
        stage.regenerate()
    for fault in ({"disconnect": "after"}, {"body": "truncated"}, {"body": "invalid"}, {"status": 503, "after": True}):
        stage.lane.faults({"service": "arm", "operation": "regenerateKey", "times": 1, **fault})
        stage.regenerate()
    stage.lane.faults()
    stage.settle()


def _planted_in_requests(stage: Stage) -> None:
    """A caller puts a key where it does not belong."""
    for key in (stage.key("primary"), stage.key("secondary")):
        ask = stage.lane.ask
        ask("POST", "/api/regenerateKey", {"keyType": key})
        ask("POST", "/api/regenerateKey", {key: 1})
        ask("POST", "/api/regenerateKey", f'{{"keyType": "{key}'.encode())
        stage.regenerate(If_Match=f'"{key}"')
        stage.regenerate(x_ms_client_request_id=key[:80])
        stage.regenerate(Repeatability_Request_ID=key)
        stage.regenerate(traceparent=key)
        for body in (
            {"reason": f"leaked: {key}"},
            {"reason": f"endpoint=https://a/;accesskey={key}"},
            {"resourceId": key},
            {"gracePeriod": key},
            {"activeKey": key},
            {key: key},
        ):
            stage.rotate({"supersede": True, "revoke": False, **body})
        for type_ in ("CommunicationKey.RotateRequested", "CommunicationKey.RegenerateRequested"):
            for data in (
                {"reason": key},
                {"keyType": key},
                {"resourceId": key},
                {key: key},
                key,
                json.dumps({"a": key}),
            ):
                stage.event(type_, data)
        stage.event("Microsoft.Resources.ResourceActionSuccess", {"resourceUri": key, "operationName": key})
        stage.event("Microsoft.KeyVault.SecretNearExpiry", {"Id": key, "VaultName": key, "ObjectName": key})
        stage.event(key, {})
    stage.settle()


type Scene = tuple[str, Callable[[Stage], None]]
SCENES: tuple[Scene, ...] = (
    ("regenerate, force, rotate, revoke, supersede and their refusals", _everyday),
    ("repair by event and by timer", _repairs),
    ("revoking and keeping the old key on demand", _decisions),
    ("lost, broken and refused answers and tokens", _faults),
    ("answers of Azure that quote a key", _planted_in_answers),
    ("requests and events with a key in every field", _planted_in_requests),
)
