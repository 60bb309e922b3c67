"""The environment that the app gets: three layers, and what is always the emulator's."""

from collections.abc import Mapping
from pathlib import Path
from typing import cast

from emulator.host.errors import StartError
from emulator.host.json_file import read_json_object

# A company's certificates or proxy in the developer's environment must not come between the app and the emulator.
ALWAYS_OURS = frozenset(
    ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "NO_PROXY", "no_proxy", "IDENTITY_ENDPOINT", "IDENTITY_HEADER")
)
# With it azure-identity would take the identity endpoint for Service Fabric's.
_NEVER = ("IDENTITY_SERVER_THUMBPRINT",)


def local_values(app_directory: Path) -> dict[str, str]:
    """Return "Values" of DIR/local.settings.json as Core Tools read them, without the empty ones.

    No file: no values. StartError for a file that is malformed or encrypted.
    """
    path = app_directory / "local.settings.json"
    if not path.is_file():
        return {}
    document = read_json_object(path)
    if document.get("IsEncrypted") is True:
        raise StartError(f"{path} is encrypted: run `func settings decrypt` first.")
    values = document.get("Values", {})
    if not isinstance(values, dict):
        raise StartError(f'{path}: "Values" must be an object.')
    texts: dict[str, str] = {}
    for name, value in cast("dict[str, object]", values).items():
        if isinstance(value, bool):
            texts[name] = "true" if value else "false"
        elif isinstance(value, str | int | float):
            texts[name] = str(value)
        elif value is not None:
            raise StartError(f'{path}: the value of "{name}" must be a string.')
    return {name: text for name, text in texts.items() if text}


def app_environment(
    process: Mapping[str, str], local: Mapping[str, str], defaults: Mapping[str, str]
) -> dict[str, str]:
    """Merge the process's environment over local.settings.json's values over the emulator's defaults.

    A variable that is there but empty wins too: that is how one unsets a default.
    """
    merged = {**defaults, **local, **process}
    merged.update({name: value for name, value in defaults.items() if name in ALWAYS_OURS})
    for name in _NEVER:
        merged.pop(name, None)
    return merged
