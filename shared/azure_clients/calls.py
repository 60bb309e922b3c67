"""One call to Azure as a span: which operation, where, and what came of it.

azure-core can trace by itself, and the distribution of Azure Monitor has it do so. That is switched off here: its
spans record the messages and stacks of the SDKs' exceptions, which may quote what was sent, and nothing stands between
them and the exporter. It would also add headers to what is sent.
"""

import zlib
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

from azure.core.exceptions import AzureError
from azure.core.settings import settings as azure_core
from opentelemetry.trace import SpanKind

from shared.telemetry.names import Attribute
from shared.telemetry.spans import Told, span

# what is set in code outweighs AZURE_TRACING_ENABLED and whatever the distribution finds installed
azure_core.tracing_enabled.set_value(False)

# What the SDKs' policies and models raise on an answer that is not of the API: another type in place of a text, JSON
# without a bottom, a body that is not encoded as it says.
NOT_THE_API = (ValueError, TypeError, LookupError, AttributeError, RecursionError, zlib.error)
SDK_ERRORS = (AzureError, *NOT_THE_API)

_NAMESPACES = {
    "arm": "Microsoft.Communication",
    "communication": "Microsoft.Communication",
    "eventgrid": "Microsoft.EventGrid",
    "keyvault": "Microsoft.KeyVault",
}


@contextmanager
def azure_call(operation: str, method: str, url: str) -> Generator[Told]:
    """Open a span for one request, or for one listing with all its pages.

    Args:
        operation: service and operation, such as `arm.regenerateKey`.
        method: the HTTP method.
        url: of the service; its host alone is told.
    """
    host = urlsplit(url).hostname
    about = {
        Attribute.NAMESPACE: _NAMESPACES[operation.partition(".")[0]],
        Attribute.PEER: host,
        Attribute.METHOD: method,
        Attribute.SERVER_ADDRESS: host,
    }
    with span(operation, about, kind=SpanKind.CLIENT) as told:
        yield told


def body_of(response: Any) -> bytes:
    """Return the body of an SDK's response, or nothing where it cannot be had, be it for a wrong Content-Encoding."""
    try:
        return response.content
    except SDK_ERRORS:
        return b""


def answered(told: Told, status: int | None) -> None:
    """Tell the HTTP status of the answer; None: there was none."""
    told.tell({Attribute.STATUS_CODE: status, Attribute.STATUS: status})
