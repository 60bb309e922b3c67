"""The timer's use case: find what got lost, start at most one thing a resource, and forget what ended long ago.

One listing of the vault shows which secrets there are and whose; then each resource is looked at, a few at once, in an
order of chance: of more than a run has time for, each gets its turn in one of the next. One that cannot be looked at
hinders no other. What is started has the id that the lost event would have given it, and
what is tried again an id with the attempt's number, so that nothing is started twice however often the timer runs.
"""

import asyncio
import json
import logging
import random
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from shared import audit, composition
from shared.clock import utc_now
from shared.conflicts import RequestIdReused
from shared.delivery import Vault
from shared.errors import AppError, UpstreamResponseInvalid
from shared.parameters import KeyType
from shared.regeneration import KeyManagement
from shared.resource_id import AllowList, ResourceId
from shared.rotation import requests, upkeep
from shared.rotation.attempts import last_attempt
from shared.rotation.endings import ACTIONS
from shared.rotation.engine import Engine
from shared.rotation.findings import Finding, Summary
from shared.rotation.guard import guard_key
from shared.rotation.model import Json, Pending
from shared.rotation.parameters import RotationRequest
from shared.rotation.patient import PatientManagement
from shared.rotation.status import run_state
from shared.rotation.upkeep import Publication, Repair, Rotate, Seen, Sound, Upkeep, Wait
from shared.settings import settings
from shared.telemetry import metrics
from shared.telemetry.names import Attribute
from shared.telemetry.spans import span

_logger = logging.getLogger(__name__)
# how many resources are looked at at once
_AT_ONCE = 8
# for how long looks are begun: what else a run does must fit into the five minutes of functionTimeout, too
_LOOKING = timedelta(minutes=3)
_SOURCE = "timer"


async def reconcile(engine: Engine) -> Summary:
    """Run once, on the settings and clients of this process; see `Reconciler.run`.

    Raises:
        NotConfigured: settings are missing or wrong.
    """
    configured = settings()
    watched: Watched | None = None
    if configured.key_vault_url is not None:
        watched = Watched(
            url=configured.key_vault_url,
            vault=await composition.key_vault(),
            # ARM's short refusals are waited out: else, of many resources, those that come last would never be seen
            keys=PatientManagement(await composition.management()),
            allowed=configured.allowed_communication_services,
            grace=configured.rotation_grace_period,
        )
    return await Reconciler(
        engine=engine,
        watched=watched,
        announce=configured.announces,
        retention=timedelta(days=configured.rotation_retention_days),
        now=utc_now,
    ).run()


