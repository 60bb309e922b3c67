"""How long tests wait for what must come: hosts differ in speed."""

import os


def patient(seconds: float) -> float:
    """Return so many seconds, times E2E_PATIENCE (default: 1)."""
    return seconds * float(os.environ.get("E2E_PATIENCE", "1"))
