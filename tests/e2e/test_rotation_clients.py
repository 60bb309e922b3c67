"""Rotations under clients that nobody here wrote or whose habits are documented, and beside one another."""

import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any, cast

import pytest
from azure.core import PipelineClient
from azure.core.exceptions import HttpResponseError
from azure.core.polling import LROPoller
from azure.core.polling.base_polling import LROBasePolling
from azure.core.rest import HttpRequest, HttpResponse

from tests.support.emulator import Emulator
from tests.support.error_table import SHORT_ROUTE
from tests.support.rotations import ROTATIONS, path_of, regenerations, resource, result, start, status


def test_the_polling_of_a_logic_apps_http_action_ends_with_the_result(emulator: Emulator) -> None:
    """It follows Location while the answer is 202, waits as Retry-After says, and takes the first other answer.

    https://learn.microsoft.com/azure/connectors/connectors-native-http#asynchronous-request-response-behavior
    """
    slow = {"service": "arm", "operation": "listKeys", "delaySeconds": 1, "times": 1}
    emulator.call_control("PUT", "faults", [slow])
    reply = start(emulator, {"gracePeriod": "PT1H"})
    polls = 0
    while reply.status == 202:
        location, retry_after = reply.header("location"), reply.header("retry-after")
        assert location is not None
        assert location.startswith(emulator.app)
        assert int(retry_after or 0) >= 1
        time.sleep(0.3)
        reply = emulator.get(path_of(location))
        polls += 1
    assert polls > 1
    assert (reply.status, reply.json["status"]) == (200, "Succeeded")


def _poller(client: PipelineClient[HttpRequest, HttpResponse], request: HttpRequest) -> LROPoller[dict[str, Any]]:
    """Send a request and return azure-core's poller for what it has started, made as the SDKs make theirs."""
    first: Any = client.send_request(request, _return_pipeline_response=True)
    method = cast("Any", LROBasePolling)(timeout=0.1)
    return LROPoller(client, first, lambda response: response.http_response.json(), method)


def test_azure_cores_poller_ends_with_the_result(emulator: Emulator) -> None:
    """LROPoller follows Operation-Location, knows every status on the way, and gets the final status."""
    with PipelineClient[HttpRequest, HttpResponse](emulator.app) as client:
        request = HttpRequest("POST", f"{emulator.app}{ROTATIONS}", json={"gracePeriod": "PT1H"})
        ended = _poller(client, request).result(timeout=60)
    assert (ended["status"], ended["activeKey"]) == ("Succeeded", "Secondary")


def test_azure_cores_poller_ends_with_a_refusal(emulator: Emulator) -> None:
    """A canceled rotation ends the poller with its code."""
    result(emulator, start(emulator, {"gracePeriod": "PT1H"}))
    with PipelineClient[HttpRequest, HttpResponse](emulator.app) as client:
        request = HttpRequest("POST", f"{emulator.app}{ROTATIONS}", json={"gracePeriod": "PT1H"})
        poller = _poller(client, request)
        with pytest.raises(HttpResponseError, match="GracePending"):
            poller.result(timeout=60)
    assert poller.status() == "Canceled"


def test_a_holder_that_was_terminated_is_released_by_the_next_starter(emulator: Emulator) -> None:
    """A terminated rotation leaves its claim; the next one takes it over and runs."""
    slow = {"service": "arm", "operation": "listKeys", "delaySeconds": 2, "times": 1}
    emulator.call_control("PUT", "faults", [slow])
    dead = start(emulator, {"gracePeriod": "PT1H"})
    while status(emulator, dead)["stage"] != "Inspecting":
        time.sleep(0.05)
    busy = start(emulator, {"gracePeriod": "PT1H"})
    assert (busy.status, busy.json["error"]["code"]) == (409, "RotationInProgress")
    id_ = dead.json["id"]
    assert any(info["info"].get("id") == id_ for info in busy.json["error"]["additionalInfo"])
    emulator.call_control("POST", f"durable/{id_}/terminate")
    while status(emulator, dead)["status"] == "Running":
        time.sleep(0.05)
    told = status(emulator, dead)
    assert (told["status"], told["error"]["code"]) == ("Canceled", "Terminated")
    assert result(emulator, start(emulator, {"gracePeriod": "PT1H"})).json["status"] == "Succeeded"
    assert regenerations(emulator) == 1


def test_a_regenerate_and_a_rotation_at_once_do_not_meet(emulator: Emulator) -> None:
    """Whoever comes second is refused or waits for nothing: one key changes, and the published one never."""
    before = resource(emulator)["keys"]["primary"]
    slow = {"service": "arm", "operation": "regenerateKey", "delaySeconds": 0.5, "times": 1}
    emulator.call_control("PUT", "faults", [slow])
    with ThreadPoolExecutor(2) as pool:
        rotation = pool.submit(start, emulator, {"gracePeriod": "PT1H"})
        regenerate = pool.submit(emulator.post, SHORT_ROUTE, {"keyType": "Secondary"})
        started, reply = rotation.result(), regenerate.result()
    outcomes = [reply.status]
    ended = result(emulator, started) if started.status == 202 else started
    outcomes.append(ended.status)
    refused = [answer for answer in (reply, ended) if answer.status != 200]
    assert all(answer.json["error"]["code"] == "RotationInProgress" for answer in refused), outcomes
    assert regenerations(emulator) + len(refused) == 2
    assert resource(emulator)["keys"]["primary"] == before
