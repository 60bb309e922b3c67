"""Azure Resource Manager through azure-mgmt-communication: regenerate and list a resource's keys."""

import asyncio
import re
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, cast

from aiohttp import ClientConnectorError, ConnectionTimeoutError
from azure.core.exceptions import AzureError
from azure.core.pipeline import PipelineRequest, PipelineResponse
from azure.core.pipeline.policies import RequestIdPolicy, SansIOHTTPPolicy, UserAgentPolicy
from azure.core.pipeline.transport import AioHttpTransport
from azure.core.rest import AsyncHttpResponse, HttpRequest
from azure.mgmt.communication import __version__
from azure.mgmt.communication.aio import CommunicationServiceManagementClient
from azure.mgmt.communication.models import CommunicationServiceKeys
from azure.mgmt.core.policies import ARMHttpLoggingPolicy, AsyncARMChallengeAuthenticationPolicy

from shared.azure_clients.arm_errors import connection_failed, from_status, not_the_api
from shared.azure_clients.calls import SDK_ERRORS, answered, azure_call, body_of
from shared.azure_clients.credential import Credential
from shared.errors import ArmError
from shared.parameters import KeyType
from shared.redaction import AccessKey, Secret
from shared.resource_id import ResourceId
from shared.settings import Settings

if TYPE_CHECKING:
    from azure.core.credentials_async import AsyncTokenCredential

_CONNECT_SECONDS = 5
# in all, where the caller has no longer deadline: the transport's read timeout starts anew with each byte
_LONGEST_CALL_SECONDS = 60.0

# a host, with a port and a path where several resources share one
_HOST = re.compile(r"[A-Za-z0-9.-]{1,253}(?::[0-9]{1,5})?(?:/[A-Za-z0-9._~-]{1,200})*/?", re.ASCII)


class _Exchange:
    """What one call put on the wire and what came back, whatever the SDK makes of it."""

    def __init__(self, on_send: Callable[[], None] | None = None) -> None:
        self.on_send = on_send
        self.sent = False
        self.response: AsyncHttpResponse | None = None


class _Observe(SansIOHTTPPolicy[HttpRequest, AsyncHttpResponse]):
    """Fills in the `_Exchange` that a call carries as its option `exchange`."""

    def on_request(self, request: PipelineRequest[HttpRequest]) -> None:
        # options go on to the transport, which knows no such option; a challenge may send the request again
        exchange = request.context.options.pop("exchange", None) or request.context["exchange"]
        request.context["exchange"] = exchange
        exchange.response, exchange.sent = None, True
        if exchange.on_send is not None:
            exchange.on_send()

    def on_response(
        self,
        request: PipelineRequest[HttpRequest],
        response: PipelineResponse[HttpRequest, AsyncHttpResponse],
    ) -> None:
        request.context["exchange"].response = response.http_response


