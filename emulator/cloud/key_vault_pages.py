"""Lists by pages, as Key Vault gives them.

Pages have 25 items, or as few as `maxresults` says (the specification: 1 to 25). A next link has the form of recorded
ones: `$skiptoken` is base64url of `{"NextMarker", "TargetLocation"}`, and the marker names the item to go on with, so
that what is made or deleted between two pages shifts nothing. Secrets come by upper-cased name and versions by id:
so do the markers, and a recorded list (Azure/azure-sdk-for-js, "can retrieve all versions of a secret by page"),
whose three versions are in the order of their ids and not of their making.
"""

import base64
import binascii
import json
import re
from collections.abc import Callable, Mapping, Sequence
from typing import cast
from urllib.parse import urlencode

from emulator.cloud import key_vault_errors

_LARGEST_PAGE = 25


def page[T](
    items: Sequence[T], *, marker: Callable[[T], str], shape: Callable[[T], object], query: Mapping[str, str], url: str
) -> dict[str, object]:
    """Return one page of `items`, which are in the order of their markers; `url` is that of the list, without a query.

    Raises KeyVaultError 400 for a page size or a skip token that are none.
    """
    size = _size(query.get("maxresults"))
    start = _marker(query.get("$skiptoken"))
    rest = [item for item in items if start is None or marker(item) >= start]
    next_link = _next_link(url, query, marker(rest[size])) if len(rest) > size else None
    return {"value": [shape(item) for item in rest[:size]], "nextLink": next_link}


def _size(text: str | None) -> int:
    if text is None:
        return _LARGEST_PAGE
    if not re.fullmatch("[0-9]{1,2}", text) or not 1 <= int(text) <= _LARGEST_PAGE:
        # Our own words: no recorded answer shows the real one's.
        raise key_vault_errors.bad_parameter(f"maxresults must be from 1 to {_LARGEST_PAGE}.")
    return int(text)


def _next_link(url: str, query: Mapping[str, str], marker: str) -> str:
    token = json.dumps({"NextMarker": marker, "TargetLocation": 0}, separators=(",", ":")).encode()
    parameters = {
        "api-version": query["api-version"],
        "$skiptoken": base64.urlsafe_b64encode(token).rstrip(b"=").decode(),
    }
    if "maxresults" in query:
        parameters["maxresults"] = query["maxresults"]
    return f"{url}?{urlencode(parameters, safe='$')}"


def _marker(token: str | None) -> str | None:
    if token is None:
        return None
    try:
        decoded = cast("object", json.loads(base64.urlsafe_b64decode(token + "=" * (-len(token) % 4))))
    except (binascii.Error, ValueError, RecursionError):
        decoded = None
    marker = cast("dict[str, object]", decoded).get("NextMarker") if isinstance(decoded, dict) else None
    if not isinstance(marker, str):
        raise key_vault_errors.bad_parameter("The skip token is invalid.")
    return marker
