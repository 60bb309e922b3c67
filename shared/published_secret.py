"""What a Key Vault secret publishes: its key, whose it is, until when, and what the next version looks like (pure).

The tags are Microsoft's convention for rotated secrets, `CredentialId`, `ProviderAddress` and `ValidityPeriodDays`:
https://learn.microsoft.com/azure/key-vault/secrets/tutorial-rotation-dual
"""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from shared.connection_string import access_keys, connection_string, endpoint_of, with_access_key
from shared.durations import LONGEST_VALIDITY_DAYS, shortest_validity
from shared.key_vault_errors import SecretFormatUnknown, TagTooLong
from shared.parameters import KeyType
from shared.redaction import AccessKey, Secret
from shared.resource_id import ResourceId

CREDENTIAL_ID = "CredentialId"
PROVIDER_ADDRESS = "ProviderAddress"
VALIDITY_PERIOD_DAYS = "ValidityPeriodDays"
_OUR_TAGS = {name.lower() for name in (CREDENTIAL_ID, PROVIDER_ADDRESS, VALIDITY_PERIOD_DAYS)}

# https://learn.microsoft.com/azure/key-vault/general/about-keys-secrets-certificates : names and tags
_MOST_TAGS = 15
_LONGEST_TAG = 256
_NOT_IN_A_NAME = re.compile(r"[^0-9A-Za-z-]")

# What says that a value holds more than one bare text: JSON, XML or PEM, URLs, several lines, name=value pairs.
_STRUCTURE = re.compile(r"""^[\[{"'<]|^-----|[;\n\r\\]|://|=[^=\s]""")