@dataclass(frozen=True, slots=True, kw_only=True)
class Watched:
    """What is watched.

    Attributes:
        url: the vault's origin, as in KEY_VAULT_URL.
        vault: the vault.
        keys: the management API of the resources that its secrets name.
        allowed: those that the app may touch.
        grace: the grace period of what is started.
    """

    url: str
    vault: Vault
    keys: KeyManagement
    allowed: AllowList
    grace: timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class Reconciler:
    """Reconciles.

    Args:
        engine: where orchestrations are found and started.
        watched: what is looked at; None where the app has no Key Vault, and then nothing but the purge happens.
        announce: whether what is started tells its end to the app's topic.
        retention: for how long an ended orchestration is kept, from its start on.
        now: gives the time in UTC.
    """

    engine: Engine
    watched: Watched | None
    announce: bool
    retention: timedelta
    now: Callable[[], datetime]

    async def run(self) -> Summary:
        """Look at every resource that a secret is tagged with, purge, and log `reconcile {summary}` on one line.

        Raises:
            KeyVaultError, ManagedIdentityUnavailable: the secrets could not be listed; all else was done.
        """
        with span("reconcile", {}) as told:
            summary, failure = await self._run()
            told.tell(
                {
                    Attribute.RESOURCES: summary.resources,
                    Attribute.ROTATIONS: summary.rotations,
                    Attribute.REPAIRS: summary.repairs,
                    Attribute.RESOURCES_FAILED: summary.failed,
                }
            )
            if failure is not None:
                raise failure
        return summary

    async def _run(self) -> tuple[Summary, Exception | None]:
        owners: Mapping[str, ResourceId] | None = None
        findings: list[Finding] = []
        released: list[str] = []
        failure: Exception | None = None
        if self.watched is not None:
            try:
                owners = await self.watched.vault.tagged()
            except Exception as error:  # noqa: BLE001  # raised below, after the purge
                failure = error
            else:
                findings = await self._look_at_all(self.watched, owners, released)
        if failure is not None:
            told = failure.code if isinstance(failure, AppError) else type(failure).__name__
            _logger.error("reconcile: the secrets could not be listed: %s", told)
        summary = Summary.of(
            findings,
            secrets=None if owners is None else len(owners),
            released=len(released),
            purged=await self._purge(),
        )
        _logger.info("reconcile %s", json.dumps(summary.to_json()))
        return summary, failure

    async def _look_at_all(
        self, watched: Watched, owners: Mapping[str, ResourceId], released: list[str]
    ) -> list[Finding]:
        names: dict[ResourceId, list[str]] = {}
        for name in sorted(owners):
            names.setdefault(owners[name], []).append(name)
        limit = asyncio.Semaphore(_AT_ONCE)
        until = self.now() + _LOOKING

        async def one(resource: ResourceId) -> Finding:
            async with limit:
                if self.now() >= until:
                    return Finding.LEFT
                return await self._settle(watched, resource, names[resource], released)

        findings = await asyncio.gather(*(one(resource) for resource in random.sample(list(names), len(names))))
        if left := findings.count(Finding.LEFT):
            _logger.warning("reconcile: no time was left for %d of %d resources", left, len(findings))
        return findings

    async def _settle(self, watched: Watched, resource: ResourceId, names: list[str], released: list[str]) -> Finding:
        """Look at one resource and do what is to be done; what goes wrong is logged, and hinders no other one."""
        if not watched.allowed.allows(resource):
            return Finding.NOT_ALLOWED
        try:
            state = await self.engine.guard(guard_key(resource))
            alive, ended = await requests.free(self.engine, guard_key(resource), state, self.now())
            if ended is not None:
                released.append(ended)
            if alive is not None:
                return Finding.HELD
            seen = await self._look(watched, resource, names, state)
            self._measure(resource, seen)
            return await self._do(watched, resource, upkeep.decide(seen, self.now()))
        except AppError as error:
            code = error.code
        except Exception:
            _logger.exception("reconcile: %s failed unexpectedly", resource)
            return Finding.FAILED
        _logger.error("reconcile: %s: %s", resource, code)
        return Finding.FAILED

    def _measure(self, resource: ResourceId, seen: Seen) -> None:
        for key_type, age in upkeep.ages(seen, self.now()).items():
            metrics.key_age(str(resource), key_type.value, age.total_seconds())
        if (late := upkeep.overdue(seen, self.now())) is not None:
            metrics.revocation_overdue(str(resource), late[0].value, late[1].total_seconds())

    async def _look(self, watched: Watched, resource: ResourceId, names: list[str], state: Json) -> Seen:
        """Read the resource's secrets and keys, and look for a revocation that is owed."""
        secrets = [
            Publication(
                name=secret.name,
                version=secret.version,
                fingerprint=secret.fingerprint,
                key_type=secret.key_type,
                expires_on=secret.expires_on,
                created_on=secret.created_on,
            )
            for secret in await watched.vault.secrets_of(resource, names)
        ]
        keys = await watched.keys.list_keys(resource, request_id=str(uuid.uuid4()))
        if len(keys) != len(KeyType):
            raise UpstreamResponseInvalid("listKeys did not return both keys.")
        seen = Seen(
            keys={key_type: key.fingerprint for key_type, key in keys.items()},
            secrets=secrets,
            pending=Pending.from_json(state["pending"]),
        )
        doubtful = upkeep.doubtful_revocation(state, self.now())
        if doubtful is None:
            return seen
        return upkeep.with_owed(seen, resource, doubtful, await self.engine.find(doubtful), self.now())

    async def _do(self, watched: Watched, resource: ResourceId, decided: Upkeep) -> Finding:
        match decided:
            case Sound():
                return Finding.SOUND
            case Wait():
                return Finding.WAITING
            case Rotate(name, version):
                request = requests.rotation_input(
                    RotationRequest(),
                    resource,
                    default_grace=watched.grace,
                    source=_SOURCE,
                    secret=(name, version),
                )
                return await self._start(
                    Finding.ROTATION,
                    resource,
                    request,
                    lambda attempt: requests.secret_instance_id(watched.url, name, version, attempt),
                )
            case Repair(converge, owed, digest):
                request = requests.repair_input(
                    resource, grace=watched.grace, source=_SOURCE, converge=converge, owed=owed
                )
                return await self._start(
                    Finding.REPAIR,
                    resource,
                    request,
                    lambda attempt: requests.instance_id("reconcile", resource, digest, attempt),
                )

    async def _start(
        self, finding: Finding, resource: ResourceId, request: Json, id_of: Callable[[int], str]
    ) -> Finding:
        """Start the next attempt, unless the last one still runs or has ended only just now."""
        attempt = 0
        if (last := await last_attempt(self.engine, id_of)) is not None:
            number, instance = last
            if not run_state(instance).ended:
                return Finding.RUNNING
            if self.now() < upkeep.next_attempt(instance.updated_at, number):
                return Finding.LATER
            attempt = number + 1
        id_ = id_of(attempt)
        orchestrator = _STARTED[finding]
        try:
            started = await requests.start(
                self.engine, orchestrator, request, id_=id_, now=self.now(), waits=True, announce=self.announce
            )
        except RequestIdReused:
            # somebody was faster, and has asked for it in other words
            started = False
        if not started:
            return Finding.RUNNING
        audit.started_by({"caller": {"kind": "Timer"}}, ACTIONS[orchestrator], resource, id_)
        return finding

    async def _purge(self) -> int | None:
        try:
            return await self.engine.purge(self.now() - self.retention)
        except Exception:
            # it is housekeeping, and the next run tries again
            _logger.exception("reconcile: ended orchestrations could not be purged")
            return None


_STARTED: Mapping[Finding, str] = {
    Finding.ROTATION: "rotate_key",
    Finding.REPAIR: "repair_secrets",
}
