"""App Service's managed identity endpoint, asked with plain HTTP."""

import base64
import json
import time

import pytest

from emulator.cloud.cloud import Cloud
from emulator.cloud.defaults import SYSTEM_ASSIGNED, USER_ASSIGNED
from tests.support.cloud import Answer, ControlClient, Http

ARM = "https://management.azure.com"


async def _ask(
    cloud: Cloud,
    http: Http,
    query: str = f"api-version=2019-08-01&resource={ARM}",
    *,
    method: str = "GET",
    header: str | None = "",
) -> Answer:
    headers = {} if header is None else {"X-IDENTITY-HEADER": header or cloud.identity_header}
    return await http.send(method, f"{cloud.identity_url}?{query}", headers=headers)


async def test_a_token_has_the_documented_fields(cloud: Cloud, http: Http) -> None:
    """expires_on is a string of epoch seconds a day ahead; the token has a JWT's three parts and its audience."""
    answer = await _ask(cloud, http)
    assert set(answer.members) == {"access_token", "expires_on", "resource", "token_type", "client_id"}
    assert (answer.members["resource"], answer.members["token_type"]) == (ARM, "Bearer")
    assert answer.members["client_id"] == SYSTEM_ASSIGNED.client_id
    expires_on = answer.members["expires_on"]
    assert isinstance(expires_on, str)
    assert 23 * 3600 < int(expires_on) - time.time() <= 24 * 3600
    header, payload, signature = str(answer.members["access_token"]).split(".")
    assert header.startswith("eyJ")
    assert payload.startswith("eyJ")
    assert len(signature) > 300
    claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    assert (claims["aud"], claims["oid"]) == (ARM, SYSTEM_ASSIGNED.principal_id)


async def test_every_request_gets_a_token_of_its_own(cloud: Cloud, http: Http) -> None:
    """No two tokens are alike, so that a leaked one can be told."""
    tokens = {str((await _ask(cloud, http)).members["access_token"]) for _ in range(3)}
    assert len(tokens) == 3


@pytest.mark.parametrize(
    "query",
    [
        f"client_id={USER_ASSIGNED.client_id.upper()}",
        f"principal_id={USER_ASSIGNED.principal_id}",
        f"mi_res_id={USER_ASSIGNED.resource_id}",
    ],
)
async def test_a_user_assigned_identity_by_any_of_its_ids(cloud: Cloud, http: Http, query: str) -> None:
    """Client id, principal id and resource id name the identity, in any casing."""
    answer = await _ask(cloud, http, f"api-version=2019-08-01&resource={ARM}&{query}")
    assert answer.members["client_id"] == USER_ASSIGNED.client_id


@pytest.mark.parametrize(
    ("query", "header", "status"),
    [
        (f"api-version=2019-08-01&resource={ARM}&client_id=unknown", "", 400),
        (f"api-version=2019-08-01&resource={ARM}&principal_id={USER_ASSIGNED.client_id}", "", 400),
        ("api-version=2019-08-01", "", 400),
        (f"resource={ARM}", "", 400),
        (f"api-version=2017-09-01&resource={ARM}", "", 400),
        (f"api-version=2019-08-01&resource={ARM}", "wrong", 401),
        (f"api-version=2019-08-01&resource={ARM}", None, 401),
    ],
)
async def test_wrong_questions_get_no_token(
    cloud: Cloud, http: Http, query: str, header: str | None, status: int
) -> None:
    """The error has the endpoint's own shape, and nothing in it is a token."""
    answer = await _ask(cloud, http, query, header=header)
    assert answer.status == status
    assert set(answer.members) == {"statusCode", "message", "correlationId"}
    assert answer.members["statusCode"] == status


async def test_other_methods_and_paths_are_refused(cloud: Cloud, http: Http) -> None:
    """Only GET of the one path answers."""
    assert (await _ask(cloud, http, method="POST")).status == 405
    answer = await http.send("GET", cloud.identity_url.replace("/msi/token", "/metadata/identity"))
    assert answer.status == 404


async def test_the_endpoint_can_fail(cloud: Cloud, http: Http, control: ControlClient) -> None:
    """A status rule gives the endpoint's own error shape with Retry-After; it is no ARM error."""
    await control.put_faults(
        {"service": "identity", "operation": "token", "status": 503, "code": "X", "retryAfter": "2", "times": 1}
    )
    answer = await _ask(cloud, http)
    assert (answer.status, answer.headers["retry-after"]) == (503, "2")
    assert str(answer.members["message"]).startswith("X: ")
    assert (await _ask(cloud, http)).status == 200
