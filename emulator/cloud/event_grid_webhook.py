"""One delivery of one event to the app's webhook, as Event Grid sends it.

Headers, and the array around an event of Event Grid's own schema: learn.microsoft.com/azure/event-grid/event-schema,
/delivery-and-retry ("Output batching": an array with a single event) and /receive-events. A CloudEvent comes on its
own, as application/cloudevents+json (/cloudevents-schema). `aeg-delivery-count` counts from 0, as Blackbaud's
documentation of its Event Grid webhooks shows.
"""

import json
import ssl
from pathlib import Path

import aiohttp

from emulator.cloud.event_grid_records import Record

# "Event Grid waits 30 seconds for a response after delivering a message" (delivery-and-retry).
_TIMEOUT = aiohttp.ClientTimeout(total=30)
_SUBSCRIPTION_NAME = "ACS-KEY-ROTATION"


class Webhook:
    """The webhook at `url`, opened by the system key `key` where the host demands one; trusts `ca_file` alone.

    To be made, used and closed in one event loop.
    """

    def __init__(self, url: str, key: str, ca_file: Path) -> None:
        self._url = url
        # As `code`, which is how Event Grid's URL of a function carries it.
        self._query = {"code": key}
        tls = ssl.create_default_context(cafile=ca_file) if url.startswith("https:") else True
        connector = aiohttp.TCPConnector(ssl=tls, limit=0)
        self._session = aiohttp.ClientSession(connector=connector, timeout=_TIMEOUT, trust_env=False)

    async def deliver(self, record: Record, tries_before: int) -> int | None:
        """Send the event once; return the status of the answer, None when there was none."""
        event = record.event
        headers = {
            "aeg-event-type": "Notification",
            "aeg-subscription-name": _SUBSCRIPTION_NAME,
            "aeg-delivery-count": str(tries_before),
            "Origin": "eventgrid.azure.net",
        }
        if record.is_cloud_event:
            content: object = event
            headers |= {"aeg-metadata-version": "1.0", "Content-Type": "application/cloudevents+json; charset=utf-8"}
        else:
            content = [event]
            headers |= {
                "aeg-data-version": _header_value(event.get("dataVersion", "")),
                "aeg-metadata-version": _header_value(event.get("metadataVersion", "")),
                "Content-Type": "application/json; charset=utf-8",
            }
        body = json.dumps(content, separators=(",", ":")).encode()
        try:
            async with self._session.post(self._url, params=self._query, data=body, headers=headers) as response:
                await response.read()
                return response.status
        except (aiohttp.ClientError, TimeoutError):
            return None

    async def close(self) -> None:
        """Drop the connections."""
        await self._session.close()


def _header_value(value: object) -> str:
    # An event made by hand may hold what no header can.
    return "".join(each if each.isascii() and each.isprintable() else "?" for each in str(value))
