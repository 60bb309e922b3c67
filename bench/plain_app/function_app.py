"""The app as tutorials write it: synchronous, DefaultAzureCredential, and a new client for each request.

The baseline of the throughput measurement.
"""

import json
import os

import azure.functions as func
from azure.identity import DefaultAzureCredential
from azure.mgmt.communication import CommunicationServiceManagementClient

app = func.FunctionApp(http_auth_level=func.AuthLevel.FUNCTION)


@app.route("regenerateKey", methods=["POST"])
def regenerate_key(req: func.HttpRequest) -> func.HttpResponse:
    """Regenerate the key that the body names; the answer tells no more than that."""
    key_type = req.get_json()["keyType"]
    _, _, subscription, _, group, _, _, _, name = os.environ["COMMUNICATION_SERVICE_ID"].split("/")
    client = CommunicationServiceManagementClient(
        DefaultAzureCredential(), subscription, base_url=os.environ["ARM_ENDPOINT"]
    )
    client.communication_services.regenerate_key(group, name, {"keyType": key_type})
    return func.HttpResponse(json.dumps({"regenerated": key_type}), mimetype="application/json")
