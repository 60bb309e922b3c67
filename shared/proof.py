"""Proof that a key is alive, or dead: asked of the data plane, with a control probe beside it.

One call makes one attempt of some seconds and either has the proof or raises a `NotProven`, which is retriable: a
new key takes seconds to minutes to work everywhere, an old one as long to stop. How often to try is the caller's.
"""

import asyncio
import base64
import binascii
import secrets
import string
from collections.abc import Awaitable, Callable
from typing import Protocol

from shared.errors import NotProven
from shared.redaction import Secret

_RUNNING = 3
_PAUSE = 0.25
# 52 random characters come before the annotations of the newer shape:
# https://github.com/microsoft/security-utilities (IdentifiableSecrets.cs)
_RANDOM_PART = 52
_SIGNATURE = "JQQJ"


class DataPlane(Protocol):
    """What the proof needs of a resource's data plane."""

    async def accepts(self, endpoint: str, key: Secret) -> bool:
        """Say whether the data plane accepts the key now: False for 401 alone, True for any other verdict.

        Args:
            endpoint: `https://host/`, as ARM gives it.
            key: a key, or any text in its place.

        Raises:
            NoVerdict: throttled, failed or without an answer.
        """
        ...


async def prove_alive(
    plane: DataPlane,
    endpoint: str,
    key: Secret,
    *,
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    times: int = _RUNNING,
    pause: float = _PAUSE,
) -> None:
    """Return if the data plane accepts the key so many times running, and refuses a random key of the same shape.

    Raises:
        NotProven: it refused the key, or accepted the random one: then an answer says nothing.
        NoVerdict: one of the questions stayed without an answer.
    """
    for turn in range(times):
        if turn:
            await sleep(pause)
        if not await plane.accepts(endpoint, key):
            raise NotProven(
                f"The data plane does not accept the key with the fingerprint {key.fingerprint} yet. If that stays so, "
                "check that the resource allows access keys (disableLocalAuth) and that the clock is right."
            )
    if await plane.accepts(endpoint, random_key_like(key)):
        raise NotProven("The data plane accepts a random key too, so what it says of the real one proves nothing.")


async def prove_dead(
    plane: DataPlane,
    endpoint: str,
    dead_key: Secret,
    live_key: Secret,
    *,
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    times: int = _RUNNING,
    pause: float = _PAUSE,
) -> None:
    """Return if the data plane refuses the dead key so many times running while it accepts the live one.

    The live key is asked about before and after, so that a data plane that refuses everybody proves nothing.

    Raises:
        NotProven: the dead key is still accepted, or the live one is refused.
        NoVerdict: one of the questions stayed without an answer.
    """
    await _require_live(plane, endpoint, live_key)
    for turn in range(times):
        if turn:
            await sleep(pause)
        if await plane.accepts(endpoint, dead_key):
            raise NotProven(f"The data plane still accepts the key with the fingerprint {dead_key.fingerprint}.")
    await _require_live(plane, endpoint, live_key)


async def _require_live(plane: DataPlane, endpoint: str, key: Secret) -> None:
    if not await plane.accepts(endpoint, key):
        raise NotProven(
            f"The data plane refuses the key in use too (fingerprint {key.fingerprint}), so what it says of the old "
            "one proves nothing."
        )


def random_key_like(key: Secret) -> Secret:
    """Return a random key of the same length and shape, which no resource ever had."""
    text = key.reveal()
    if text[_RANDOM_PART:].startswith(_SIGNATURE):
        letters = string.ascii_letters + string.digits
        return Secret("".join(secrets.choice(letters) for _ in range(_RANDOM_PART)) + text[_RANDOM_PART:])
    try:
        length = len(base64.b64decode(text))
    except (binascii.Error, ValueError):
        length = 0
    return Secret(base64.b64encode(secrets.token_bytes(length or 64)).decode())
