"""The secret that is there from the start: it publishes the first resource's primary key.

Tags and their meaning are those of Microsoft's tutorial "Automate the rotation of a secret for resources that have two
sets of authentication credentials" (learn.microsoft.com/azure/key-vault/secrets/tutorial-rotation-dual), which sets
no content type; nor does this. The tutorial publishes the bare key, this one the connection string.
"""

from emulator.cloud.arm_shapes import connection_string
from emulator.cloud.defaults import RESOURCE_NAME
from emulator.cloud.state import Resource
from emulator.cloud.vault import DAY_SECONDS, Draft

NAME = f"{RESOURCE_NAME}-connection-string"
VALIDITY_DAYS = 90


def first_secret(resource: Resource, data_plane_url: str, now: float) -> Draft:
    """Return the first version; `now` in seconds since the epoch, the expiry lies 90 days ahead."""
    return Draft(
        value=connection_string(resource, "Primary", data_plane_url),
        tags={
            "CredentialId": "Primary",
            "ProviderAddress": str(resource.id),
            "ValidityPeriodDays": str(VALIDITY_DAYS),
        },
        expires=int(now) + VALIDITY_DAYS * DAY_SECONDS,
    )
