"""`python -m bench.bare_call`: the SDK call alone, without Functions around it. A child process of the bench.

Each line on stdin is a number of calls; the answer on stdout is one line, a JSON array of their durations in seconds.
It ends when stdin does. It is a process of its own because aiohttp reads SSL_CERT_FILE when it is imported.
"""

import asyncio
import json
import os
import sys
import time

from azure.identity.aio import ManagedIdentityCredential
from azure.mgmt.communication.aio import CommunicationServiceManagementClient


async def main() -> None:
    """Answer every line."""
    _, _, subscription, _, group, _, _, _, name = os.environ["COMMUNICATION_SERVICE_ID"].split("/")
    async with (
        ManagedIdentityCredential() as credential,
        CommunicationServiceManagementClient(credential, subscription, base_url=os.environ["ARM_ENDPOINT"]) as client,
    ):
        # Nothing else runs in this loop, so it may stand still while the parent measures something else.
        while line := sys.stdin.readline():
            durations: list[float] = []
            for _ in range(int(line)):
                started = time.perf_counter()
                await client.communication_services.regenerate_key(group, name, {"keyType": "Secondary"})
                durations.append(time.perf_counter() - started)
            print(json.dumps(durations), flush=True)


if __name__ == "__main__":
    asyncio.run(main())
