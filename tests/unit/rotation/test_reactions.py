"""What each event starts, and what is started by none: ids, inputs, refusals, and what makes Event Grid come again."""

import json
import logging
from collections.abc import Callable
from typing import Any

import pytest

from shared import composition
from shared.errors import NotConfigured
from shared.event_envelope import Event
from shared.key_vault_errors import KeyVaultUnavailable
from shared.rotation import guard, reactions, requests
from shared.rotation.model import Json
from shared.rotation.reactions import react
from shared.settings import parse_settings
from tests.support.fakes import LEGACY_KEY, RESOURCE
from tests.support.rotation_engine import FakeEngine, instance
from tests.support.telemetry import Telemetry, attributes, is_failed
from tests.support.vault import OTHER, FakeVault, connected, secret

VAULT_URL = "https://vault.example"
TAGS = {"CredentialId": "Primary", "ProviderAddress": str(RESOURCE)}
REGENERATE = "Microsoft.Communication/communicationServices/regenerateKey/action"
BY = "aaaabbbb-0000-4000-8000-ccccddddeeee"

type Use = Callable[..., None]


@pytest.fixture(autouse=True)
def vault(monkeypatch: pytest.MonkeyPatch) -> FakeVault:
    """Set the app up with a vault in which a secret publishes the resource's key, and return that."""
    vault = FakeVault.of(secret(connected(LEGACY_KEY), name="acs", tags=TAGS))

    async def key_vault() -> FakeVault:
        return vault

    monkeypatch.setattr(composition, "key_vault", key_vault)
    return vault


@pytest.fixture(autouse=True)
def use(monkeypatch: pytest.MonkeyPatch) -> Use:
    """Set the app up with a Key Vault, and return a function that sets it up otherwise."""

    def set_up(**variables: str) -> None:
        given = {"COMMUNICATION_SERVICE_ID": str(RESOURCE), "KEY_VAULT_URL": VAULT_URL} | variables
        configured = parse_settings(given)
        monkeypatch.setattr(reactions, "settings", lambda: configured)

    set_up()
    return set_up


def event(type_: str, data: Any, *, id_: str = "e-1", source: str = "/topics/t") -> Event:
    """Return an event."""
    return Event(id=id_, type=type_, source=source, subject="", data=data)


def expiring(vault: FakeVault, *, type_: str = "SecretNearExpiry", url: str = VAULT_URL, version: str = "") -> Event:
    """Return Key Vault's event about the current version of the secret, or another one."""
    version = version or vault.versions["acs"][-1].version
    return event(f"Microsoft.KeyVault.{type_}", {"Id": f"{url}/secrets/acs/{version}", "ObjectType": "Secret"})


def regenerated(resource: object = RESOURCE, **more: Any) -> Event:
    """Return ARM's event about a regeneration."""
    data = {"resourceUri": str(resource), "operationName": REGENERATE, "status": "Succeeded"} | more
    return event("Microsoft.Resources.ResourceActionSuccess", data)


async def test_an_expiring_secret_starts_the_rotation_of_its_resource(vault: FakeVault) -> None:
    """The tags in our vault name the resource; the rotation waits, and knows the version that is its reason."""
    engine = FakeEngine()
    await react(expiring(vault), engine)
    ((name, id_, request),) = engine.started
    version = vault.versions["acs"][-1].version
    assert (name, id_) == ("rotate_key", requests.secret_instance_id(VAULT_URL, "acs", version))
    assert (request["resourceId"], request["graceSeconds"]) == (str(RESOURCE), 172800.0)
    assert request["secret"] == {"name": "acs", "version": version}
    assert (request["waits"], request["announce"], request["revoke"]) == (True, False, True)


async def test_near_expiry_and_expiry_of_one_version_are_one_rotation(vault: FakeVault) -> None:
    """Both events, each of them twice, start one orchestration."""
    engine = FakeEngine()
    for type_ in ("SecretNearExpiry", "SecretExpired") * 2:
        await react(expiring(vault, type_=type_), engine)
    assert len(engine.started) == 1


