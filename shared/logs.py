"""How the app logs: the SDKs speak only when something is wrong, and nothing that looks like a key gets out."""

import logging

from shared.redaction import guard_logs

# At INFO these write several lines for each call to Azure; "azure.functions" is the worker's own and stays. What
# azure.monitor says of each export would itself be exported, without end.
_QUIET = (
    "azure.communication",
    "azure.core",
    "azure.durable_functions",
    "azure.eventgrid",
    "azure.identity",
    "azure.keyvault",
    "azure.mgmt",
    "azure.monitor",
    "durabletask",
    "msal",
)


def configure_logging() -> None:
    """Quieten the SDKs and put the redacting wall around every log record of this process."""
    for name in _QUIET:
        logging.getLogger(name).setLevel(logging.WARNING)
    guard_logs()
