"""Ask for a rotation by an event: publish_event.py [RESOURCE_ID].

TOPIC is the endpoint of a custom topic (CloudEvents 1.0) whose events reach the app's function on_event. Whoever runs
this needs the role EventGrid Data Sender on it; azure-identity finds the identity, a managed one or that of `az login`.
Prints the event's id: sent again with the same id, it finds what it has started. Needs azure-eventgrid and
azure-identity.
"""

import os
import sys

from azure.core.messaging import CloudEvent
from azure.eventgrid import EventGridPublisherClient
from azure.identity import DefaultAzureCredential


def main(resource_id: str | None = None) -> int:
    """Publish one event; return the exit code."""
    # without a resource the app rotates its own
    data = {"reason": "asked for by an event"} | ({"resourceId": resource_id} if resource_id else {})
    event = CloudEvent(source="/samples/python", type="CommunicationKey.RotateRequested", data=data)
    with DefaultAzureCredential() as credential, EventGridPublisherClient(os.environ["TOPIC"], credential) as client:
        client.send(event)  # pyright: ignore[reportUnknownMemberType]  # the SDK leaves a type open
    print(event.id)
    return 0


if __name__ == "__main__":
    if len(sys.argv) > 2 or not os.environ.get("TOPIC"):
        sys.exit(__doc__)
    sys.exit(main(*sys.argv[1:]))
