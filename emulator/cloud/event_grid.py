"""The emulated Event Grid, as publishers see it: the endpoint of one custom topic.

Source: learn.microsoft.com/azure/event-grid/post-to-custom-topic, Azure/azure-rest-api-specs
(specification/eventgrid/data-plane, 2018-01-01) and azure-eventgrid, which sends arrays, CloudEvents as
`application/cloudevents-batch+json`. A topic of Azure's takes one of the two schemas; this one takes either, and tells
them apart by the content type. Checks come in this order: path, method, credentials, api-version, size, body; inferred.
"""

import uuid
from collections.abc import Callable

from aiohttp import web

from emulator.cloud import event_grid_errors
from emulator.cloud.defaults import TOPIC_ID
from emulator.cloud.event_grid_authentication import authenticate
from emulator.cloud.event_grid_errors import EventGridError
from emulator.cloud.event_grid_schemas import cloud_event, event_grid_event
from emulator.cloud.exchange import Exchange, Operation, Reply, entry_of
from emulator.cloud.faults import Faults
from emulator.cloud.journal import Journal
from emulator.cloud.json_values import Json, JsonError, parse_json
from emulator.cloud.tokens import Tokens

PATH = "/api/events"
_API_VERSION = "2018-01-01"
# "The array can have a total size of up to 1 MB" (event-schema).
_LARGEST_BYTES = 1024 * 1024
_KEY_HEADERS = ("aeg-sas-key", "aeg-sas-token")
_CLOUD_EVENT = "application/cloudevents+json"
_CLOUD_EVENTS = "application/cloudevents-batch+json"
_EVENT_GRID_EVENTS = "application/json"

Event = dict[str, object]


class EventGridTopic:
    """Answers requests to the topic's port; `publish` takes each event that is accepted."""

    def __init__(self, *, tokens: Tokens, journal: Journal, faults: Faults, publish: Callable[[Event], object]) -> None:
        self._tokens = tokens
        self._publish = publish
        self._exchange = Exchange("eventgrid", journal=journal, faults=faults, refusal=event_grid_errors.refusal)

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answer one request."""
        try:
            body = await request.read()
        except web.HTTPRequestEntityTooLarge:
            body = None
        is_topic = request.rel_url.raw_path.rstrip("/").lower() == PATH
        operation = "publish" if is_topic and request.method == "POST" else None
        entry = entry_of(
            request,
            "eventgrid",
            operation,
        )
        served = Operation(name=operation, act=lambda _fault: self._answer(request, body, is_topic=is_topic))
        # As every Azure service answers; for this one no list of headers is published.
        headers = {"x-ms-request-id": str(uuid.uuid4()), "Cache-Control": "no-cache"}
        return await self._exchange.answer(request, entry, served, headers)

    def _answer(self, request: web.BaseRequest, body: bytes | None, *, is_topic: bool) -> Reply:
        try:
            if not is_topic:
                raise event_grid_errors.not_found("The path names no topic.")
            if request.method != "POST":
                raise EventGridError(405, "MethodNotAllowed", "A topic takes POST.", allow="POST")
            with_key = any(name in request.headers for name in _KEY_HEADERS)
            authenticate(self._tokens, request.headers.get("Authorization"), with_key=with_key)
            if request.rel_url.query.get("api-version") != _API_VERSION:
                raise event_grid_errors.bad_request(f"The api-version must be {_API_VERSION}.")
            if body is None or len(body) > _LARGEST_BYTES:
                raise event_grid_errors.too_large(_LARGEST_BYTES)
            events = _events(request.content_type.lower(), body)
        except EventGridError as error:
            return error.reply()
        except JsonError as error:
            return event_grid_errors.bad_request(f"{error}.").reply()
        for event in events:
            self._publish(event)
        return Reply(200, effect=bool(events))


def _events(content_type: str, body: bytes) -> list[Event]:
    """Return all events, or none: JsonError or EventGridError for a body with one that is wrong."""
    if content_type == _CLOUD_EVENT:
        return [cloud_event(Json(parse_json(body), "the event"))]
    if content_type == _CLOUD_EVENTS:
        return [cloud_event(each) for each in Json(parse_json(body), "the events").items()]
    if content_type == _EVENT_GRID_EVENTS:
        # "Always in an array, even with a single event" (event-schema).
        return [event_grid_event(each, TOPIC_ID) for each in Json(parse_json(body), "the events").items()]
    raise event_grid_errors.bad_request(f"The content type must be {_EVENT_GRID_EVENTS} or {_CLOUD_EVENTS}.")
