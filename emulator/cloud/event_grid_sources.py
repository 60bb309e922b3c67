"""What every event of the cloud's own has in common: Event Grid's schema, as system topics write it."""

import uuid
from datetime import UTC, datetime


def system_event(
    *, topic: str, subject: str, event_type: str, data: dict[str, object], data_version: str
) -> dict[str, object]:
    """Return a new event, of now; `topic` is the ARM id of its source."""
    return {
        "id": str(uuid.uuid4()),
        "topic": topic,
        "subject": subject,
        "eventType": event_type,
        # .NET writes seven digits behind the second.
        "eventTime": f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%S.%f}0Z",
        "data": data,
        "dataVersion": data_version,
        "metadataVersion": "1",
    }
