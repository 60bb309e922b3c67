"""Looking for keys and tokens where they must not be."""

import base64
import re
from collections.abc import Iterable
from urllib.parse import quote

# bearer tokens are JSON Web Tokens, in Azure and in the emulator
_TOKEN = re.compile(r"eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}")


def find_leaks(text: str, keys: Iterable[str]) -> list[str]:
    """Return what of these keys, or of any token, stands in the text: in the clear, escaped, encoded, or in part.

    What is returned names the finding and shows six characters of it.
    """
    found = [f"a token: {match[0][:6]}…" for match in _TOKEN.finditer(text)]
    for key in keys:
        forms = {
            "a key": key,
            "a key, URL-encoded": quote(key, safe=""),
            "a key, in base64": base64.b64encode(key.encode()).decode().rstrip("="),
            "the first half of a key": key[: len(key) // 2],
            "the second half of a key": key[len(key) // 2 :].rstrip("="),
        }
        found += [f"{name}: {form[:6]}…" for name, form in forms.items() if form in text]
    return found
