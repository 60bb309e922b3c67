"""Access keys in the two shapes that Communication Services hands out.

"base64" is the older one: 64 random bytes, 88 characters. "cask" is Microsoft's Common Annotated Security Key, 84
characters, 63 bytes when decoded. Its layout and checksum are public in microsoft/security-utilities
(`IdentifiableSecrets.cs`, `Marvin.cs`; the rule for this service is SEC101/204):

    52 random | JQQJ | 9 | 9 | year since 2024 | month | 12 platform | 4 provider | AZCS | 4 checksum

in characters of base64 without `+` and `/`. What stands in the platform's and the provider's fields is not public:
they are zero (`A`) here, as that library writes them when they are not given.
"""

import base64
import secrets
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Literal

KeyShape = Literal["base64", "cask"]

_SIGNATURE = "AZCS"
_BASE62 = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
# "Default0" read as a big-endian number: the seed of version two checksums.
_CHECKSUM_SEED = int.from_bytes(b"Default0")
_WORD = 0xFFFFFFFF


def new_key(shape: KeyShape) -> str:
    """Return a new random key of that shape, valid base64."""
    return _MAKERS[shape]()


def _base64_key() -> str:
    return base64.b64encode(secrets.token_bytes(64)).decode()


def _cask_key() -> str:
    now = datetime.now(UTC)
    annotations = f"JQQJ99{_BASE62[now.year - 2024]}{_BASE62[now.month - 1]}{'A' * 16}{_SIGNATURE}"
    while True:
        body = "".join(secrets.choice(_BASE62) for _ in range(52)) + annotations
        checksum = cask_checksum(body)
        # The library draws again as long as the checksum is not purely alphanumeric.
        if checksum.isalnum():
            return body + checksum


def cask_checksum(body: str) -> str:
    """Return the four base64 characters that follow the 80 of `body`."""
    hashed = marvin(base64.b64decode(body), _CHECKSUM_SEED)
    folded = (hashed >> 32) ^ (hashed & _WORD)
    return base64.b64encode(folded.to_bytes(4, "little")[:3]).decode()


def marvin(data: bytes, seed: int) -> int:
    """Return the 64-bit Marvin32 hash (US patent 8,555,399; SymCrypt's marvin32.c) of `data`."""
    low, high = seed & _WORD, seed >> 32
    padded = data + b"\x80" + b"\0" * (-(len(data) + 1) % 4)
    for start in range(0, len(padded), 4):
        low = (low + int.from_bytes(padded[start : start + 4], "little")) & _WORD
        low, high = _mix(low, high)
    low, high = _mix(low, high)
    return high << 32 | low


def _mix(low: int, high: int) -> tuple[int, int]:
    high ^= low
    low = _rotate(low, 20)
    low = (low + high) & _WORD
    high = _rotate(high, 9) ^ low
    low = _rotate(low, 27)
    low = (low + high) & _WORD
    return low, _rotate(high, 19)


def _rotate(word: int, bits: int) -> int:
    return (word << bits | word >> (32 - bits)) & _WORD


_MAKERS: dict[KeyShape, Callable[[], str]] = {"base64": _base64_key, "cask": _cask_key}
