"""The app's Event Grid topic through azure-eventgrid: one event at a time, as a CloudEvent.

The SDK's own retry is off: who publishes decides how long an event is worth waiting for. So are redirects (a bearer
token goes to the topic alone).
"""

import asyncio
from datetime import datetime
from typing import Any

from aiohttp import ClientConnectorError, ConnectionTimeoutError
from azure.core.exceptions import AzureError, HttpResponseError
from azure.core.messaging import CloudEvent
from azure.eventgrid.aio import EventGridPublisherClient

from shared.azure_clients.calls import NOT_THE_API, SDK_ERRORS, answered, azure_call
from shared.azure_clients.credential import Credential
from shared.azure_clients.event_grid_answers import connection_failed, from_status, not_the_api
from shared.azure_clients.transport import transport_that_sends_once
from shared.errors import AppError, Json, ManagedIdentityUnavailable
from shared.event_grid_errors import EventNotPublished
from shared.telemetry.spans import Told

_CONNECT_SECONDS = 5.0
_READ_SECONDS = 10.0
# in all: the read timeout starts anew with each byte
_LONGEST_CALL_SECONDS = 30.0


class EventGridTopic:
    """One custom topic, over one connection pool; a `Topic` as shared/rotation/announcing.py wants it.

    To be made on the event loop that will use it.

    Args:
        endpoint: the topic's endpoint, `https://<topic>.<region>-1.eventgrid.azure.net/api/events`.
        credential: the app's identity.
    """

    def __init__(self, endpoint: str, credential: Credential) -> None:
        self._endpoint = endpoint
        self._credential = credential
        self._client = EventGridPublisherClient(
            endpoint,
            credential,
            retry_total=0,
            permit_redirects=False,
            user_agent="acs-key-rotation",
            transport=transport_that_sends_once(connection_timeout=_CONNECT_SECONDS, read_timeout=_READ_SECONDS),
        )

    async def publish(self, *announcements: Json) -> None:
        """Publish `{"id", "type", "resourceId", "time", "data"}`, one or some hundreds, with one request.

        The resource is both the source and the subject: source and id together name an event, and a subscription
        filters by subject.

        Raises:
            EventNotPublished: Event Grid refused it, failed or could not be reached.
            ManagedIdentityUnavailable: nothing was sent.
        """
        events = [_cloud_event(announcement) for announcement in announcements]
        with azure_call("eventgrid.publish", "POST", self._endpoint) as told:
            await self._publish(events, told)

    async def _publish(self, events: list[CloudEvent[Json]], told: Told) -> None:
        status = None
        try:
            async with asyncio.timeout(_LONGEST_CALL_SECONDS):
                await self._client.send(events)  # pyright: ignore[reportUnknownMemberType]  # CloudEvent of any data
        except ManagedIdentityUnavailable as error:
            # its outcome speaks of a key's regeneration, which this is not
            failure: AppError = ManagedIdentityUnavailable(error.message)
        except HttpResponseError as error:
            # the SDK says a 404 in its own words, with the answer behind them
            answer: Any = error.response or getattr(error.__cause__, "response", None)
            failure = _answered(answer)
            status = answer.status_code if answer is not None else None
        except AzureError as error:
            # azure-core calls every network error of aiohttp a ServiceRequestError; aiohttp's own type says whether
            # there ever was a connection
            cause = error.__cause__ or error
            sent = not isinstance(cause, (ClientConnectorError, ConnectionTimeoutError))
            failure = connection_failed(sent=sent, reason=type(cause).__name__)
        except TimeoutError:
            failure = connection_failed(sent=True, reason="TimeoutError")
        except NOT_THE_API:
            failure = not_the_api()
        else:
            # the SDK does not say with which status it was taken
            return
        answered(told, status)
        if status == 401:
            await self._credential.forget()
        # raised out here so that the SDK's exception, which holds the request, does not hang on ours as its context
        raise failure

    async def close(self) -> None:
        """Close the connections."""
        await self._client.close()


def _cloud_event(announcement: Json) -> CloudEvent[Json]:
    return CloudEvent(
        source=announcement["resourceId"],
        subject=announcement["resourceId"],
        type=announcement["type"],
        id=announcement["id"],
        time=datetime.fromisoformat(announcement["time"]),
        datacontenttype="application/json",
        data=announcement["data"],
    )


def _answered(answer: Any) -> EventNotPublished:
    # azure-core types the response loosely
    if answer is None:
        return not_the_api()
    try:
        body: bytes = answer.body()
    except SDK_ERRORS:
        body = b""
    return from_status(int(answer.status_code or 0), answer.headers, body)