@pytest.mark.parametrize("case", ["stale", "gone", "disabled", "untagged", "hostile tag", "foreign vault", "no vault"])
async def test_an_expiring_secret_that_is_none_of_ours_starts_nothing(
    vault: FakeVault, use: Use, caplog: pytest.LogCaptureFixture, case: str
) -> None:
    """A version that is not current, a secret that is gone or not tagged, another vault: accepted, told, ignored."""
    told = expiring(vault)
    match case:
        case "stale":
            vault.versions["acs"].append(secret(connected(LEGACY_KEY), name="acs", tags=TAGS))
        case "gone":
            vault.versions.clear()
        case "disabled":
            vault.versions["acs"] = [secret(connected(LEGACY_KEY), name="acs", tags=TAGS, enabled=False)]
            told = expiring(vault)
        case "untagged":
            vault.versions["acs"] = [secret(connected(LEGACY_KEY), name="acs", tags={})]
            told = expiring(vault)
        case "hostile tag":
            hostile = {"ProviderAddress": "https://evil.example" + str(RESOURCE)}
            vault.versions["acs"] = [secret(connected(LEGACY_KEY), name="acs", tags=hostile)]
            told = expiring(vault)
        case "foreign vault":
            told = expiring(vault, url="https://vault.example.evil.example")
        case _:
            use(KEY_VAULT_URL="")
    engine = FakeEngine()
    with caplog.at_level(logging.INFO):
        await react(told, engine)
    assert engine.started == []
    (line,) = [record.getMessage() for record in caplog.records if "e-1" in record.getMessage()]
    assert " is ignored: " in line


async def test_tags_do_not_widen_the_allow_list(vault: FakeVault, caplog: pytest.LogCaptureFixture) -> None:
    """A secret whose tag names a resource outside the allow-list is refused, and the audit line says so."""
    vault.versions["acs"] = [secret(connected(LEGACY_KEY), name="acs", tags={"ProviderAddress": str(OTHER)})]
    engine = FakeEngine()
    with caplog.at_level(logging.INFO):
        await react(expiring(vault), engine)
    assert engine.started == []
    assert '"outcome": "Refused"' in caplog.text
    assert "ResourceNotAllowed" in caplog.text


async def test_a_vault_that_is_silent_makes_event_grid_come_again(vault: FakeVault) -> None:
    """What may pass is raised: 500, and Event Grid retries."""
    vault.failures["get", "acs"] = KeyVaultUnavailable("silent", doubtful=False)
    with pytest.raises(KeyVaultUnavailable):
        await react(expiring(vault), FakeEngine())


async def test_settings_that_are_wrong_make_event_grid_come_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """An app that is not configured loses no event."""
    monkeypatch.setattr(reactions, "settings", lambda: parse_settings({}))
    with pytest.raises(NotConfigured):
        await react(regenerated(), FakeEngine())


async def test_a_regeneration_behind_our_back_starts_a_repair(caplog: pytest.LogCaptureFixture) -> None:
    """The resource's secrets are looked at, once an event; the audit line says who did it, as far as ARM tells."""
    engine = FakeEngine()
    told = regenerated(str(RESOURCE).replace("resourceGroups", "resourcegroups"), claims={"oid": BY})
    with caplog.at_level(logging.INFO):
        await react(told, engine)
        await react(told, engine)
    ((name, _, request),) = engine.started
    assert name == "repair_secrets"
    assert request["guardKey"] == guard.guard_key(RESOURCE)
    assert (request["waits"], request["converge"], request["owed"]) == (True, False, None)
    audit = [json.loads(record.getMessage()[6:]) for record in caplog.records if record.name == "audit"]
    assert [(line["action"], line["outcome"], line["regeneratedBy"]) for line in audit] == [
        ("RepairSecrets", "Accepted", BY)
    ]
    assert audit[0]["caller"] == {"kind": "EventGrid"}


async def test_two_regenerations_are_two_repairs() -> None:
    """Another event about the same resource is looked at, too."""
    engine = FakeEngine()
    await react(regenerated(), engine)
    await react(event("Microsoft.Resources.ResourceActionSuccess", regenerated().data, id_="e-2"), engine)
    assert len(engine.started) == 2


@pytest.mark.parametrize("variables", [{"KEY_VAULT_URL": ""}, {"COMMUNICATION_SERVICE_ID": str(OTHER)}])
async def test_a_regeneration_that_is_not_the_apps_business_starts_nothing(
    use: Use, caplog: pytest.LogCaptureFixture, variables: dict[str, str]
) -> None:
    """Without a vault nothing is to be repaired, and of other resources a subscription tells all the time: no alarm."""
    use(**variables)
    engine = FakeEngine()
    with caplog.at_level(logging.INFO):
        await react(regenerated(), engine)
    assert engine.started == []
    assert {record.levelno for record in caplog.records} == {logging.INFO}


