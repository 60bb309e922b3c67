"""Access keys and authorization levels of functions.

https://learn.microsoft.com/azure/azure-functions/function-keys-how-to: a key comes in the header x-functions-key or
in the query parameter code; the master key opens everything; the system key only the webhooks of extensions.
"""

import hmac
import secrets
from dataclasses import dataclass, field
from typing import Self

LEVELS = ("anonymous", "function", "system", "admin")


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessKeys:
    """The keys of one function app. Not shown by `repr`, so that none is logged by accident."""

    function: str = field(repr=False)
    system: str = field(repr=False)
    master: str = field(repr=False)

    @classmethod
    def random(cls) -> Self:
        """Return new keys, none used before."""
        function, system, master = (secrets.token_urlsafe(40) for _ in range(3))
        return cls(function=function, system=system, master=master)

    def as_dict(self) -> dict[str, str]:
        """Return the keys by field name, for another process."""
        return {"function": self.function, "system": self.system, "master": self.master}

    def allow(self, level: str, presented: str) -> bool:
        """Whether the key `presented` (maybe empty) opens `level`, one of LEVELS. Takes the same time for any key."""
        accepted = {"function": (self.function, self.master), "system": (self.system, self.master)}
        if level == "anonymous":
            return True
        given = presented.encode("utf-8", "surrogatepass")
        # All are compared, whichever fits: how long it takes tells nothing.
        fits = [hmac.compare_digest(given, key.encode()) for key in accepted.get(level, (self.master,))]
        return any(fits)
