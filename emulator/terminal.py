"""Colours for people: on a terminal alone, and not where NO_COLOR asks for none (https://no-color.org)."""

import os
import sys
from typing import TextIO

_BOLD, _DIM, _GREEN, _RED, _END = "\x1b[1m", "\x1b[2m", "\x1b[32m", "\x1b[31m", "\x1b[0m"


class Style:
    """Puts emphasis into text, or leaves it as it is."""

    def __init__(self, *, coloured: bool) -> None:
        self._coloured = coloured

    def heading(self, text: str) -> str:
        """What is spoken of."""
        return self._in(_BOLD, text)

    def aside(self, text: str) -> str:
        """What need not be read."""
        return self._in(_DIM, text)

    def good(self, text: str) -> str:
        """What went well."""
        return self._in(_GREEN, text)

    def bad(self, text: str) -> str:
        """What went wrong."""
        return self._in(_RED, text)

    def _in(self, code: str, text: str) -> str:
        return f"{code}{text}{_END}" if self._coloured else text


def style_of(stream: TextIO) -> Style:
    """Return the style of what is printed to this stream."""
    is_wanted = not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
    return Style(coloured=is_wanted and stream.isatty())


def stdout_style() -> Style:
    """Return the style of what is printed to stdout."""
    return style_of(sys.stdout)
