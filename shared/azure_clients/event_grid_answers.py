"""What Event Grid answered, or did not -> our error (pure).

Its errors look like `{"error": {"code": "Unauthorized", "message": "…", "details": […]}}`:
https://learn.microsoft.com/azure/event-grid/post-to-custom-topic#response
"""

import json
from collections.abc import Mapping
from typing import Any, cast

from shared import retry_after
from shared.errors import Json
from shared.event_grid_errors import EventNotPublished
from shared.redaction import scrub

_LARGEST_ANSWER = 64 * 1024
_LONGEST_TEXT = 500
_REQUEST_TIMEOUT = 408

_ADVICE: Mapping[int, str] = {
    400: "Event Grid refused the event as wrong. The topic must take CloudEvents 1.0: make one with --input-schema "
    "cloudeventschemav1_0, as the schema of a topic cannot be changed.",
    # a missing role is a 401 too: https://github.com/Azure/azure-sdk-for-net/issues/22831
    401: "Event Grid refused this app's identity. Assign it EventGrid Data Sender on the topic; a new assignment takes "
    "some minutes to work. The next attempt asks for a new token.",
    403: "Event Grid denies it. Assign this app's identity EventGrid Data Sender on the topic, and let the topic's "
    "network rules admit this app.",
    404: "There is no Event Grid topic at EVENT_GRID_TOPIC_ENDPOINT. Check the setting, and whether the topic is still "
    "there.",
    413: "The event is larger than Event Grid takes.",
    429: "Event Grid throttles the topic.",
}
# a 401 may be the missing role that somebody has just assigned, or a token that was given up before its time
_MAY_PASS = frozenset({401, _REQUEST_TIMEOUT, 429})


def from_status(status: int, headers: Mapping[str, str], body: bytes) -> EventNotPublished:
    """Return the error for an answer that is not the 200 of the API.

    Args:
        status: the HTTP status.
        headers: the answer's headers; Retry-After is passed on.
        body: Event Grid's error, or anything.
    """
    if 200 <= status < 400:
        return not_the_api()
    message = _ADVICE.get(status, f"Event Grid failed with HTTP status {status}.")
    if told := _words(body):
        message += f" It says: {told}"
    return EventNotPublished(
        message,
        retriable=status in _MAY_PASS or status >= 500,
        headers=retry_after.passed_on(headers),
    )


def not_the_api() -> EventNotPublished:
    """Return the error for an answer that cannot be understood."""
    return EventNotPublished(
        "The answer from EVENT_GRID_TOPIC_ENDPOINT is not one that Event Grid gives. Check the setting and what stands "
        "between this app and the topic.",
        retriable=True,
    )


def connection_failed(*, sent: bool, reason: str) -> EventNotPublished:
    """Return the error for a call without an answer.

    Args:
        sent: False only where the request certainly never left.
        reason: the type of the network error, never its text.
    """
    return EventNotPublished(
        f"The connection to Event Grid was lost before its answer came ({reason})."
        if sent
        else f"No connection to Event Grid could be made ({reason}). Check EVENT_GRID_TOPIC_ENDPOINT, DNS, "
        "certificates and the network.",
        retriable=True,
    )


def _words(body: bytes) -> str:
    """Return code and message of Event Grid's error on one line, scrubbed and bounded; empty where there are none."""
    if len(body) > _LARGEST_ANSWER:
        return ""
    try:
        error = _object(_object(json.loads(body)).get("error"))
    except (ValueError, RecursionError):
        return ""
    texts = [value for value in (error.get("code"), error.get("message")) if isinstance(value, str)]
    told = "".join(character if character.isprintable() else " " for character in scrub(": ".join(texts)))
    return " ".join(told.split())[:_LONGEST_TEXT]


def _object(value: Any) -> Json:
    return cast("Json", value) if isinstance(value, dict) else {}
