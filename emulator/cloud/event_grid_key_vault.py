"""The events of the key vault: a new version, near expiry, expired.

Shape: learn.microsoft.com/azure/event-grid/event-schema-key-vault. Its sample has a blank behind `ObjectName` and one
before the version, which its own table of properties has not; they are left out here. NBF and EXP are text, as in the
sample, and null where there is none. When: "30 days before the expiration date", of the current version alone (same
page). Inferred: a version that is set inside those days is announced at once, one that is set expired as expired
alone, and one whose expiry is changed again.
"""

import time
from collections.abc import Callable
from typing import Literal

from emulator.cloud.defaults import VAULT_ID, VAULT_NAME
from emulator.cloud.event_grid_sources import system_event
from emulator.cloud.vault import DAY_SECONDS, Secret, SecretVersion, Vault

Change = Literal["SecretNewVersionCreated", "SecretNearExpiry", "SecretExpired"]
_NEAR_SECONDS = 30 * DAY_SECONDS

Event = dict[str, object]


def key_vault_event(change: Change, secret: Secret, version: SecretVersion, origin: str) -> Event:
    """Return the event; `origin` is the vault's, without a trailing slash."""
    return system_event(
        topic=VAULT_ID,
        subject=secret.name,
        event_type=f"Microsoft.KeyVault.{change}",
        data={
            "Id": f"{origin}/secrets/{secret.name}/{version.id}",
            "VaultName": VAULT_NAME,
            "ObjectType": "Secret",
            "ObjectName": secret.name,
            "Version": version.id,
            "NBF": None if version.not_before is None else str(version.not_before),
            "EXP": None if version.expires is None else str(version.expires),
        },
        data_version="1",
    )


class KeyVaultEvents:
    """Announces what happens in the vault, as events handed to `publish`; `clock` gives epoch seconds.

    `check` is to be called about once a second, for a version expires without anybody's doing.
    """

    def __init__(
        self, vault: Vault, origin: str, publish: Callable[[Event], object], clock: Callable[[], float] = time.time
    ) -> None:
        self._vault = vault
        self._origin = origin
        self._publish = publish
        self._clock = clock
        # What has been announced about each current version: which expiry, and which of the two.
        self._announced: set[tuple[str, int, Change]] = set()

    def on_new_version(self, secret: Secret) -> None:
        """Announce the current version, and its expiry if that is near."""
        self._announce("SecretNewVersionCreated", secret)
        self.check()

    def check(self) -> None:
        """Announce every expiry that has come near or has passed since the last check."""
        now = self._clock()
        due: set[tuple[str, int, Change]] = set()
        for secret in self._vault.secrets():
            expires = secret.current.expires
            if expires is None or expires - now > _NEAR_SECONDS:
                continue
            change: Change = "SecretExpired" if expires <= now else "SecretNearExpiry"
            key = (secret.current.id, expires, change)
            due.add(key)
            if key not in self._announced:
                self._announce(change, secret)
        # What is not due any more has been superseded, changed or deleted; forgetting it keeps the set small.
        self._announced = due

    def _announce(self, change: Change, secret: Secret) -> None:
        self._publish(key_vault_event(change, secret, secret.current, self._origin))