class Management:
    """The management API of Communication Services, over one connection pool and one token cache.

    The pipeline is put together here rather than taken as the SDK makes it, for what is left out: azure-core's
    retry, which repeats even this POST on 500, 503, 504 and any answer with Retry-After (what is tried again, the
    use case decides); redirects (a bearer token goes to ARM alone); and the automatic registration of resource
    providers, which would answer a 409 with calls that nobody asked for.
    """

    def __init__(self, settings: Settings, credential: Credential) -> None:
        self._settings = settings
        self._credential = credential
        # A connection that takes longer is none: the request has not left, and may be sent again. Proxies and ~/.netrc
        # are not asked: that takes aiohttp two threads a request, and a netrc entry makes it refuse our own token.
        self._transport = AioHttpTransport(connection_timeout=_CONNECT_SECONDS, use_env_settings=False)
        self._policies: list[Any] = [
            RequestIdPolicy(),
            UserAgentPolicy(sdk_moniker=f"mgmt-communication/{__version__}", user_agent="acs-key-rotation"),
            AsyncARMChallengeAuthenticationPolicy(credential, f"{settings.arm_endpoint}/.default"),
            _Observe(),
            ARMHttpLoggingPolicy(),
        ]
        self._clients: dict[str, CommunicationServiceManagementClient] = {}

    async def regenerate_key(
        self, resource: ResourceId, key_type: KeyType, *, request_id: str, on_send: Callable[[], None]
    ) -> AccessKey:
        """Regenerate a key with exactly one POST and return the new one; see `KeyManagement`."""
        async with self._exchange("regenerateKey", changes=True, on_send=on_send) as exchange:
            keys = await self._client(resource).communication_services.regenerate_key(
                resource.resource_group,
                resource.name,
                {"keyType": key_type.value},
                request_id=request_id,
                exchange=exchange,
            )
        key = _access_key(keys, key_type)
        if key is None:
            raise not_the_api(changes=True)
        return key

    async def list_keys(self, resource: ResourceId, *, request_id: str) -> Mapping[KeyType, AccessKey]:
        """Return the keys as they are now; see `KeyManagement`."""
        async with self._exchange("listKeys", changes=False) as exchange:
            keys = await self._client(resource).communication_services.list_keys(
                resource.resource_group,
                resource.name,
                request_id=request_id,
                exchange=exchange,
            )
        found = {key_type: _access_key(keys, key_type) for key_type in KeyType}
        present = {key_type: key for key_type, key in found.items() if key is not None}
        if not present:
            raise not_the_api(changes=False)
        return present

    async def host_name(self, resource: ResourceId, *, request_id: str) -> str:
        """Return the host of the resource's data plane, for where ARM gave a key without a connection string.

        Raises:
            ArmError: ARM refused, failed or could not be reached.
            ManagedIdentityUnavailable: nothing was sent.
        """
        async with self._exchange("get", changes=False) as exchange:
            found = await self._client(resource).communication_services.get(
                resource.resource_group,
                resource.name,
                request_id=request_id,
                exchange=exchange,
            )
            host: Any = found.host_name
        if not isinstance(host, str) or not _HOST.fullmatch(host):
            raise not_the_api(changes=False)
        return host

    async def close(self) -> None:
        """Close the connections."""
        await self._transport.close()

    @asynccontextmanager
    async def _exchange(
        self, operation: str, *, changes: bool, on_send: Callable[[], None] | None = None
    ) -> AsyncGenerator[_Exchange]:
        """Make one call within: a span for it, and what the SDK raises in our words."""
        exchange = _Exchange(on_send)
        with azure_call(
            f"arm.{operation}", "GET" if operation == "get" else "POST", self._settings.arm_endpoint
        ) as told:
            try:
                async with asyncio.timeout(max(_LONGEST_CALL_SECONDS, self._settings.request_deadline_seconds)):
                    yield exchange
            except TimeoutError:
                raise connection_failed(sent=exchange.sent, reason="TimeoutError", changes=changes) from None
            except SDK_ERRORS as error:
                raise await self._translated(error, exchange, changes=changes) from None
            finally:
                answered(told, exchange.response.status_code if exchange.response is not None else None)

    def _client(self, resource: ResourceId) -> CommunicationServiceManagementClient:
        """Return the subscription's client: the SDK binds one to a subscription, the connections are shared."""
        key = resource.subscription_id.lower()
        client = self._clients.get(key)
        if client is None:
            client = self._clients[key] = CommunicationServiceManagementClient(
                # the policies below hold the credential; the SDK only insists on getting one
                cast("AsyncTokenCredential", self._credential),
                resource.subscription_id,
                base_url=self._settings.arm_endpoint,
                api_version=self._settings.arm_api_version,
                transport=self._transport,
                policies=self._policies,
            )
        return client

    async def _translated(self, error: Exception, exchange: _Exchange, *, changes: bool) -> ArmError:
        if not exchange.sent and not isinstance(error, AzureError):
            # a defect on this side, before anything left: not to be dressed up as the network's
            raise error
        response = exchange.response
        if response is None and not isinstance(error, AzureError):
            # a body that is not encoded as it says fails within the transport
            return not_the_api(changes=changes)
        if response is None:
            # azure-core calls every network error of aiohttp a ServiceRequestError; aiohttp's own type says
            # whether there ever was a connection
            cause = error.__cause__ or error
            sent = not isinstance(cause, (ClientConnectorError, ConnectionTimeoutError))
            return connection_failed(sent=sent, reason=type(cause).__name__, changes=changes)
        if response.status_code == 200:
            return not_the_api(changes=changes)
        if response.status_code == 401:
            await self._credential.forget()
        return from_status(response.status_code, response.headers, body_of(response), changes=changes)


def _access_key(keys: CommunicationServiceKeys, key_type: KeyType) -> AccessKey | None:
    """Return one key of an answer, or None where the answer does not hold it as the API describes it."""
    prefix = key_type.lower()
    key: Any = getattr(keys, f"{prefix}_key", None)
    connection_string: Any = getattr(keys, f"{prefix}_connection_string", None)
    if not isinstance(key, str) or not key:
        return None
    return AccessKey(
        Secret(key),
        Secret(connection_string) if isinstance(connection_string, str) and connection_string else None,
    )
