"""The header Retry-After of Azure's answers: what of it is passed on, and how long it asks to wait (pure).

RFC 9110, section 10.2.3: seconds, or a date. Dates are passed on to the caller, and never waited for.
"""

import re
from collections.abc import Mapping

_NAME = "Retry-After"
# no number of a size that Python would have to be careful with
_SECONDS = re.compile(r"[0-9]{1,9}", re.ASCII)
_DATE = re.compile(r"[A-Za-z0-9 ,:]{20,40}", re.ASCII)


def passed_on(headers: Mapping[str, str]) -> dict[str, str]:
    """Return the header as it may go to the caller, `{"Retry-After": "5"}`; empty if there is none, or nonsense."""
    text = headers.get(_NAME, "")
    return {_NAME: text} if _SECONDS.fullmatch(text) or _DATE.fullmatch(text) else {}


def seconds(headers: Mapping[str, str]) -> int | None:
    """Return how long the header asks to wait: 0 if there is none or it is nonsense, None if it is a date."""
    text = headers.get(_NAME, "")
    if _DATE.fullmatch(text):
        return None
    return int(text) if _SECONDS.fullmatch(text) else 0
