"""Fault rules for Key Vault: each kind, what it leaves changed, and that the vault recovers."""

import asyncio
import json
import ssl

import aiohttp
import pytest

from emulator.cloud.cloud import Cloud
from emulator.cloud.defaults import SECRETS_OFFICER
from emulator.cloud.first_secret import NAME as FIRST_SECRET
from emulator.cloud.vault import Secret
from tests.support.cloud import ControlClient, Http, eventually
from tests.support.key_vault import KeyVaultClient, inner_code, vault_of

SET = {"service": "keyvault", "operation": "setSecret"}
ONCE = {**SET, "times": 1}
VALUE = {"value": "x"}


@pytest.fixture
def vault(cloud: Cloud, http: Http) -> KeyVaultClient:
    """A plain client with the rights of the app."""
    return KeyVaultClient(cloud, http)


def _secret(cloud: Cloud) -> Secret | None:
    return vault_of(cloud).find("name")


@pytest.mark.parametrize(
    ("status", "code", "outer", "inner"),
    [
        (400, None, "BadParameter", None),
        (401, None, "Unauthorized", None),
        (403, None, "Forbidden", "ForbiddenByRbac"),
        (403, "ForbiddenByRbac", "Forbidden", "ForbiddenByRbac"),
        (403, "ForbiddenByPolicy", "Forbidden", "ForbiddenByPolicy"),
        (403, "ForbiddenByConnection", "Forbidden", "ForbiddenByConnection"),
        (403, "ForbiddenByFirewall", "Forbidden", "ForbiddenByFirewall"),
        (403, "AccessDenied", "Forbidden", "AccessDenied"),
        (403, "SecretDisabled", "Forbidden", "SecretDisabled"),
        (403, "Forbidden", "Forbidden", None),
        (404, None, "SecretNotFound", None),
        (409, None, "Conflict", None),
        (409, "ObjectIsDeletedButRecoverable", "Conflict", "ObjectIsDeletedButRecoverable"),
        (409, "ObjectIsBeingDeleted", "Conflict", "ObjectIsBeingDeleted"),
        (429, None, "Throttled", None),
        (499, None, "RequestFailed", None),
        (500, None, "InternalServerError", None),
        (503, None, "ServiceUnavailable", None),
    ],
)
async def test_a_status_has_the_vaults_own_shape(
    cloud: Cloud,
    vault: KeyVaultClient,
    control: ControlClient,
    status: int,
    code: str | None,
    outer: str,
    inner: str | None,
) -> None:
    """The code stands where the real one has it, nothing is set, and the next call works."""
    await control.put_faults({**ONCE, "status": status, "code": code, "retryAfter": 3})
    answer = await vault.send("PUT", "/secrets/name", VALUE)
    assert (answer.status, answer.error["code"]) == (status, outer)
    assert (inner_code(answer) if "innererror" in answer.error else None) == inner
    assert answer.error["message"]
    assert answer.headers["retry-after"] == "3"
    assert ("www-authenticate" in answer.headers) == (status == 401)
    assert _secret(cloud) is None
    entry = cloud.journal.entries()[-1]
    assert (entry.secret, entry.status, entry.effect) == ("name", status, False)
    assert (await vault.send("PUT", "/secrets/name", VALUE)).status == 200


async def test_a_rule_may_word_the_message(vault: KeyVaultClient, control: ControlClient) -> None:
    """A message of the rule's own takes the place of the usual one."""
    await control.put_faults({**ONCE, "status": 403, "code": "ForbiddenByPolicy", "message": "No."})
    answer = await vault.send("PUT", "/secrets/name", VALUE)
    assert answer.error == {"code": "Forbidden", "message": "No.", "innererror": {"code": "ForbiddenByPolicy"}}


@pytest.mark.parametrize(
    ("operation", "method", "path", "body"),
    [
        ("getSecret", "GET", f"/secrets/{FIRST_SECRET}", None),
        ("setSecret", "PUT", "/secrets/name", VALUE),
        ("listSecrets", "GET", "/secrets", None),
        ("listVersions", "GET", f"/secrets/{FIRST_SECRET}/versions", None),
        ("updateSecret", "PATCH", f"/secrets/{FIRST_SECRET}", {}),
    ],
)
async def test_each_operation_can_fail_alone(
    vault: KeyVaultClient, control: ControlClient, operation: str, method: str, path: str, body: object
) -> None:
    """A rule for one operation reaches exactly that one; `*` reaches every one."""
    others = {"getSecret", "setSecret", "listSecrets", "listVersions", "updateSecret"} - {operation}
    await control.put_faults(*({"service": "keyvault", "operation": other, "status": 500} for other in others))
    assert (await vault.send(method, path, body)).status == 200
    await control.put_faults({"service": "keyvault", "operation": operation, "status": 503, "times": 1})
    assert (await vault.send(method, path, body)).status == 503
    await control.put_faults({"service": "keyvault", "operation": "*", "status": 429, "times": 1})
    assert (await vault.send(method, path, body)).status == 429
    assert (await vault.send(method, path, body)).status == 200


