"""Looking for keys and tokens where they must not be: whole, encoded, or any twelve characters of them (pure)."""

import base64
import re
from collections.abc import Iterable, Iterator
from urllib.parse import quote

GRAM = 12
_CONTEXT = 60
# bearer tokens are JSON Web Tokens, in Azure and in the emulator
_TOKEN = re.compile(r"eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}")
# Only where so many of the characters of the forms stand in a row can there be a piece.
_WORD = re.compile(r"[A-Za-z0-9+/=%_\\-]{12,}")


def forms(secret: str) -> Iterator[tuple[str, str]]:
    """Give a secret in each form in which it may stand in a text, and what that form is called."""
    raw = secret.encode()
    yield "in the clear", secret
    yield "URL-encoded", quote(secret, safe="")
    yield "JSON-escaped", secret.replace("/", "\\/")
    # as .NET writes JSON
    yield "JSON-escaped", secret.replace("+", "\\u002B")
    # in base64 a text looks different at each of three positions; what its neighbours change is left out
    for offset, spoilt in enumerate((0, 2, 3)):
        for name, encode in (("in base64", base64.b64encode), ("in base64url", base64.urlsafe_b64encode)):
            yield name, encode(b"\0" * offset + raw).decode().rstrip("=")[spoilt:-1]
    yield "in hex", raw.hex()
    yield "in hex", raw.hex().upper()


class LeakIndex:
    """All pieces of twelve characters of some secrets, in every form."""

    def __init__(self, secrets: Iterable[str]) -> None:
        self._grams: dict[str, str] = {}
        for secret in sorted(set(secrets)):
            for name, form in forms(secret):
                for start in range(len(form) - GRAM + 1):
                    self._grams.setdefault(form[start : start + GRAM], name)

    def find(self, text: str) -> list[str]:
        """Return what of the secrets, or of any token, stands in a text; a finding shows six characters of it, and what
        stands before it on its line."""
        found = {f"a token: {match[0][:6]}…" for match in _TOKEN.finditer(text)}
        grams = self._grams
        for word in _WORD.finditer(text):
            whole = word[0]
            for start in range(len(whole) - GRAM + 1):
                piece = whole[start : start + GRAM]
                if piece in grams:
                    at = word.start() + start
                    before = text[max(0, at - _CONTEXT) : at].rpartition("\n")[2]
                    found.add(f"a secret {grams[piece]}: {before}{piece[:6]}…")
                    break
        return sorted(found)
