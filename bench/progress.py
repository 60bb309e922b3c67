"""How a measurement tells what it is doing."""

from collections.abc import Callable

# Takes one short phrase.
Progress = Callable[[str], None]
