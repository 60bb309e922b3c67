"""Looking for keys and tokens where they must not be: the search of `prove/leaks.py`."""

from collections.abc import Iterable

from prove.leaks import LeakIndex


def find_leaks(text: str, keys: Iterable[str]) -> list[str]:
    """Return what of these keys, or of any token, stands in the text: in the clear, escaped, encoded, or in part.

    What is returned names the finding and shows six characters of it.
    """
    return LeakIndex(keys).find(text)
