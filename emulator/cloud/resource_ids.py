"""ARM ids of communication services."""

import re
from dataclasses import dataclass
from typing import Self

_PATTERN = re.compile(
    r"/subscriptions/(?P<subscription>[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})"
    r"/resourceGroups/(?P<group>[-\w.()]{1,90})"
    r"/providers/Microsoft\.Communication/communicationServices/(?P<name>[-\w]{1,63})",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class ResourceId:
    """The three names in the ARM id of a communication service, in the casing in which they were given."""

    subscription: str
    group: str
    name: str

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read an ARM id in any casing; raises ValueError with a sentence that does not repeat it."""
        match = _PATTERN.fullmatch(text)
        if match is None:
            raise ValueError("is not the ARM id of a communication service")
        return cls(**match.groupdict())

    def __str__(self) -> str:
        return (
            f"/subscriptions/{self.subscription}/resourceGroups/{self.group}"
            f"/providers/Microsoft.Communication/communicationServices/{self.name}"
        )

    @property
    def key(self) -> str:
        """What tells resources apart: ARM ids are compared without regard to case."""
        return str(self).lower()
