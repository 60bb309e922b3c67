"""An event as it came, in Event Grid's schema or as a CloudEvent: who says what about what (pure).

Event Grid's own: https://learn.microsoft.com/azure/event-grid/event-schema . CloudEvents 1.0:
https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/spec.md#context-attributes
"""

import hashlib
import json
from dataclasses import dataclass
from typing import Any, cast

from shared.redaction import scrub

# an ARM id has at most 277 characters
_LONGEST_SHOWN = 300
# cutting before scrubbing could leave half a key, which nobody recognises as one; so what is longer is not shown
_LONGEST_SCRUBBED = 2000


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """An event's envelope, the same for both schemas. Everything in it is untrusted.

    Attributes:
        id: the publisher's, or empty; with the source it tells the event from others.
        type: such as `Microsoft.KeyVault.SecretNearExpiry`.
        source: Event Grid's topic, or CloudEvents' source.
        subject: what it is about, or empty.
        data: whatever JSON gives; bytes where a CloudEvent came with `data_base64`.
    """

    id: str
    type: str
    source: str
    subject: str
    data: Any

    @property
    def identity(self) -> str:
        """64 hex digits, the same for each delivery of the event, and for no other one.

        "Producers MUST ensure that source + id is unique for each distinct event" (CloudEvents, `id`).
        """
        return hashlib.sha256(json.dumps([self.source, self.id]).encode()).hexdigest()

    @property
    def shown(self) -> dict[str, str]:
        """What a log line may say of the event: `{"eventId", "eventType", "eventSource", "eventSubject"}`, each one
        printable, scrubbed of anything like a key, and at most 300 characters."""
        return {
            "eventId": _shown(self.id),
            "eventType": _shown(self.type),
            "eventSource": _shown(self.source),
            "eventSubject": _shown(self.subject),
        }

    def __repr__(self) -> str:
        return f"Event({self.shown})"


def event_of(received: object) -> Event:
    """Return the envelope of azure.functions' `EventGridEvent` or `CloudEvent`, or of what has their attributes.

    The worker checks nothing: an attribute may be missing or of any type. A number counts as its text, as some
    publishers number their events; what else is no text counts as empty.
    """
    data = _called(received, "get_json")
    attributes: Any = getattr(received, "extension_attrs", None)
    if data is None and isinstance(attributes, dict) and cast("dict[Any, Any]", attributes).get("data_base64"):
        # the worker takes it for an extension; without data a request would ask for the defaults
        data = b""
    return Event(
        id=_text(received, "id"),
        type=_text(received, "event_type", "type"),
        source=_text(received, "topic", "source"),
        subject=_text(received, "subject"),
        data=data,
    )


def _called(received: object, name: str) -> Any:
    method: Any = getattr(received, name, None)
    return method() if callable(method) else None


def _text(received: object, *names: str) -> str:
    """Return the text of the first of the attributes that is there."""
    value: Any = next((found for name in names if (found := getattr(received, name, None)) is not None), None)
    if isinstance(value, str):
        return value
    if isinstance(value, int | float) and not isinstance(value, bool):
        try:
            return str(value)
        except ValueError:
            # Python writes no integer of over 4300 digits
            return ""
    return ""


def _shown(text: str) -> str:
    if len(text) > _LONGEST_SCRUBBED:
        return f"({len(text)} characters that are not shown)"
    clean = scrub("".join(character if character.isprintable() else " " for character in text))
    return clean if len(clean) <= _LONGEST_SHOWN else clean[: _LONGEST_SHOWN - 1] + "…"
