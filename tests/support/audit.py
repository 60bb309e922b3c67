"""The audit lines in the log of the running app."""

import json
from typing import Any

from tests.support.emulator import Emulator

_BEGIN = "audit {"


def audited(emulator: Emulator, text: str) -> list[dict[str, Any]]:
    """Return what each audit line says that holds this text, oldest first."""
    lines = [line for line in emulator.output.splitlines() if text in line and _BEGIN in line]
    return [json.loads("{" + line.partition(_BEGIN)[2]) for line in lines]
