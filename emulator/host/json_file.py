"""Configuration files as the Functions tools read them: JSON that may hold comments and a byte order mark."""

import json
import re
from pathlib import Path
from typing import cast

from emulator.host.errors import StartError

# The host and Core Tools read host.json and local.settings.json with Newtonsoft.Json, which accepts comments.
_STRING_OR_COMMENT = re.compile(r'"(?:\\.|[^"\\])*"|//[^\n]*|/\*.*?\*/', re.DOTALL)


def read_json_object(path: Path) -> dict[str, object]:
    """Return the JSON object in `path`; StartError names the file, and the line where it is malformed."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        raise StartError(f"{path} is not UTF-8 text.") from None
    except OSError as error:
        raise StartError(f"{path} cannot be read: {error.strerror or error}.") from None
    try:
        value: object = json.loads(_STRING_OR_COMMENT.sub(_keep_strings, text))
    except ValueError as error:
        raise StartError(f"{path} is not valid JSON: {error}.") from None
    if not isinstance(value, dict):
        raise StartError(f"{path} must hold a JSON object.")
    return cast("dict[str, object]", value)


def _keep_strings(match: re.Match[str]) -> str:
    token = match[0]
    if token.startswith('"'):
        return token
    # Line breaks stay, so that an error names the line of the file.
    return "\n" * token.count("\n") or " "
