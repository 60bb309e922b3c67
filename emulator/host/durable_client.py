"""What a durableClient binding gets: where the engine is, and the URLs of the HTTP API.

BindingHelper.DurableOrchestrationClientToString and HttpApiHandler.GetClientResponseLinks in
Azure/azure-functions-durable-extension.
"""

import json
from urllib.parse import quote

from emulator.host.durable_engine import MAX_MESSAGE_BYTES

_INSTANCE_ID = "INSTANCEID"
# name of a URL -> what follows the instance's id
_OPERATIONS = {
    "statusQueryGetUri": "?",
    "sendEventPostUri": "/raiseEvent/{eventName}?",
    "terminatePostUri": "/terminate?reason={text}&",
    "rewindPostUri": "/rewind?reason={text}&",
    "purgeHistoryDeleteUri": "?",
    "restartPostUri": "/restart?",
    "suspendPostUri": "/suspend?reason={text}&",
    "resumePostUri": "/resume?reason={text}&",
}


class DurableUrls:
    """URLs of the HTTP API. Each carries the system key, as in Azure: whoever sees one can use it."""

    def __init__(self, base_url: str, hub_name: str, system_key: str) -> None:
        """`base_url` is the origin that the host serves."""
        self._base = f"{base_url}/runtime/webhooks/durabletask"
        self._code = f"code={quote(system_key, safe='')}"
        self._suffix = f"taskHub={quote(hub_name)}&connection=Storage&{self._code}"
        self._hub_name = hub_name

    def of_instance(self, instance_id: str) -> dict[str, str]:
        """Return the URLs of one instance by their names, and its `id`."""
        start = f"{self._base}/instances/{quote(instance_id, safe='')}"
        return {"id": instance_id} | {name: f"{start}{rest}{self._suffix}" for name, rest in _OPERATIONS.items()}

    def client_json(self, engine_address: str) -> str:
        """Return the value of the binding; `engine_address` is host:port of the engine's gRPC."""
        creation = f"{self._base}/orchestrators/{{functionName}}[/{{instanceId}}]?"
        wait = "timeout={timeoutInSeconds}&pollingInterval={intervalInSeconds}&"
        return json.dumps(
            {
                "taskHubName": self._hub_name,
                "connectionName": "Storage",
                "creationUrls": {
                    "createNewInstancePostUri": f"{creation}{self._code}",
                    "createAndWaitOnNewInstancePostUri": f"{creation}{wait}{self._code}",
                },
                "managementUrls": self.of_instance(_INSTANCE_ID),
                "baseUrl": self._base,
                "requiredQueryStringParameters": self._code,
                "rpcBaseUrl": f"http://{engine_address}",
                "httpBaseUrl": self._base,
                "maxGrpcMessageSizeInBytes": MAX_MESSAGE_BYTES,
                "grpcHttpClientTimeout": "00:01:40",
            }
        )