# an ASCII character as JSON and as a URL may write it; .NET's JSON has + as \u002B
_ESCAPED = re.compile(r"\\u00([0-7][0-9a-f])|%([0-7][0-9a-f])", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class PublishedSecret:
    """One version of a secret.

    Attributes:
        name: the secret's name.
        id: `https://<vault>/secrets/<name>/<version>`.
        version: 32 hex digits.
        value: whatever it holds; a key or a connection string if all is well.
        tags: as they stand in Key Vault.
        content_type: any text, or None.
        expires_on: in UTC, or None.
        created_on: in UTC, whole seconds, or None.
        enabled: whether it may be read.
    """

    name: str
    id: str
    version: str
    value: Secret
    tags: Mapping[str, str]
    content_type: str | None
    expires_on: datetime | None
    created_on: datetime | None
    enabled: bool

    @property
    def key(self) -> Secret:
        """The access key inside: of a connection string its accesskey (of several the last, as Microsoft's clients
        read it), else the value without the blanks around it. It may be empty, or no key at all."""
        text = self.value.reveal()
        keys = access_keys(text)
        return keys[-1] if keys else Secret(text.strip())

    @property
    def fingerprint(self) -> str:
        """The fingerprint of the key inside: what the secret publishes, whatever its tags say."""
        return self.key.fingerprint

    @property
    def key_type(self) -> KeyType | None:
        """The slot that the tag CredentialId names, in any case, or None."""
        return KeyType.named(tag(self.tags, CREDENTIAL_ID))

    @property
    def resource_id(self) -> ResourceId | None:
        """The resource that the tag ProviderAddress names, or None."""
        return owner(self.tags)

    def holds(self, key: Secret) -> bool:
        """Say whether the key's text stands anywhere in the value, in whatever format, also as JSON or a URL escapes
        it: then somebody may use it."""
        text, value = key.reveal(), self.value.reveal().replace("\\/", "/")
        unescaped = _ESCAPED.sub(lambda match: chr(int(match[1] or match[2], 16)), value)
        return bool(text) and (text in value or text in unescaped)


def tag(tags: Mapping[str, str], name: str) -> str:
    """Return a tag's value without the blanks around it, or an empty text; its name may be in any case."""
    if name in tags:
        return tags[name].strip()
    return next((value.strip() for given, value in tags.items() if given.lower() == name.lower()), "")


def owner(tags: Mapping[str, str]) -> ResourceId | None:
    """Return the resource whose key a secret with these tags publishes, or None."""
    try:
        return ResourceId.parse(tag(tags, PROVIDER_ADDRESS))
    except ValueError:
        return None


def render(template: Secret | None, key: AccessKey, endpoint: str | None) -> Secret:
    """Return the value that publishes a key in the format of the value before.

    Args:
        template: the value before; None, or a blank one, has no format, and a connection string is made.
        key: the key to publish, with its connection string if ARM gave one.
        endpoint: `https://host/`, for the connection string where ARM gave none.

    Of a connection string everything but the access key stays as it is, and around a bare key the blanks do: a
    consumer that has lived with them goes on living with them.

    Raises:
        SecretFormatUnknown: the value before has a structure in which nobody knows where the key belongs.
        ValueError: a connection string is to be made, and neither ARM's nor an endpoint is given.
    """
    text = template.reveal() if template is not None else ""
    if not text.strip():
        if key.connection_string is not None and endpoint_of(key) is not None:
            return key.connection_string
        if endpoint is None:
            raise ValueError("a connection string needs an endpoint")
        return connection_string(endpoint, key.key)
    if access_keys(text):
        return with_access_key(text, key.key)
    bare = text.strip()
    if _STRUCTURE.search(bare):
        raise SecretFormatUnknown
    before, _, after = text.partition(bare)
    return Secret(before + key.key.reveal() + after)


def next_tags(old: Mapping[str, str], key_type: KeyType, resource: ResourceId, validity_days: int) -> dict[str, str]:
    """Return the tags of the next version: ours in their canonical names, all others as they were."""
    kept = {name: value for name, value in old.items() if name.lower() not in _OUR_TAGS}
    return kept | {
        CREDENTIAL_ID: key_type.value,
        PROVIDER_ADDRESS: str(resource),
        VALIDITY_PERIOD_DAYS: str(validity_days),
    }


def check_tags(resource: ResourceId, tags: Mapping[str, str]) -> None:
    """Let pass what can be tagged for the resource; to be called before anything changes.

    Args:
        resource: the resource whose id becomes a tag; ARM ids may be longer than a tag.
        tags: what the secret has now, or nothing for one that is yet to be created.

    Raises:
        TagTooLong: a tag would have over 256 characters, or there would be over 15.
    """
    following = next_tags(tags, KeyType.SECONDARY, resource, LONGEST_VALIDITY_DAYS)
    if len(str(resource)) > _LONGEST_TAG:
        raise TagTooLong(
            f"The resource's id has {len(str(resource))} characters, and a tag in Key Vault holds {_LONGEST_TAG}: its "
            "secret cannot be tagged with it. Shorter names of the resource group or the resource are needed.",
            target=PROVIDER_ADDRESS,
        )
    for name, value in following.items():
        if len(name) > _LONGEST_TAG or len(value) > _LONGEST_TAG:
            raise TagTooLong(
                f"A tag in Key Vault has at most {_LONGEST_TAG} characters; shorten the tag named in target.",
                target=name[:_LONGEST_TAG],
            )
    if len(following) > _MOST_TAGS:
        raise TagTooLong(
            f"A secret in Key Vault has at most {_MOST_TAGS} tags, and with {CREDENTIAL_ID}, {PROVIDER_ADDRESS} and "
            f"{VALIDITY_PERIOD_DAYS} there would be {len(following)}. Remove some.",
            target="tags",
        )


def validity(tags: Mapping[str, str], default_days: int, grace: timedelta) -> tuple[int, str | None]:
    """Return for how many days the next version is valid, and a warning where the tag was not followed.

    The tag ValidityPeriodDays decides, unless it is no number of days or too short to be announced only once (see
    `shortest_validity`); then the default does, made long enough where the grace period asks for it. The warning
    quotes nothing but numbers.
    """
    shortest = shortest_validity(grace)
    default = max(default_days, shortest)
    wish = tag(tags, VALIDITY_PERIOD_DAYS)
    if not wish:
        return default, None
    if not re.fullmatch(r"[0-9]{1,9}", wish, re.ASCII) or not 0 < int(wish) <= LONGEST_VALIDITY_DAYS:
        return default, (
            f"The tag {VALIDITY_PERIOD_DAYS} is no number of days from {shortest} to {LONGEST_VALIDITY_DAYS}; "
            f"{default} was used."
        )
    if int(wish) < shortest:
        return default, (
            f"The tag {VALIDITY_PERIOD_DAYS} says {int(wish)}; under {shortest} days (30, the grace period and one "
            f"more) Key Vault would announce the expiry at once and for ever, so {default} was used."
        )
    return int(wish), None


def default_name(resource: ResourceId) -> str:
    """Return the name of the secret that is created for a resource: `<service name>-connection-string`.

    Characters that Key Vault's names lack become `-`, and 8 hex digits of a hash then tell the name from others.
    """
    name = _NOT_IN_A_NAME.sub("-", resource.name)
    if name != resource.name:
        name += "-" + hashlib.sha256(resource.name.lower().encode()).hexdigest()[:8]
    return f"{name}-connection-string"