async def test_star_reaches_deletion_too(cloud: Cloud, http: Http, control: ControlClient) -> None:
    """Operations that a rule cannot name are still part of the service."""
    officer = KeyVaultClient(cloud, http, SECRETS_OFFICER)
    await control.put_faults({"service": "keyvault", "status": 503, "times": 1})
    assert (await officer.send("DELETE", f"/secrets/{FIRST_SECRET}")).status == 503
    assert (await officer.send("DELETE", f"/secrets/{FIRST_SECRET}")).status == 200


async def test_asking_for_the_challenge_uses_up_no_rule(vault: KeyVaultClient, control: ControlClient) -> None:
    """A client's first request has no token: it gets the challenge, and the rule waits for the request that counts."""
    await control.put_faults({**ONCE, "status": 503})
    assert (await vault.send("PUT", "/secrets/name", authorization=None)).status == 401
    assert (await vault.send("PUT", "/secrets/name", VALUE)).status == 503


async def test_a_status_after_the_effect(cloud: Cloud, vault: KeyVaultClient, control: ControlClient) -> None:
    """With `after` the secret is set and the caller hears of a failure; a refusal of the vault's own stays one."""
    await control.put_faults({**SET, "status": 500, "after": True, "times": 2})
    assert (await vault.send("PUT", "/secrets/name", VALUE)).status == 500
    assert _secret(cloud) is not None
    assert cloud.journal.entries()[-1].effect is True
    assert (await vault.send("PUT", "/secrets/name", {})).status == 400


@pytest.mark.parametrize("when", ["before", "after"])
async def test_a_dropped_connection(cloud: Cloud, vault: KeyVaultClient, control: ControlClient, when: str) -> None:
    """The caller gets no answer; whether the secret was set is what the rule says."""
    # aiohttp sends a PUT a second time, unasked, when its connection is lost.
    await control.put_faults({**SET, "disconnect": when, "times": 2})
    with pytest.raises(aiohttp.ClientError):
        await vault.send("PUT", "/secrets/name", VALUE)
    assert (_secret(cloud) is not None) == (when == "after")
    entry = cloud.journal.entries()[-1]
    assert (entry.status, entry.effect) == (None, when == "after")
    assert (await vault.send("PUT", "/secrets/name", VALUE)).status == 200


@pytest.mark.parametrize("kind", ["truncated", "invalid"])
async def test_a_damaged_body_is_well_framed(
    cloud: Cloud, vault: KeyVaultClient, control: ControlClient, kind: str
) -> None:
    """The response is complete for HTTP; its text is half of the JSON, or JSON without the members expected."""
    await control.put_faults({**ONCE, "body": kind})
    answer = await vault.send("PUT", "/secrets/name", VALUE)
    assert (answer.status, int(answer.headers["content-length"])) == (200, len(answer.body))
    if kind == "truncated":
        with pytest.raises(json.JSONDecodeError):
            json.loads(answer.body)
    else:
        assert answer.json == {"unexpected": True}
    assert _secret(cloud) is not None


@pytest.mark.parametrize("after", [False, True])
async def test_a_delay_holds_the_effect_or_the_answer(
    cloud: Cloud, vault: KeyVaultClient, control: ControlClient, after: bool
) -> None:
    """While a request waits the secret is there already (`after`) or not yet; in the end it is."""
    await control.put_faults({**ONCE, "delaySeconds": 0.3, "after": after})
    call = asyncio.create_task(vault.send("PUT", "/secrets/name", VALUE))
    await eventually(lambda: len(cloud.journal.entries()) == 1)
    assert (_secret(cloud) is not None) == after
    assert (await call).status == 200
    assert _secret(cloud) is not None


async def test_a_refusing_vault_leaves_the_rest_up(cloud: Cloud, vault: KeyVaultClient, control: ControlClient) -> None:
    """No connection until the rule goes; then the same port serves again, with what was in the vault."""
    await control.put_faults({"service": "keyvault", "refuse": True})
    with pytest.raises(aiohttp.ClientConnectorError):
        await vault.send("GET", f"/secrets/{FIRST_SECRET}")
    await control.put_faults()
    assert (await vault.send("GET", f"/secrets/{FIRST_SECRET}")).status == 200


async def test_an_untrusted_certificate_until_the_rule_goes(vault: KeyVaultClient, control: ControlClient) -> None:
    """New connections fail at the certificate; then all is well."""
    await control.put_faults({"service": "keyvault", "operation": "*", "tls": True})
    with pytest.raises(aiohttp.ClientConnectorCertificateError) as caught:
        await vault.send("GET", f"/secrets/{FIRST_SECRET}")
    assert isinstance(caught.value.certificate_error, ssl.SSLCertVerificationError)
    await control.put_faults()
    assert (await vault.send("GET", f"/secrets/{FIRST_SECRET}")).status == 200
