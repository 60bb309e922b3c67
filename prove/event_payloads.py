"""Events as nobody should send them: arbitrary JSON in and around every known type, as hypothesis strategies."""

import json
from typing import Any

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

TYPES = (
    "Microsoft.KeyVault.SecretNearExpiry",
    "Microsoft.KeyVault.SecretExpired",
    "Microsoft.Resources.ResourceActionSuccess",
    "CommunicationKey.RegenerateRequested",
    "CommunicationKey.RotateRequested",
    "CommunicationKey.Rotated",
)
# Property names that the parsers know, in their own spelling and in others.
_NAMES = (
    *("Id", "id", "ObjectType", "ObjectName", "ObjectName ", "Version", "VaultName", "EXP", "NBF"),
    *("operationName", "status", "resourceUri", "authorization", "action", "scope", "evidence", "principalId"),
    *("claims", "oid", "subject", "resourceId", "resourceid", "keyType", "KeyType", "force", "activeKey"),
    *("gracePeriod", "revoke", "supersede", "reason", " reason", "__proto__", ""),
)
_RESOURCE = (
    "/subscriptions/11112222-3333-4444-5555-666677778888/resourceGroups/MyResourceGroup/providers"
    "/Microsoft.Communication/communicationServices/"
)
# Values that mean something, or nearly.
_VALUES = (
    *("Primary", "secondary", "both", "true", "", " ", "Secret", "Key", "Succeeded", "P1D", "P31D", "\ud800", "\x00"),
    "Microsoft.Communication/communicationServices/regenerateKey/action",
    # not the resource that is there: what is fuzzed is to be refused
    f"{_RESOURCE}Another",
    f"{_RESOURCE}..",
    f"https://evil.example{_RESOURCE}Another",
    "https://evil.example",
    "https://evil.example/secrets/name/ee059b2bb5bc48398a53b168c6cdcb10",
    "https://evil.example:99999999999/secrets/a/b",
    "https://[::1]/secrets/a/b",
    "https://vault@evil.example/secrets/a/b",
    "https://localhost:1/secrets/../b",
    "\u212aey",
    "9" * 5000,
    "a" * 20_000,
)

_texts = st.sampled_from(_VALUES) | st.text(st.characters(exclude_categories=()), max_size=40)
_leaves = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.sampled_from((10**400, -(10**400), 2**63))
    | st.floats(allow_nan=False, allow_infinity=False)
    | _texts
)
_names = st.sampled_from(_NAMES) | st.text(max_size=20)
json_values: st.SearchStrategy[Any] = st.recursive(
    _leaves,
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(_names, inner, max_size=8),
    max_leaves=25,
)


# Data as it should be, about a resource that the app may not touch.
_RIGHT: dict[str, dict[str, Any]] = {
    "Microsoft.KeyVault.SecretNearExpiry": {
        "Id": "https://evil.example/secrets/name/ee059b2bb5bc48398a53b168c6cdcb10",
        "ObjectType": "Secret",
        "ObjectName": "name",
        "Version": "ee059b2bb5bc48398a53b168c6cdcb10",
    },
    "Microsoft.Resources.ResourceActionSuccess": {
        "operationName": "Microsoft.Communication/communicationServices/regenerateKey/action",
        "resourceUri": f"{_RESOURCE}Another",
        "status": "Succeeded",
        "authorization": {"scope": f"{_RESOURCE}Another", "evidence": {"principalId": "x"}},
        "claims": {"oid": "x"},
    },
    "CommunicationKey.RegenerateRequested": {"resourceId": f"{_RESOURCE}Another", "keyType": "Primary", "force": True},
    "CommunicationKey.RotateRequested": {
        "resourceId": f"{_RESOURCE}Another",
        "activeKey": "Primary",
        "gracePeriod": "P1D",
        "revoke": True,
        "supersede": False,
        "reason": "x",
    },
}


@st.composite
def nearly_right(draw: st.DrawFn) -> tuple[str, dict[str, Any]]:
    """Draw a known type, and data of it in which one or two fields are anything."""
    type_ = draw(st.sampled_from(sorted(_RIGHT)))
    data = dict(_RIGHT[type_])
    for name in draw(st.lists(st.sampled_from(sorted(data)), min_size=1, max_size=2)):
        data[name] = draw(st.sampled_from(_VALUES) | _leaves | json_values)
    return type_, data


# Every second of the known names is there, so that parsers come far.
_known = st.fixed_dictionaries({}, optional={name: st.sampled_from(_VALUES) | json_values for name in _NAMES})
# a text that holds an object, or nearly
_written = (_known | json_values).map(json.dumps) | _texts
data_values: st.SearchStrategy[Any] = _known | _written | json_values


@st.composite
def event_fields(draw: st.DrawFn) -> dict[str, Any]:
    """Draw `{id, type, source, subject, data}`, each of it mostly of its type."""
    odd = draw(st.booleans())
    text: st.SearchStrategy[Any] = (_leaves if odd else _texts) | st.just("/somebody")
    type_ = draw(st.sampled_from(TYPES) | st.sampled_from(TYPES).map(str.upper) | text)
    data = draw(data_values)
    if draw(st.booleans()):
        type_, data = draw(nearly_right())
    return {"id": draw(text), "type": type_, "source": draw(text), "subject": draw(text), "data": data}


def as_event_grid(fields: dict[str, Any]) -> dict[str, Any]:
    """Return an event of Event Grid's own schema."""
    return {
        "id": fields["id"],
        "eventType": fields["type"],
        "topic": fields["source"],
        "subject": fields["subject"],
        "data": fields["data"],
        "eventTime": "2026-01-01T00:00:00Z",
        "dataVersion": "1",
        "metadataVersion": "1",
    }


def as_cloud_event(fields: dict[str, Any]) -> dict[str, Any]:
    """Return a CloudEvent 1.0."""
    return {
        "specversion": "1.0",
        "id": fields["id"],
        "type": fields["type"],
        "source": fields["source"],
        "subject": fields["subject"],
        "time": "2026-01-01T00:00:00Z",
        "data": fields["data"],
    }


def samples(count: int) -> list[dict[str, Any]]:
    """Return `count` drawn events' fields, the same each time."""
    drawn: list[dict[str, Any]] = []

    @settings(
        max_examples=count,
        derandomize=True,
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=(HealthCheck.data_too_large, HealthCheck.large_base_example, HealthCheck.too_slow),
    )
    @given(fields=event_fields())
    def draw(fields: dict[str, Any]) -> None:
        drawn.append(fields)

    draw()
    return drawn
