"""What Key Vault did, or what is wrong with a secret in it; `shared/errors.py` draws where they belong (pure)."""

from collections.abc import Mapping, Sequence

from shared.errors import AppError, Json


class KeyVaultError(AppError):
    """What Key Vault did, or what a secret in it is; `target` is the secret's name where one is at fault."""


class KeyVaultForbidden(KeyVaultError):
    """Key Vault denies: the identity has no right, or the network or a policy is in the way."""

    code = "KeyVaultForbidden"
    status = 403


class KeyVaultUnavailable(KeyVaultError):
    """Key Vault throttles, fails, cannot be reached or answers nonsense.

    `doubtful` is False only where the call certainly changed nothing; else nobody knows whether it did.
    """

    code = "KeyVaultUnavailable"
    status = 503
    retriable = True

    def __init__(
        self,
        message: str,
        *,
        doubtful: bool,
        target: str | None = None,
        details: Sequence[Json] = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message, target=target, details=details, headers=headers)
        self.doubtful = doubtful


class KeyVaultRejected(KeyVaultError):
    """Key Vault refused what it was sent as wrong (400, or a status that its API does not know)."""

    code = "KeyVaultRejected"
    status = 502


class SecretNotOurs(KeyVaultError):
    """The secret of that name is not tagged with the resource: it is somebody else's, and is not touched."""

    code = "SecretNotOurs"
    status = 409

    def __init__(self, name: str) -> None:
        super().__init__(
            f"The secret {name} exists and its tags do not name this resource, so it is not touched. If it is meant "
            "to publish the resource's key, tag it with ProviderAddress (the resource's ARM id) and CredentialId "
            "(Primary or Secondary); else rename it.",
            target=name,
        )


class SecretDisabled(KeyVaultError):
    """The secret's current version is disabled, so that it can be neither read nor judged."""

    code = "SecretDisabled"
    status = 409

    def __init__(self, name: str) -> None:
        super().__init__(
            f"The current version of the secret {name} is disabled and cannot be read. Enable it, or set a new "
            "version.",
            target=name,
        )


class SecretDeleted(KeyVaultError):
    """The secret is soft-deleted: its name cannot be set until it is recovered or purged."""

    code = "SecretDeleted"
    status = 409

    def __init__(self, name: str) -> None:
        super().__init__(
            f"The secret {name} was deleted and can still be recovered, so its name is taken. Recover it "
            "(az keyvault secret recover) or purge it.",
            target=name,
        )


class SecretFormatUnknown(KeyVaultError):
    """The secret's value has a format of its own, in which nobody knows where the key belongs."""

    code = "SecretFormatUnknown"
    status = 409

    def __init__(self, name: str | None = None) -> None:
        super().__init__(
            f"The value of {f'the secret {name}' if name else 'the secret'} is neither an access key nor a connection "
            "string with an accesskey, so a key cannot be published in it without breaking who reads it. Set one of "
            "the two, or remove its tag ProviderAddress.",
            target=name,
        )


class TagTooLong(KeyVaultError):
    """Key Vault's limits (15 tags, 256 characters each) leave no room for the tags that a rotation needs.

    409 and not 400: the request is well-formed; the resource's id or the secret's other tags are in the way.
    """

    code = "TagTooLong"
    status = 409


class DeliveryIncomplete(KeyVaultError):
    """Some secrets did not get the key; the others did.

    Code, status, headers and `retriable` are those of the failure that matters most: one that needs somebody to act
    comes before one that may pass by itself. `details` has each failure with the secret's name as its target, and
    `additionalInfo` the ids of the versions that do publish the key: `{"type": "Delivery", "info": {"delivered"}}`.
    """

    def __init__(self, failures: Mapping[str, AppError], delivered: Sequence[str]) -> None:
        errors = list(failures.values())
        gravest = next((error for error in errors if not error.retriable), errors[0])
        many = f"{len(failures)} of {len(failures) + len(delivered)} secrets do not publish the key: "
        super().__init__(
            (many if len(failures) + len(delivered) > 1 else "") + gravest.message,
            target=gravest.target,
            details=[{"code": e.code, "message": e.message, "target": name} for name, e in failures.items()],
            additional_info=[{"type": "Delivery", "info": {"delivered": list(delivered)}}],
            headers=gravest.headers,
        )
        self.code = gravest.code
        self.status = gravest.status
        self.retriable = gravest.retriable
        self.failures = dict(failures)