@pytest.mark.parametrize("key_vault", [True, False])
async def test_a_requested_regeneration_is_started_with_or_without_a_vault(use: Use, key_vault: bool) -> None:
    """The request names the key; the app's own resource is the default."""
    if not key_vault:
        use(KEY_VAULT_URL="")
    engine = FakeEngine()
    told = event("CommunicationKey.RegenerateRequested", {"keyType": "secondary", "force": True})
    await react(told, engine)
    await react(told, engine)
    ((name, _, request),) = engine.started
    assert (name, request["resourceId"], request["keyType"]) == ("regenerate_key", str(RESOURCE), "Secondary")
    assert (request["force"], request["keyVault"], request["waits"]) == (True, key_vault, True)
    assert request["source"] == "event"


async def test_a_requested_rotation_takes_what_the_http_request_takes(
    use: Use, caplog: pytest.LogCaptureFixture
) -> None:
    """The data are the body of POST /api/rotations; with a topic, the end is told to it."""
    use(EVENT_GRID_TOPIC_ENDPOINT="https://topic.example/api/events")
    engine = FakeEngine()
    data = {"gracePeriod": "PT1H", "revoke": False, "supersede": True, "reason": "leak", "activeKey": "primary"}
    with caplog.at_level(logging.INFO):
        await react(event("CommunicationKey.RotateRequested", data), engine)
    ((name, _, request),) = engine.started
    assert name == "rotate_key"
    assert '"reason": "leak"' in caplog.text
    assert (request["graceSeconds"], request["revoke"], request["supersede"]) == (3600.0, False, True)
    assert (request["activeKey"], request["reason"]) == ("Primary", "leak")
    assert request["announce"] is True


async def test_a_requested_rotation_has_the_apps_own_grace_period(use: Use) -> None:
    """Where the event says none, ROTATION_GRACE_PERIOD does."""
    use(ROTATION_GRACE_PERIOD="P3D")
    engine = FakeEngine()
    await react(event("CommunicationKey.RotateRequested", {}), engine)
    assert engine.started[0][2]["graceSeconds"] == 3 * 86400


async def test_the_same_id_of_another_source_is_another_request() -> None:
    """CloudEvents: the source and the id together tell events apart."""
    engine = FakeEngine()
    for source in ("/topics/a", "/topics/b"):
        await react(event("CommunicationKey.RotateRequested", {}, source=source), engine)
    assert len({id_ for _, id_, _ in engine.started}) == 2


async def test_the_same_event_with_other_content_starts_nothing_more(caplog: pytest.LogCaptureFixture) -> None:
    """Somebody reuses an id for another request: it is refused, not run, and not asked for again."""
    engine = FakeEngine()
    await react(event("CommunicationKey.RotateRequested", {}), engine)
    await react(event("CommunicationKey.RotateRequested", {"supersede": True}), engine)
    assert len(engine.started) == 1
    assert "RequestIdReused" in caplog.text


@pytest.mark.parametrize("type_", ["CommunicationKey.RegenerateRequested", "CommunicationKey.RotateRequested"])
async def test_a_request_for_another_resource_is_refused(type_: str, caplog: pytest.LogCaptureFixture) -> None:
    """The allow-list is the same as over HTTP."""
    engine = FakeEngine()
    data = {"resourceId": str(OTHER)} | ({"keyType": "Primary"} if "Regenerate" in type_ else {})
    await react(event(type_, data), engine)
    assert engine.started == []
    assert "ResourceNotAllowed" in caplog.text


async def test_a_rotation_without_a_vault_makes_event_grid_come_again(use: Use) -> None:
    """KEY_VAULT_URL is missing: a setting, so the event is not lost."""
    use(KEY_VAULT_URL="")
    with pytest.raises(NotConfigured):
        await react(event("CommunicationKey.RotateRequested", {}), FakeEngine())


