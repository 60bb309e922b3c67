"""A transport that sends each request once.

aiohttp repeats a GET or a PUT by itself, once, when the connection is lost before the answer (RFC 9110 calls both
idempotent). A PUT of a Key Vault secret is not: it makes a second version.
"""

from aiohttp import (
    ClientConnectionError,
    ClientConnectorError,
    ClientHandlerType,
    ClientOSError,
    ClientRequest,
    ClientResponse,
    ClientSession,
    DummyCookieJar,
    ServerDisconnectedError,
)
from azure.core.pipeline.transport import AioHttpTransport


def transport_that_sends_once(*, connection_timeout: float, read_timeout: float) -> AioHttpTransport:
    """Return a transport with a connection pool of its own; to be called on the event loop that will use it.

    Args:
        connection_timeout: seconds until there must be a connection.
        read_timeout: seconds until there must be an answer.
    """
    # As azure-core makes its session, but for the middleware, and for proxies and ~/.netrc: to ask for those takes
    # aiohttp two threads a request, and a netrc entry makes it refuse our own token.
    session = ClientSession(
        trust_env=False, cookie_jar=DummyCookieJar(), auto_decompress=False, middlewares=(_fail_at_once,)
    )
    return AioHttpTransport(session=session, connection_timeout=connection_timeout, read_timeout=read_timeout)


async def _fail_at_once(request: ClientRequest, handler: ClientHandlerType) -> ClientResponse:
    """Turn the errors after which aiohttp would send the request again into one after which it does not."""
    try:
        return await handler(request)
    except ClientConnectorError:
        # there never was a connection; aiohttp leaves it at that
        raise
    except (ClientOSError, ServerDisconnectedError) as error:
        raise ClientConnectionError(type(error).__name__) from error
