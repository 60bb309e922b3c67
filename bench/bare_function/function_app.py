"""The smallest function that makes the same SDK call: no validation, no error handling, no redaction, no audit line.

For orientation only: how much of a request is the host and the SDK.
"""

import json
import os

import azure.functions as func
from azure.identity.aio import ManagedIdentityCredential
from azure.mgmt.communication.aio import CommunicationServiceManagementClient

app = func.FunctionApp(http_auth_level=func.AuthLevel.FUNCTION)
_, _, _subscription, _, _group, _, _, _, _name = os.environ["COMMUNICATION_SERVICE_ID"].split("/")
_client: CommunicationServiceManagementClient | None = None


@app.route("regenerateKey", methods=["POST"])
async def regenerate_key(req: func.HttpRequest) -> func.HttpResponse:
    """Regenerate the key that the body names; the answer tells no more than that."""
    key_type = req.get_json()["keyType"]
    client = _client or _make_client()
    await client.communication_services.regenerate_key(_group, _name, {"keyType": key_type})
    return func.HttpResponse(json.dumps({"regenerated": key_type}), mimetype="application/json")


def _make_client() -> CommunicationServiceManagementClient:
    global _client  # noqa: PLW0603 - one a process, and made in the running loop, which is not there at import
    _client = CommunicationServiceManagementClient(
        ManagedIdentityCredential(), _subscription, base_url=os.environ["ARM_ENDPOINT"]
    )
    return _client
