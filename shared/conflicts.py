"""The 409s of a rotation: why nothing was touched; `shared/errors.py` draws where they belong (pure)."""

from collections.abc import Sequence

from shared.errors import AppError


class Conflict(AppError):
    """The state of the key, of its secrets or of another rotation is in the way; nothing was changed."""

    status = 409


class KeyInUse(Conflict):
    """A current secret version publishes the key: to regenerate it is an outage for whoever reads that secret."""

    code = "KeyInUse"

    def __init__(self, secrets: Sequence[str]) -> None:
        super().__init__(
            "Key Vault publishes this key, so consumers hold it. Rotate instead (POST /api/rotations), or add "
            "?force=true to regenerate it and publish the new one at once.",
            target="keyType",
            additional_info=[{"type": "PublishedBy", "info": {"secrets": list(secrets)}}],
        )


class GracePending(Conflict):
    """The other key was replaced a short while ago and consumers may still hold it.

    Args:
        at: when its grace period ends, in ISO 8601, UTC.
    """

    code = "GracePending"

    def __init__(self, at: str) -> None:
        super().__init__(
            f"The key that was published before is still in its grace period, until {at}. Wait, end the grace "
            'period (POST /api/rotations/{id}/revoke), or send "supersede": true after a leak.',
            additional_info=[{"type": "GracePeriod", "info": {"at": at}}],
        )
        self.at = at


class RotationInProgress(Conflict):
    """Another rotation, regeneration or revocation holds the resource.

    Args:
        holder: the id of the one that holds it.
    """

    code = "RotationInProgress"

    def __init__(self, holder: str) -> None:
        super().__init__(
            "Another change of this resource's keys is running. Ask for its status at /api/rotations/{id}, and "
            "send the request again when it has ended; additionalInfo has the id.",
            additional_info=[{"type": "RotationHolder", "info": {"id": holder}}],
        )
        self.holder = holder


class StaleEvent(Conflict):
    """The event speaks of a secret version that is no longer the current one: somebody has rotated already."""

    code = "StaleEvent"

    def __init__(self) -> None:
        super().__init__("The event is about a secret version that is no longer the current one; nothing was done.")


class ActiveKeyUnknown(Conflict):
    """No secret says which key is in use, and the request does not say it either."""

    code = "ActiveKeyUnknown"

    def __init__(self) -> None:
        super().__init__(
            "No secret in Key Vault is tagged with this resource, so it is not known which key is in use. Say it "
            'once: {"activeKey": "Primary"} or "Secondary"; the other one is then regenerated and published.',
            target="activeKey",
        )


class SecretsDisagreed(Conflict):
    """Secrets of one resource publish, or published, different keys."""

    code = "SecretsDisagreed"

    def __init__(self, message: str | None = None, *, target: str | None = None) -> None:
        super().__init__(
            message
            or "The resource's secrets published different live keys. All of them publish the newer one now, and the "
            "other one is in its grace period. Nothing was regenerated; rotate again after it.",
            target=target,
        )


class RequestIdReused(Conflict):
    """The Repeatability-Request-ID belongs to a request with another body."""

    code = "RequestIdReused"

    def __init__(self) -> None:
        super().__init__(
            "A request with this Repeatability-Request-ID and another body was taken already. Send a new UUID with "
            "a new request, and the same one only with the same body.",
            target="Repeatability-Request-ID",
        )
