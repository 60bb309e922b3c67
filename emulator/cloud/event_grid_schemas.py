"""Untrusted JSON -> an event, in either of the two schemas that Event Grid takes.

Event Grid's own: learn.microsoft.com/azure/event-grid/event-schema ("Event properties"). CloudEvents 1.0 in JSON:
github.com/cloudevents/spec, cloudevents/spec.md ("Context Attributes") and formats/json-format.md.
"""

import re
from datetime import datetime

from emulator.cloud.json_values import Json

_EVENT_GRID_MEMBERS = (*("id", "topic", "subject", "eventType", "eventTime", "data", "dataVersion", "metadataVersion"),)
# The only one there is (event-schema, "metadataVersion").
_METADATA_VERSION = "1"
# "CloudEvents attribute names MUST consist of lower-case letters or digits"; data_base64 is a member of the JSON form.
_ATTRIBUTE_NAME = re.compile(r"[a-z0-9]+|data_base64")


def event_grid_event(item: Json, topic: str, *, any_topic: bool = False) -> dict[str, object]:
    """Return an event in Event Grid's schema as subscribers get it; raises JsonError naming what is wrong.

    What the service fills in is filled in. A topic that is not `topic` is refused, as the service does it for the
    events of others, unless `any_topic` lets it stand for a source of the cloud's own.
    """
    item.only(*_EVENT_GRID_MEMBERS)
    for name in ("id", "eventType", "subject"):
        _nonempty(item, name)
    _moment(item, "eventTime", item.string("eventTime"))
    given_topic = item.optional_string("topic")
    if given_topic and given_topic != topic and not any_topic:
        raise item.error("topic must be the topic's own ARM id, or absent")
    if item.optional_string("metadataVersion") not in (None, _METADATA_VERSION):
        raise item.error(f"metadataVersion must be {_METADATA_VERSION}, or absent")
    return {
        **item.members(),
        "topic": given_topic or topic,
        "dataVersion": item.optional_string("dataVersion") or "",
        "metadataVersion": _METADATA_VERSION,
    }


def cloud_event(item: Json) -> dict[str, object]:
    """Return a CloudEvent as it came; raises JsonError naming what is wrong."""
    members = item.members()
    for name in ("id", "source", "type"):
        _nonempty(item, name)
    if item.string("specversion") != "1.0":
        raise item.error("specversion must be 1.0")
    for name in ("subject", "datacontenttype", "dataschema", "data_base64"):
        item.optional_string(name)
    moment = item.optional_string("time")
    if moment is not None:
        _moment(item, "time", moment)
    if "data" in members and "data_base64" in members:
        raise item.error("data and data_base64 cannot both be given")
    if wrong := sorted(name for name in members if not _ATTRIBUTE_NAME.fullmatch(name)):
        raise item.error(f"not the name of an attribute: {', '.join(wrong)}")
    return dict(members)


def any_event(item: Json, topic: str) -> dict[str, object]:
    """Return an event in the schema that it is in, of whatever source; raises JsonError naming what is wrong."""
    if "specversion" in item.members():
        return cloud_event(item)
    return event_grid_event(item, topic, any_topic=True)


def _nonempty(item: Json, name: str) -> None:
    if not item.string(name):
        raise item.error(f"{name} must not be empty")


def _moment(item: Json, name: str, text: str) -> None:
    try:
        # It reads what .NET writes too: seven digits behind the second.
        datetime.fromisoformat(text)
    except ValueError:
        raise item.error(f"{name} must be a moment like 2026-01-02T03:04:05Z") from None
