"""What the app does when Event Grid tells it something: start an orchestration and return, or say why not.

Event Grid delivers at least once and in any order, so an event's own names give the id of what it starts: a repeated
one finds that. What cannot be read, or is none of this app's business, is accepted, since sending it again would not
mend it. Only what may pass raises, and Event Grid comes again: settings that are wrong, a Key Vault that is silent.
"""

import json
import logging
from dataclasses import dataclass

from shared import audit, composition
from shared.clock import utc_now
from shared.conflicts import RequestIdReused
from shared.errors import ResourceNotAllowed
from shared.event_envelope import Event
from shared.events import (
    Ignored,
    KeyRegenerated,
    MalformedEvent,
    RegenerateRequested,
    RotateRequested,
    SecretExpiring,
    parse,
)
from shared.key_vault_errors import SecretDisabled
from shared.resource_id import ResourceId
from shared.rotation import requests
from shared.rotation.endings import ACTIONS
from shared.rotation.engine import Engine
from shared.rotation.model import Json
from shared.rotation.parameters import RotationRequest
from shared.settings import Settings, default_resource, require_key_vault, settings
from shared.telemetry.names import Attribute
from shared.telemetry.spans import Told, span

_logger = logging.getLogger(__name__)


async def react(event: Event, engine: Engine) -> None:
    """Do what an event asks for.

    Raises:
        NotConfigured: settings are missing or wrong.
        KeyVaultError, ManagedIdentityUnavailable: the secret that an event is about cannot be read now.
    """
    shown = event.shown
    about = {
        Attribute.EVENT_ID: shown["eventId"],
        Attribute.EVENT_TYPE: shown["eventType"],
        Attribute.EVENT_SOURCE: shown["eventSource"],
        Attribute.EVENT_SUBJECT: shown["eventSubject"],
    }
    with span("react", about) as told:
        configured = settings()
        try:
            notice = parse(event)
        except MalformedEvent as error:
            told.tell({Attribute.OUTCOME: "Malformed"})
            _logger.error("%s cannot be read and is dropped: %s", _named(event), error)  # noqa: TRY400  # no stack is of use
            return
        reaction = _Reaction(event, engine, configured, told)
        match notice:
            case SecretExpiring():
                await reaction.rotate_expiring(notice)
            case KeyRegenerated():
                await reaction.repair(notice)
            case RegenerateRequested():
                await reaction.regenerate(notice)
            case RotateRequested(request=request):
                await reaction.rotate(request)
            case Ignored(reason):
                reaction.ignored()
                _logger.info("%s is ignored: %s", _named(event), reason)


@dataclass(frozen=True, slots=True)
class _Reaction:
    """What an event starts, on an engine, as far as the settings allow."""

    event: Event
    engine: Engine
    settings: Settings
    told: Told

    def ignored(self) -> None:
        """Tell that nothing is started."""
        self.told.tell({Attribute.OUTCOME: "Ignored"})

    async def rotate_expiring(self, notice: SecretExpiring) -> None:
        """Rotate the resource that the secret's tags name; the tags are read from the vault, not from the event."""
        if self.settings.key_vault_url is None or not notice.is_in(self.settings.key_vault_url):
            self.ignored()
            _logger.warning("%s is ignored: its vault is not the app's (KEY_VAULT_URL)", _named(self.event))
            return
        vault = await composition.key_vault()
        try:
            secret = await vault.current(notice.name)
        except SecretDisabled:
            secret = None
        if secret is None:
            self.ignored()
            _logger.warning("%s is ignored: there is no secret of that name, or it is disabled", _named(self.event))
            return
        resource = secret.resource_id
        if resource is None:
            self.ignored()
            _logger.warning(
                "%s is ignored: the secret's tags name no Communication Services resource", _named(self.event)
            )
            return
        if secret.version != notice.version:
            self.ignored()
            _logger.info("%s is ignored: another version of the secret is the current one", _named(self.event))
            return
        request = requests.rotation_input(
            RotationRequest(),
            resource,
            default_grace=self.settings.rotation_grace_period,
            source="event",
            secret=(secret.name, secret.version),
        )
        id_ = requests.secret_instance_id(self.settings.key_vault_url, secret.name, secret.version)
        await self._start("rotate_key", id_, request, resource)

    async def repair(self, notice: KeyRegenerated) -> None:
        """Look whether the secrets of a resource still publish a live key."""
        # a subscription tells of all its resources, so that others than the app's are nothing to be alarmed about
        if self.settings.key_vault_url is None or not self._may_touch(notice.resource):
            self.ignored()
            _logger.info("%s is ignored: no Key Vault, or a resource that this app may not touch", _named(self.event))
            return
        request = requests.repair_input(notice.resource, grace=self.settings.rotation_grace_period, source="event")
        id_ = requests.instance_id("event-repair", notice.resource, self.event.identity)
        await self._start("repair_secrets", id_, request, notice.resource, by=notice.by)

    async def regenerate(self, notice: RegenerateRequested) -> None:
        """Regenerate one key, with or without a Key Vault."""
        resource = notice.resource or default_resource(self.settings)
        request = requests.regeneration_input(
            resource,
            notice.key_type,
            if_match=None,
            force=notice.force,
            source="event",
            key_vault=self.settings.key_vault_url is not None,
        )
        id_ = requests.instance_id("event-regenerate", resource, self.event.identity)
        await self._start("regenerate_key", id_, request, resource)

    async def rotate(self, asked: RotationRequest) -> None:
        """Rotate as `POST /api/rotations` does."""
        require_key_vault(self.settings)
        resource = asked.resource or default_resource(self.settings)
        request = requests.rotation_input(
            asked, resource, default_grace=self.settings.rotation_grace_period, source="event"
        )
        id_ = requests.instance_id("event-rotate", resource, self.event.identity)
        await self._start("rotate_key", id_, request, resource, reason=asked.reason)

    async def _start(
        self,
        orchestrator: str,
        id_: str,
        request: Json,
        resource: ResourceId,
        *,
        by: str | None = None,
        reason: str | None = None,
    ) -> None:
        """Start what an event asks for, if the app may touch the resource; `by` is who has changed it, as ARM says."""
        self.told.tell({Attribute.RESOURCE_ID: str(resource), Attribute.ACTION: ACTIONS[orchestrator]})
        account: dict[str, object] = {"caller": {"kind": "EventGrid"}, **self.event.shown}
        if by is not None:
            account["regeneratedBy"] = by
        try:
            if not self._may_touch(resource):
                raise ResourceNotAllowed
            new = await requests.start(
                self.engine,
                orchestrator,
                request,
                id_=id_,
                now=utc_now(),
                waits=True,
                announce=self.settings.announces,
            )
        except (ResourceNotAllowed, RequestIdReused) as error:
            self.told.tell({Attribute.OUTCOME: "Refused"})
            self.told.tell_error(error.code)
            audit.started_by(account, ACTIONS[orchestrator], resource, error, reason)
            return
        self.told.tell({Attribute.OUTCOME: "Accepted" if new else "Repeated", Attribute.ROTATION_ID: id_})
        if new:
            audit.started_by(account, ACTIONS[orchestrator], resource, id_, reason)
        else:
            _logger.info("%s was here before; it has started %s", _named(self.event), id_)

    def _may_touch(self, resource: ResourceId) -> bool:
        return self.settings.allowed_communication_services.allows(resource)


def _named(event: Event) -> str:
    return f"event {json.dumps(event.shown)}"
