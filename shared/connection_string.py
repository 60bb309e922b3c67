"""Connection strings of Communication Services, `endpoint=https://…/;accesskey=…`: read, made and mended (pure)."""

import re

from shared.redaction import AccessKey, Secret

# Microsoft's clients split at ";", take names in any case, and the last of several wins (parse_connection_str in
# azure-communication-phonenumbers' _shared/utils.py). Blanks and quotes around are what people add.
_ACCESS_KEY = re.compile(r"""((?:^|;)\s*["']?accesskey\s*=)([^;"'\r\n]*)""", re.IGNORECASE)
_ENDPOINT = re.compile(r"""(?:^|;)\s*["']?endpoint\s*=\s*([^;\s"']+)""", re.IGNORECASE)


def access_keys(text: str) -> list[Secret]:
    """Return the access keys of a connection string in their order, or nothing where the text is none."""
    # with escapes in it, what follows accesskey= is not the key itself
    if "\\" in text:
        return []
    return [Secret(match[2].strip()) for match in _ACCESS_KEY.finditer(text)]


def with_access_key(text: str, key: Secret) -> Secret:
    """Return a connection string with another access key and everything else as it is, to the last blank.

    Raises:
        ValueError: the text holds no access key.
    """
    if not access_keys(text):
        raise ValueError("not a connection string")

    def replaced(match: re.Match[str]) -> str:
        name, value = match.groups()
        blanks = len(value) - len(value.lstrip())
        return name + value[:blanks] + key.reveal() + value[max(blanks, len(value.rstrip())) :]

    return Secret(_ACCESS_KEY.sub(replaced, text))


def connection_string(endpoint: str, key: Secret) -> Secret:
    """Return the connection string of an endpoint, `https://host/`, and a key, as ARM writes it."""
    return Secret(f"endpoint={endpoint.rstrip('/')}/;accesskey={key.reveal()}")


def endpoint_of(key: AccessKey) -> str | None:
    """Return the endpoint that stands in the connection string that ARM gave with a key, or None."""
    match = _ENDPOINT.search(key.connection_string.reveal()) if key.connection_string is not None else None
    return match[1] if match else None


def endpoint_at(host_name: str) -> str:
    """Return the endpoint of a resource whose `hostName` ARM gave: `https://host/`."""
    return f"https://{host_name.strip('/')}/"
