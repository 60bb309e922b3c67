"""The steps of a rotation: each reads what it needs afresh, may be repeated, and returns no key.

A step carries the fingerprint that it expects. If the key has changed already, a regeneration is done; where it must
not have changed, the step says so and changes nothing.
"""

import logging
import uuid
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from shared import audit
from shared.clock import utc_now
from shared.conflicts import KeyChanged, KeyInUse
from shared.connection_string import endpoint_at, endpoint_of
from shared.delivery import Delivery, Vault
from shared.errors import AppError, PreconditionFailed, ResourceNotAllowed, UnexpectedError, UpstreamResponseInvalid
from shared.parameters import KeyType
from shared.proof import DataPlane, prove_alive, prove_dead
from shared.published_secret import PublishedSecret
from shared.redaction import AccessKey, Secret
from shared.regeneration import KeyManagement, Regenerated, Regeneration, Regenerator
from shared.resource_id import AllowList, ResourceId
from shared.rotation.guard import rotation_id
from shared.rotation.model import Found, Json, SecretView, utc_text
from shared.rotation.steps import failure
from shared.telemetry import metrics
from shared.telemetry.names import Attribute
from shared.telemetry.spans import Attributes, span

_logger = logging.getLogger(__name__)


class Resources(KeyManagement, Protocol):
    """The management API with what a step needs beside the keys."""

    async def host_name(self, resource: ResourceId, *, request_id: str) -> str:
        """Return the resource's host name."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Steps:
    """The steps, on the clients of this process. Every method takes and returns plain JSON.

    Each raises ResourceNotAllowed for a resource outside `allowed`.
    """

    allowed: AllowList
    management: Resources
    vault: Vault
    data_plane: DataPlane
    delivery: Delivery
    regenerator: Regenerator

    async def inspect_resource(self, request: Json) -> Json:
        """`{"resourceId", "names"?}` -> `Found` as JSON: both fingerprints, and what each secret publishes."""
        resource, trace = self._resource(request)
        keys = await self.management.list_keys(resource, request_id=trace)
        if len(keys) != len(KeyType):
            raise UpstreamResponseInvalid("listKeys did not return both keys.")
        secrets = await self.vault.secrets_of(resource, request.get("names"))
        return Found(
            {key_type: key.fingerprint for key_type, key in keys.items()},
            [
                SecretView(
                    each.id,
                    each.name,
                    each.version,
                    each.fingerprint,
                    each.key_type,
                    utc_text(each.created_on) if each.created_on else "",
                )
                for each in secrets
            ],
        ).to_json()

    async def regenerate_key_once(self, request: Json) -> Json:
        """`{"resourceId", "keyType", "expected", "published", "delivers", "create", "names"?, "trigger"?}` ->
        `{"fingerprint", "answer", "at"?}`; `at` is when it was regenerated, in ISO 8601.

        Regenerates the key if it has the fingerprint `expected`; if it has another one, that was done already.
        Unless `published`, the secrets are read right before each call, and a key that one of them holds is left
        alone. Where the new key is to be published (`delivers`; `create`: in a new secret if need be), what would
        hinder that is looked for before anything changes.

        Raises:
            KeyInUse: a secret publishes the key.
            KeyVaultError: the new key could not be published.
        """
        resource, trace = self._resource(request)
        key_type = KeyType(request["keyType"])
        known = request.get("names")
        secrets: list[PublishedSecret] | None = None
        if request["delivers"]:
            secrets = await self.delivery.preflight(resource, known=known, create=request["create"])
        elif not request["published"]:
            secrets = await self.vault.secrets_of(resource, known)

        async def allowed(before: AccessKey) -> None:
            nonlocal known, secrets
            if request["published"]:
                return
            if secrets is None:
                # asked once more, after a call with an unknown outcome
                secrets = await self.vault.secrets_of(resource, known)
            holders = [secret.id for secret in secrets if secret.holds(before.key)]
            if holders:
                raise KeyInUse(holders)
            known, secrets = [secret.name for secret in secrets] if known is None else known, None

        asked = Regeneration(
            resource=resource,
            key_type=key_type,
            if_match=frozenset({request["expected"]}),
            request_id=trace,
            # a revocation says nothing: what it asks for is versioned by its name
            trigger=request.get("trigger", "revocation"),
        )
        try:
            regenerated = await self.regenerator.regenerate(asked, allowed=allowed)
        except PreconditionFailed:
            # another run of this very step, or an earlier attempt, has done it
            now = await self._key(resource, key_type, trace)
            if now.fingerprint == request["expected"]:
                raise
            return _regenerated(Regenerated(resource=resource, key_type=key_type, key=now, at=utc_now()))
        except AppError as error:
            audit.step(resource, key_type, request["instanceId"], error)
            raise
        audit.step(resource, key_type, request["instanceId"], regenerated.key.fingerprint)
        return _regenerated(regenerated) | {"at": regenerated.at.isoformat()}

    async def prove_alive(self, request: Json) -> Json:
        """`{"resourceId", "keyType", "fingerprint"}` -> `{}` once the data plane accepts the key."""
        resource, trace = self._resource(request)
        key = await self._expected_key(request, resource, trace)
        await prove_alive(self.data_plane, await self._endpoint(resource, key, trace), key.key)
        return {}

    async def publish_key(self, request: Json) -> Json:
        """`{"resourceId", "keyType", "fingerprint", "replaces", "create", "regeneratedAt"?}` ->
        `{"secrets": [{id, name, …}]}`.

        Lets the secrets that publish one of the fingerprints `replaces` publish the key; what publishes it already
        stays as it is. A secret that publishes anything else was set since that was decided, by somebody or by a
        later rotation, and is left alone: a step that is run again much later undoes nothing.
        """
        resource, trace = self._resource(request)
        key = await self._expected_key(request, resource, trace)
        known = request.get("names")
        secrets = await self.vault.secrets_of(resource, known)
        expected = {*request["replaces"], key.fingerprint}
        names = [secret.name for secret in secrets if secret.fingerprint in expected]
        if request["create"] and not secrets:
            names = None
        published = await self.delivery.publish(
            resource,
            KeyType(request["keyType"]),
            key,
            await self._endpoint(resource, key, trace),
            names,
            known=known,
            create=names is None,
        )
        for each in published:
            if each.warning:
                _logger.warning("secret %s: %s", each.name, each.warning)
        if published and (regenerated_at := request.get("regeneratedAt")):
            metrics.key_delivered((utc_now() - datetime.fromisoformat(regenerated_at)).total_seconds())
        return {
            "secrets": [
                {"id": each.id, "name": each.name, "version": each.version, "supersededId": each.superseded_id}
                for each in published
            ]
        }

    async def prove_dead(self, request: Json) -> Json:
        """`{"resourceId", "keyType", "fingerprint", "superseded"}` -> `{"proof": "Dead" | "Unavailable"}`.

        The dead key's value is read from the superseded secret versions; where none holds it, nothing can be proven.
        """
        resource, trace = self._resource(request)
        key_type = KeyType(request["keyType"])
        dead = await self._superseded_key(request["superseded"], request["fingerprint"])
        if dead is None:
            return {"proof": "Unavailable"}
        live = await self._key(resource, key_type.other, trace)
        await prove_dead(self.data_plane, await self._endpoint(resource, live, trace), dead, live.key)
        return {"proof": "Dead"}

    async def disable_superseded(self, request: Json) -> Json:
        """`{"resourceId", "fingerprint", "superseded"}` -> `{"disabled": [id …]}`: the versions that published the dead
        key."""
        self._resource(request)
        disabled: list[str] = []
        for secret_id in request["superseded"]:
            name, version = _name_and_version(secret_id)
            current = await self.vault.current(name)
            secret = await self.vault.version(name, version)
            # a version that somebody has made the current one again is not ours to disable
            if secret is None or secret.fingerprint != request["fingerprint"]:
                continue
            if current is not None and current.version == version:
                continue
            await self.vault.disable(name, version)
            disabled.append(secret_id)
        return {"disabled": disabled}

    def _resource(self, request: Json) -> tuple[ResourceId, str]:
        """Return the resource, and a new id for the calls of this step, as ARM's log will show it.

        What comes in is checked where it comes in. This is for what does not come that way, through Durable Functions'
        own API or its storage, and for what was begun under another allow-list.

        Raises:
            ResourceNotAllowed: nothing was asked of Azure by this step.
        """
        resource = ResourceId.parse(request["resourceId"])
        if not self.allowed.allows(resource):
            raise ResourceNotAllowed
        return resource, str(uuid.uuid4())

    async def _key(self, resource: ResourceId, key_type: KeyType, trace: str) -> AccessKey:
        keys = await self.management.list_keys(resource, request_id=trace)
        if key_type not in keys:
            raise UpstreamResponseInvalid(f"listKeys did not return the {key_type} key.")
        return keys[key_type]

    async def _expected_key(self, request: Json, resource: ResourceId, trace: str) -> AccessKey:
        key = await self._key(resource, KeyType(request["keyType"]), trace)
        if key.fingerprint != request["fingerprint"]:
            raise KeyChanged(request["keyType"])
        return key

    async def _endpoint(self, resource: ResourceId, key: AccessKey, trace: str) -> str:
        return endpoint_of(key) or endpoint_at(await self.management.host_name(resource, request_id=trace))

    async def _superseded_key(self, superseded: list[str], fingerprint: str) -> Secret | None:
        for secret_id in superseded:
            secret = await self.vault.version(*_name_and_version(secret_id))
            if secret is not None and secret.fingerprint == fingerprint:
                return secret.key
        return None


async def answer(steps: Callable[[], Awaitable[Steps]], name: str, request: Json) -> Json:
    """Take a step by its name; return `{"ok": …}`, or `{"error": …}` with nothing of an exception that is not for all.

    Args:
        steps: gives the steps on the clients of this process.
        name: one of `STEPS`.
        request: the step's input.
    """
    with span(name, _attributes(request)) as told:
        try:
            return {"ok": await STEPS[name](await steps(), request)}
        except AppError as error:
            _logger.warning("%s for %s: %s", name, request.get("resourceId"), error.code)
            told.failed(error.code)
            return {"error": failure(error)}
        except Exception as error:
            _logger.exception("%s for %s failed unexpectedly", name, request.get("resourceId"))
            told.failed(type(error).__name__)
            return {"error": failure(UnexpectedError())}


def _attributes(request: Json) -> Attributes:
    instance_id: str | None = request.get("instanceId")
    return {
        Attribute.RESOURCE_ID: request.get("resourceId"),
        Attribute.ROTATION_ID: rotation_id(instance_id) if instance_id else None,
        Attribute.KEY_TYPE: request.get("keyType"),
        Attribute.FINGERPRINT: request.get("fingerprint"),
    }


def _regenerated(result: Regenerated) -> Json:
    return {"fingerprint": result.key.fingerprint, "answer": result.to_json()}


def _name_and_version(secret_id: str) -> tuple[str, str]:
    name, version = secret_id.split("/")[-2:]
    return name, version


# the activities' names are those of the steps: histories know them, so they stay
STEPS: Mapping[str, Callable[[Steps, Json], Awaitable[Json]]] = {
    step.__name__: step
    for step in (
        Steps.inspect_resource,
        Steps.regenerate_key_once,
        Steps.prove_alive,
        Steps.publish_key,
        Steps.prove_dead,
        Steps.disable_superseded,
    )
}