async def test_a_request_without_a_resource_needs_the_apps_own(use: Use) -> None:
    """COMMUNICATION_SERVICE_ID is missing: a setting, so the event is not lost."""
    use(COMMUNICATION_SERVICE_ID="", ALLOWED_COMMUNICATION_SERVICES=str(RESOURCE))
    with pytest.raises(NotConfigured):
        await react(event("CommunicationKey.RegenerateRequested", {"keyType": "Primary"}), FakeEngine())


async def test_a_malformed_event_is_told_as_an_error_and_dropped(caplog: pytest.LogCaptureFixture) -> None:
    """To send it again would not mend it; its values are not told."""
    engine = FakeEngine()
    await react(event("CommunicationKey.RegenerateRequested", {"keyType": LEGACY_KEY}), engine)
    assert engine.started == []
    assert [record.levelno for record in caplog.records] == [logging.ERROR]
    assert "data.keyType" in caplog.text
    assert LEGACY_KEY[:12] not in caplog.text


async def test_other_events_are_ignored() -> None:
    """What the app has published itself, and everything else, starts nothing."""
    engine = FakeEngine()
    for type_ in ("CommunicationKey.Rotated", "Microsoft.KeyVault.SecretNewVersionCreated", "", "x" * 10_000):
        await react(event(type_, {"Id": 1}), engine)
    assert engine.started == []


async def test_what_is_held_is_started_all_the_same(vault: FakeVault) -> None:
    """The orchestration waits for the resource; the event is not lost and not refused."""
    held: Json = {"holder": {"id": "r1", "until": "2999-01-01T00:00:00Z"}, "pending": None, "outcomes": []}
    engine = FakeEngine(guards={guard.guard_key(RESOURCE): held}).add(instance("r1", "RUNNING"))
    await react(expiring(vault), engine)
    await react(regenerated(), engine)
    assert [(name, request["insteadOf"]) for name, _, request in engine.started] == [
        ("rotate_key", None),
        ("repair_secrets", None),
    ]


async def test_a_reaction_is_one_span_that_names_what_it_started(vault: FakeVault, telemetry: Telemetry) -> None:
    """The event, what came of it, and the rotation under whose id the rest is told; a repeated one says so."""
    engine = FakeEngine()
    for _ in range(2):
        await react(expiring(vault), engine)
    first, second = map(attributes, telemetry.named("react"))
    assert first == {
        "cloudevents.event_id": "e-1",
        "cloudevents.event_type": "Microsoft.KeyVault.SecretNearExpiry",
        "cloudevents.event_source": "/topics/t",
        "cloudevents.event_subject": "",
        "acs.resource_id": str(RESOURCE),
        "acs.action": "RotateKey",
        "acs.outcome": "Accepted",
        "acs.rotation.id": engine.started[0][1],
    }
    assert second["acs.outcome"] == "Repeated"


@pytest.mark.parametrize(
    ("told", "outcome"),
    [
        (event("Microsoft.Storage.BlobCreated", {}), "Ignored"),
        (event("CommunicationKey.RegenerateRequested", {"keyType": 1}), "Malformed"),
        (regenerated(OTHER), "Ignored"),
    ],
    ids=["another type", "malformed", "not ours"],
)
async def test_a_reaction_that_starts_nothing_says_why(telemetry: Telemetry, told: Event, outcome: str) -> None:
    """It is no failure: the event was accepted."""
    await react(told, FakeEngine())
    assert attributes(telemetry.only("react"))["acs.outcome"] == outcome
    assert not is_failed(telemetry.only("react"))


async def test_a_refused_request_says_with_which_error(telemetry: Telemetry) -> None:
    """A resource outside the allow-list."""
    await react(event("CommunicationKey.RotateRequested", {"resourceId": str(OTHER)}), FakeEngine())
    told = attributes(telemetry.only("react"))
    assert (told["acs.outcome"], told["error.type"]) == ("Refused", "ResourceNotAllowed")


async def test_a_reaction_for_which_the_event_comes_again_has_failed(vault: FakeVault, telemetry: Telemetry) -> None:
    """Its span has the error's code, and nothing of its message."""
    due = expiring(vault)
    vault.failures["get", "acs"] = KeyVaultUnavailable(LEGACY_KEY, doubtful=False)
    with pytest.raises(KeyVaultUnavailable):
        await react(due, FakeEngine())
    assert is_failed(telemetry.only("react"))
    assert attributes(telemetry.only("react"))["error.type"] == "KeyVaultUnavailable"
    assert LEGACY_KEY not in telemetry.everything()
