"""The data plane of Communication Services through azure-communication-phonenumbers: does it accept a key?

The question is the first page of the resource's phone numbers, which changes nothing and costs nothing. The SDK signs
it with the key (HMAC-SHA256), so the key itself never leaves the process:
https://learn.microsoft.com/rest/api/communication/authentication
"""

import asyncio
import base64
import binascii
from typing import Any
from urllib.parse import urlsplit

from azure.communication.phonenumbers.aio import PhoneNumbersClient
from azure.core.credentials import AzureKeyCredential
from azure.core.pipeline import PipelineResponse
from azure.core.pipeline.transport import AioHttpTransport

from shared.azure_clients.calls import SDK_ERRORS, answered, azure_call
from shared.errors import NoVerdict
from shared.redaction import Secret

_REFUSED = 401
# in all: the read timeout starts anew with each byte
_LONGEST_CALL_SECONDS = 30.0
# the service did not get as far as the key, or somebody else answered
_NO_VERDICT = frozenset({408, 429})


class CommunicationDataPlane:
    """A `DataPlane` as shared/proof.py wants it, over one connection pool for all resources.

    Args:
        connection_timeout: seconds until there must be a connection.
        read_timeout: seconds until there must be an answer.
    """

    def __init__(self, *, connection_timeout: float = 5.0, read_timeout: float = 10.0) -> None:
        # proxies and ~/.netrc are not asked: that takes aiohttp two threads a request
        self._transport = AioHttpTransport(
            connection_timeout=connection_timeout, read_timeout=read_timeout, use_env_settings=False
        )

    async def accepts(self, endpoint: str, key: Secret) -> bool:
        """Say whether the data plane accepts the key now; see `DataPlane`."""
        host = endpoint.rstrip("/")
        if not _is_https(host):
            raise NoVerdict("The resource's endpoint is no https URL, so its data plane cannot be asked about a key.")
        if not _can_sign(key):
            return False
        statuses: list[int] = []

        def saw(response: PipelineResponse[Any, Any]) -> None:
            statuses.append(response.http_response.status_code)

        # a client holds one key; it is cheap, and the connections belong to the transport
        client = PhoneNumbersClient(
            host,
            AzureKeyCredential(key.reveal()),
            transport=self._transport,
            retry_total=0,
            permit_redirects=False,
            user_agent="acs-key-rotation",
        )
        reason = ""
        with azure_call("communication.listPhoneNumbers", "GET", host) as told:
            try:
                async with asyncio.timeout(_LONGEST_CALL_SECONDS):
                    await anext(client.list_purchased_phone_numbers(raw_response_hook=saw).by_page())
            except (TimeoutError, *SDK_ERRORS) as error:
                reason = type(error.__cause__ or error).__name__
            if not statuses:
                raise NoVerdict(f"The data plane did not answer ({reason}).")
            status = statuses[-1]
            answered(told, status)
            if status >= 500 or 300 <= status < 400 or status in _NO_VERDICT:
                raise NoVerdict(f"The data plane answered with HTTP status {status}, which says nothing about the key.")
        return status != _REFUSED

    async def close(self) -> None:
        """Close the connections."""
        await self._transport.close()


def _is_https(url: str) -> bool:
    try:
        return urlsplit(url).scheme == "https"
    except ValueError:
        # brackets without an address between them, a letter that turns into a slash
        return False


def _can_sign(key: Secret) -> bool:
    """Say whether the SDK can sign with a text: with anything else it fails before it asks."""
    try:
        return bool(base64.b64decode(key.reveal()))
    except (binascii.Error, ValueError):
        return False
